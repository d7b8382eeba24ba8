from __future__ import annotations

import pytest

from serving.brain import Brain
from serving.kinship import Anchor, anchors_of, relatives


def found(brain: Brain, *anchors: Anchor, kinds: tuple[str, ...]) -> list[tuple[str, float, str]]:
    assert brain.snapshot
    picks = relatives(
        brain.catalogue,
        brain.snapshot.products,
        anchors,
        *kinds,  # type: ignore[arg-type]  # of `KINDS`
        source="test",
    )
    return [(each.product_id, each.score, each.reason) for each in picks]


def test_later_products_count_more_and_each_counts_once() -> None:
    got = anchors_of([("viewed", ["a", "b", "a"]), ("cart", ["b"])])

    assert got == [Anchor("a", "viewed", 1.0), Anchor("b", "cart", 1.0)]
    assert anchors_of([("asked", ["a", "b"])])[1].weight == pytest.approx(0.8)
    assert anchors_of([("viewed", [])]) == []


def test_a_long_session_is_told_by_its_last_products() -> None:
    got = anchors_of([("viewed", [f"p{number}" for number in range(50)])])

    assert [each.product_id for each in got] == [f"p{number}" for number in range(49, 41, -1)]


def test_neighbours_count_in_relation_to_the_nearest(brain: Brain) -> None:
    got = found(brain, Anchor("p1", "cart", 0.5), kinds=("goes_with",))

    assert got == [
        ("p34", 0.5, "Bought together with Product 1"),
        ("p10", 0.125, "Bought together with Product 1"),
    ]


def test_scores_add_up_and_the_strongest_is_the_reason(brain: Brain) -> None:
    got = found(
        brain,
        Anchor("p1", "viewed", 1.0),
        Anchor("p9", "viewed", 0.8),
        kinds=("goes_with", "bought_too"),
    )

    assert got == [
        ("p10", 1.05, "People who bought Product 9 buy this too"),  # 0.8, and 0.25 of p1
        ("p34", 1.0, "Bought together with Product 1"),
    ]


def test_the_first_kind_that_knows_a_product_counts(brain: Brain) -> None:
    got = found(brain, Anchor("p2", "bought", 1.0), kinds=("similar_to", "bought_too"))

    assert [each for each, *_ in got] == ["p35", "p36"]


def test_an_anchor_is_not_among_its_relatives_nor_those_of_others(brain: Brain) -> None:
    got = found(
        brain,
        Anchor("p1", "viewed", 1.0),
        Anchor("p10", "viewed", 1.0),
        kinds=("goes_with",),
    )

    assert [each for each, *_ in got] == ["p34"]


def test_without_a_snapshot_or_anchors_there_are_none(brain: Brain) -> None:
    anchor = [Anchor("p1", "viewed", 1.0)]

    assert list(relatives(brain.catalogue, None, anchor, "goes_with", source="test")) == []
    assert found(brain, kinds=("goes_with",)) == []
