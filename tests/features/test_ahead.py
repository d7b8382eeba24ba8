from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from core.clock import DAY, to_us
from core.errors import NotEnoughDataError
from features import ahead
from features.ahead import cutoffs_ahead, horizon_for, labelled, look_ahead
from features.definitions.orders import ORDERS_TOTAL, RECENCY_DAYS
from features.shop import Shop

if TYPE_CHECKING:
    import duckdb

    from tests.features.conftest import Happened, Lake

START = datetime(2023, 1, 1, tzinfo=UTC)
HORIZON = 90 * DAY
FEATURES = (RECENCY_DAYS, ORDERS_TOTAL)


def test_every_label_learnt_from_is_complete_when_the_test_slice_begins() -> None:
    learnt_at, tested_at = cutoffs_ahead(START, START + 365 * DAY, HORIZON)

    assert tested_at == START + 275 * DAY
    assert learnt_at[-1] + HORIZON == tested_at
    assert [b - a for a, b in pairwise(learnt_at)] == [30 * DAY] * 4
    assert learnt_at[0] - START >= 60 * DAY


def test_a_long_history_has_six_cut_offs_and_the_shortest_one() -> None:
    assert len(cutoffs_ahead(START, START + 2_000 * DAY, HORIZON)[0]) == 6
    assert len(cutoffs_ahead(START, START + 240 * DAY, HORIZON)[0]) == 1


def test_a_short_history_looks_ahead_sixty_days_and_has_room_for_that() -> None:
    assert horizon_for(START, START + 240 * DAY) == 90 * DAY
    assert horizon_for(START, START + 239 * DAY) == 60 * DAY
    learnt_at, tested_at = cutoffs_ahead(START, START + 180 * DAY, 60 * DAY)
    assert (learnt_at, tested_at) == ((START + 60 * DAY,), START + 120 * DAY)


@pytest.mark.parametrize(
    ("begins", "as_of", "says"),
    [
        pytest.param(None, START, "there are no orders", id="no-orders"),
        pytest.param(START, START, "orders begin 2023-01-01", id="before-the-first-order"),
        pytest.param(START, START + 239 * DAY, r"239 days .* 240\. Give", id="a-day-too-few"),
    ],
)
def test_too_short_a_history_says_what_is_missing(
    begins: datetime | None, as_of: datetime, says: str
) -> None:
    with pytest.raises(NotEnoughDataError, match=says):
        cutoffs_ahead(begins, as_of, HORIZON)


def shop(lake: Lake, happened: type[Happened], customers: int = 130) -> duckdb.DuckDBPyConnection:
    """Everybody orders in the first days; all but every fifth again on every 50th day."""
    return lake(
        [
            happened(customer=f"c{number}", at=START + day * DAY + timedelta(hours=number % 24))
            for number in range(customers)
            for day in ((0,) if number % 5 == 0 else (0, 50, 100, 150, 200, 250))
        ]
    )


def look(connection: duckdb.DuckDBPyConnection, customers: set[str]) -> ahead.Ahead:
    return look_ahead(
        connection,
        as_of=START + 270 * DAY,
        features=FEATURES,
        shop=Shop(),
        customers=customers,
    )


def test_features_and_what_came_after_stand_side_by_side(
    lake: Lake, happened: type[Happened]
) -> None:
    rows = look(shop(lake, happened), {f"c{number}" for number in range(1, 130)})

    assert (rows.days, rows.note) == (90.0, "")
    assert (rows.learnt_at, rows.tested_at) == (
        (START + 60 * DAY, START + 90 * DAY),
        START + 180 * DAY,
    )
    assert rows.learning["cutoff_us"].unique().tolist() == [to_us(at) for at in rows.learnt_at]
    assert "c0" not in set(rows.learning["customer_id"]) | set(rows.test["customer_id"])
    found = rows.test.set_index("customer_id")[["orders_total", *ahead.LABELS]].T
    assert found["c1"].tolist()[:2] == [4.0, 2.0]
    assert found["c1"].tolist()[3] == pytest.approx(20 + 1 / 24)
    assert found["c5"].tolist()[1:3] == [0.0, 0.0]
    assert found["c5"].isna().tolist() == [False, False, False, True]


def test_the_digest_names_the_rows(lake: Lake, happened: type[Happened]) -> None:
    connection = shop(lake, happened)
    everybody = {f"c{number}" for number in range(130)}

    assert look(connection, everybody).digest == look(connection, everybody).digest
    assert look(connection, everybody).digest != look(connection, everybody - {"c7"}).digest


def test_too_few_buyers_are_said(lake: Lake, happened: type[Happened]) -> None:
    connection = shop(lake, happened)

    with pytest.raises(NotEnoughDataError, match=r"20 examples .* to learn from, 16 of whom"):
        look(connection, {f"c{number}" for number in range(10)})


def test_what_happens_after_the_horizon_changes_nothing(
    lake: Lake, happened: type[Happened]
) -> None:
    before = [happened(customer="ann", at=START), happened(customer="ann", at=START + 5 * DAY)]
    later = happened(customer="ann", at=START + 92 * DAY)

    def at(rows: list[Happened]) -> list[object]:
        cutoffs = (START + 2 * DAY,)
        frame = labelled(lake(rows), cutoffs, HORIZON, features=FEATURES, shop=Shop())
        return frame.iloc[0].tolist()

    assert at(before) == at([*before, later])
