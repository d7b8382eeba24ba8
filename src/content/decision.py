"""What is decided for one recipient: plain data, with no personal data in it.

A decision can be logged and rendered again to the same bytes, because it carries the
products as they were shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Literal, get_args

from content.campaign import Product
from profiles.profile import Pick

Rung = Literal["fresh", "snapshot", "segment", "popular", "static"]
RUNGS: Final[tuple[Rung, ...]] = get_args(Rung)  # best first

NO_CONSENT: Final = "no consent to personalisation"
NOT_KNOWN: Final = "nothing is known of this customer yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is known of a recipient. Everything but the id may be missing."""

    customer_id: str
    first_name: str | None = None
    traits: Mapping[str, object] = field(default_factory=dict)
    outputs: Mapping[str, object] = field(default_factory=dict)  # as in a snapshot
    lists: Mapping[str, Sequence[Pick]] = field(default_factory=dict)
    bought: Mapping[str, float] = field(default_factory=dict)  # product -> days ago
    rung: Rung = "snapshot"  # where outputs and lists come from
    context: Mapping[str, object] = field(default_factory=dict)  # what the caller says
    personal: bool = True  # consents to personalisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What else may be shown, and what is known of products now."""

    products: Mapping[str, Product]  # those named by any list; a missing one is not shown
    popular: Sequence[Pick] = ()  # for everybody, best first
    segment: Sequence[Pick] = ()  # in the person's cluster, best first
    common: Mapping[str, Sequence[Pick]] = field(default_factory=dict)  # by name of the list
    rest: Mapping[str, Sequence[Pick]] = field(default_factory=dict)  # by slot, after `popular`


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One product as it is shown, with the reason its reader may see."""

    product_id: str
    name: str
    price_minor: int | None
    currency: str
    url: str | None
    image_url: str | None
    category: str
    source: str
    score: float
    reason: str
    rung: Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one slot shows."""

    slot: str
    block: str
    reason: str
    rung: Rung
    title: str = ""
    text: str = ""  # shown in place of products when there are none
    products: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one recipient gets. `rung` is the lowest that any slot had to use."""

    campaign: str
    version: str
    personal: bool
    rung: Rung
    facts: Mapping[str, object]  # the variables the templates read, but no name
    slots: tuple[Choice, ...]
    context: Mapping[str, object] = field(default_factory=dict)  # as far as the campaign reads it

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON-able data for the decision log."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: Mapping[str, object]) -> Decision:
        """Read back what `to_dict` gave (also after JSON)."""
        fields = dict(kept)
        slots = fields.pop("slots")
        assert isinstance(slots, list | tuple)  # noqa: S101  # written by to_dict
        return cls(
            slots=tuple(
                Choice(**{**slot, "products": tuple(Shown(**shown) for shown in slot["products"])})
                for slot in slots
            ),
            **fields,  # type: ignore[arg-type]  # written by to_dict
        )


def lowest(rungs: Sequence[Rung]) -> Rung:
    """Return the rung furthest down the ladder; `static` when there is none."""
    return max(rungs, key=RUNGS.index, default="static")
