from __future__ import annotations

from collections.abc import Iterator

from features.feature import kinds_of
from features.kinds.kind import Brief, Flat, Keyed, Kind, Tabled
from features.kinds.tally import Tally
from features.measures import ONE
from features.registry import REGISTRY
from ingest.contract import ORDER_COMPLETED


def test_equal_definitions_are_one_kind() -> None:
    one, same = Tally(ONE, (ORDER_COMPLETED,)), Tally(ONE, (ORDER_COMPLETED,))

    assert one == same
    assert len({one: 1, same: 2}) == 1


def test_the_list_of_kinds_is_closed() -> None:
    used = {type(kind).__name__ for kind in kinds_of(REGISTRY)}

    shapes = {shape.__name__ for shape in (Flat, Tabled, Brief, Keyed)}
    assert used == {kind.__name__ for kind in _below(Kind)} - shapes


def _below(kind: type) -> Iterator[type]:
    found: list[type] = kind.__subclasses__()
    for one in found:
        yield one
        yield from _below(one)
