from __future__ import annotations

from models.frequency import Frequency
from tests.models.corner_shop import PRODUCTS, assortment, purchases


def test_frequency_prefers_recent_habits_and_breaks_ties_by_popularity() -> None:
    habits = purchases((1, 1, 1, 1, 0, 0))
    habits.recent.data[:] = [0.5, 0.25, 0.5, 1]

    got = Frequency(assortment()).rank(habits, 3, "all")

    assert [PRODUCTS[at] for at in got.ids[0]] == ["bread", "milk", "eggs"]


def test_a_tie_broken_by_popularity_never_outweighs_a_habit() -> None:
    habits = purchases((1, 1, 0, 0, 0, 0))
    habits.recent.data[:] = [1.0, 1.001]  # bread sells most, eggs are bought a little more

    got = Frequency(assortment((10_000, 0, 0, 0, 0, 0))).rank(habits, 2, "all")

    assert [PRODUCTS[at] for at in got.ids[0]] == ["eggs", "bread"]


def test_it_knows_nothing_new_and_leaves_its_input_alone() -> None:
    habits = purchases((3, 1, 0, 1, 0, 0))
    before = habits.recent.copy()
    ranker = Frequency(assortment())

    assert ranker.rank(habits, 2, "new").ids.tolist() == [[-1, -1]]
    assert ranker.rank(habits, 4, "repeat").ids.tolist() == [[0, 1, -1, -1]]  # petrol never
    assert (habits.recent != before).nnz == 0
