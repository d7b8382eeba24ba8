"""What a snapshot holds of one customer, and how it is laid down in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import orjson
import pyarrow as pa

BUY_AGAIN: Final = "buy_again"  # bought before, by decayed personal frequency
NEW_FOR_YOU: Final = "new_for_you"  # never bought before
SIMILAR_TO: Final = "similar_to"  # like some products
GOES_WITH: Final = "goes_with"  # bought in one order with some products
# For everybody; kept once per snapshot, not per customer.
TRENDING: Final = "trending"  # sells better this week than it did before
NEW_ARRIVALS: Final = "new_arrivals"  # of late in the shop
POPULAR: Final = "popular"  # what everybody buys

Value = float | int | str | bool | list[str] | None

LISTS: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("slot", pa.string()),
        ("rank", pa.int32()),
        ("product_id", pa.string()),
        ("score", pa.float64()),
        ("source", pa.string()),
        ("reason", pa.string()),
    ]
)


class Pick(NamedTuple):
    """One product chosen for somebody. `reason` is true and can be shown to that person."""

    product_id: str
    score: float
    source: str  # which rule or model had it highest: als, ease, together, frequency, ...
    reason: str


_pick: Final = Pick._make  # half as long as calling it: a profile is read for every e-mail


@dataclass(frozen=True, slots=True)
class Profile:
    """What a snapshot holds of one customer.

    An output that could not be made is null in `outputs` and has its cause in `why_null`; what one
    that was made rests on may stand in `reasons`, in words.
    `bought` has the products bought last, the latest first, and how many whole days before the
    snapshot that was.
    """

    customer_id: str
    outputs: dict[str, Value] = field(default_factory=dict)
    why_null: dict[str, str] = field(default_factory=dict)
    features: dict[str, Value] = field(default_factory=dict)
    lists: dict[str, list[Pick]] = field(default_factory=dict)
    bought: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def pack(profile: Profile) -> bytes:
    """Return one customer's body in serving.db: short, since it is read for every e-mail.

    Keys are one letter, picks are arrays, and the few pairs of source and reason stand once.
    """
    whys: dict[tuple[str, str], int] = {}
    lists = {
        slot: [
            (each.product_id, each.score, whys.setdefault((each.source, each.reason), len(whys)))
            for each in picks
        ]
        for slot, picks in profile.lists.items()
    }
    return orjson.dumps(
        {
            "o": profile.outputs,
            "w": profile.why_null,
            "r": profile.reasons,
            "f": profile.features,
            "l": lists,
            "y": list(whys),
            "b": profile.bought,
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def unpack(customer_id: str, body: bytes) -> Profile:
    """Read back what `pack` wrote."""
    held = orjson.loads(body)
    whys = held["y"]
    lists = {
        slot: [_pick((product_id, score, *whys[why])) for product_id, score, why in picks]
        for slot, picks in held["l"].items()
    }
    return Profile(customer_id, held["o"], held["w"], held["f"], lists, held["b"], held["r"])


def lists_table(batch: Sequence[Profile]) -> pa.Table:
    """Return lists.parquet's rows of a batch: one per customer, slot and rank (from 1)."""
    rows = [
        (each.customer_id, slot, rank, *pick)
        for each in batch
        for slot, picks in each.lists.items()
        for rank, pick in enumerate(picks, start=1)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(LISTS)
    return pa.Table.from_arrays(
        [pa.array(column, each.type) for column, each in zip(columns, LISTS, strict=True)],
        schema=LISTS,
    )


def scores_table(
    batch: Sequence[Profile], outputs: Sequence[str], schema: pa.Schema | None
) -> pa.Table:
    """Return scores.parquet's rows of a batch: features and outputs side by side.

    Types come from `schema`, else from the values, where numbers are float64.
    """
    ids = pa.array([each.customer_id for each in batch], pa.string())
    types = {each.name: each.type for each in schema or () if each.name != "customer_id"}
    names = list(types) or list(dict.fromkeys([*batch[0].features, *outputs]))
    columns = {"customer_id": ids}
    for name in names:
        values = [each.outputs.get(name, each.features.get(name)) for each in batch]
        column = pa.array(values, types.get(name))
        if name not in types and (
            pa.types.is_null(column.type) or pa.types.is_integer(column.type)
        ):
            column = column.cast(pa.float64())  # a later batch may bring fractions
        columns[name] = column
    return pa.table(columns)
