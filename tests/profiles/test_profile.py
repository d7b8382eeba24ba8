from __future__ import annotations

import numpy as np
import orjson
import pyarrow as pa

from profiles.profile import LISTS, Pick, Profile, lists_table, pack, scores_table, unpack

WHY = "You bought this 7 times"
ANN = Profile(
    "ann/Žofie 🛒",
    outputs={"p": 0.1 + 0.2, "cluster": None, "traits": ["frequent"], "good": True},
    why_null={"cluster": "no model yet"},
    features={"recency_days": 3, "gap": 1.5},
    lists={
        "buy_again": [Pick("tea", 3.5, "frequency", WHY), Pick("mug", 2.0, "frequency", WHY)],
        "new_for_you": [],
    },
    bought={"mug": 0, "tea": 12},
)
BOB = Profile("bob", features={"recency_days": 4.5, "gap": None})


def test_a_profile_is_unpacked_as_it_was_packed() -> None:
    assert unpack(ANN.customer_id, pack(ANN)) == ANN
    assert unpack("nobody", pack(Profile("nobody"))) == Profile("nobody")


def test_a_reason_stands_once_however_many_products_share_it() -> None:
    body = pack(ANN)

    assert body.count(WHY.encode()) == 1
    assert len(orjson.loads(body)["y"]) == 1


def test_numbers_of_numpy_become_plain_ones() -> None:
    given = Profile("ann", outputs={"p": np.float32(0.5)}, features={"n": np.int64(3)})  # type: ignore[dict-item]

    assert unpack("ann", pack(given)).outputs == {"p": 0.5}
    assert unpack("ann", pack(given)).features == {"n": 3}


def test_lists_are_rows_ranked_from_one() -> None:
    table = lists_table([ANN, BOB])

    assert table.schema == LISTS
    assert table.select(["customer_id", "slot", "rank", "product_id"]).to_pylist() == [
        {"customer_id": ANN.customer_id, "slot": "buy_again", "rank": rank, "product_id": product}
        for rank, product in ((1, "tea"), (2, "mug"))
    ]
    assert lists_table([BOB]).schema == LISTS


def test_scores_are_floats_that_a_later_batch_may_make_fractions() -> None:
    table = scores_table([ANN, BOB], ["p"], None)

    assert table.column_names == ["customer_id", "recency_days", "gap", "p"]
    assert table.schema.field("recency_days").type == pa.float64()
    assert table.column("p").to_pylist() == [0.1 + 0.2, None]


def test_types_that_were_asked_for_hold_even_where_nobody_has_a_value() -> None:
    schema = pa.schema([("customer_id", pa.string()), ("traits", pa.list_(pa.string()))])

    assert scores_table([BOB], [], schema).schema == schema
