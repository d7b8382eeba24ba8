from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError, DataError, MissingColumnsError
from features.feature import names
from segmentation.lifecycle import DEFAULT, FEATURES, STAGES, Thresholds, rhythm, rules, stages

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "lifecycle.md"


def customers(**columns: list[float]) -> pd.DataFrame:
    """Return monthly customers of ten orders, the last ten days ago, but for what is given."""
    usual = {
        "orders_total": 10.0,
        "orders_365d": 3.0,
        "recency_days": 10.0,
        "tenure_days": 400.0,
        "gap_mean_days": 30.0,
        "gap_last_days": 30.0,
    }
    rows = max((len(values) for values in columns.values()), default=1)
    return pd.DataFrame({name: columns.get(name, [value] * rows) for name, value in usual.items()})


@pytest.mark.parametrize(
    ("given_", "stage"),
    [
        pytest.param({"orders_total": [0.0]}, "prospect", id="never-ordered"),
        pytest.param({}, "active", id="in-their-rhythm"),
        pytest.param({"orders_365d": [4.0]}, "loyal", id="often-this-year"),
        pytest.param({"recency_days": [45.0]}, "active", id="one-and-a-half-gaps"),
        pytest.param({"recency_days": [45.1]}, "at_risk", id="more-than-that"),
        pytest.param({"recency_days": [90.0]}, "at_risk", id="three-gaps"),
        pytest.param({"recency_days": [90.1]}, "lapsed", id="more-than-three"),
        pytest.param(
            {"recency_days": [90.1], "orders_365d": [9.0]}, "lapsed", id="loyal-once-and-gone"
        ),
        pytest.param(
            {"recency_days": [91.0], "gap_mean_days": [80.0]}, "active", id="who-orders-seldom"
        ),
        pytest.param(
            {"recency_days": [21.0], "gap_mean_days": [1.0]},
            "active",
            id="two-orders-on-a-weekend-are-no-rhythm",
        ),
        pytest.param(
            {"recency_days": [271.0], "gap_mean_days": [700.0]},
            "at_risk",
            id="nor-is-every-other-year",
        ),
    ],
)
def test_stages_follow_the_customers_own_rhythm(given_: dict[str, list[float]], stage: str) -> None:
    assert stages(customers(**given_)).tolist() == [stage]


@pytest.mark.parametrize(
    ("days", "stage"),
    [(1.0, "new"), (30.0, "new"), (31.0, "active"), (136.0, "at_risk"), (271.0, "lapsed")],
)
def test_who_has_ordered_once_gets_a_usual_rhythm(days: float, stage: str) -> None:
    """The features of a single order say that it is one gap of a year."""
    once = customers(
        orders_total=[1.0],
        orders_365d=[1.0],
        recency_days=[days],
        tenure_days=[days],
        gap_mean_days=[365.0],
        gap_last_days=[365.0],
    )

    assert stages(once).tolist() == [stage]


def test_who_had_lapsed_by_the_rhythm_of_then_is_won_back() -> None:
    # Eight gaps of 20 days, then one of 61, or of 60: (8 * 20 + 61) / 9.
    back = customers(gap_mean_days=[221 / 9, 220 / 9], gap_last_days=[61.0, 60.0])

    assert stages(back).tolist() == ["won_back", "active"]


def test_a_second_order_after_long_wins_back_and_the_next_makes_active() -> None:
    again = customers(
        orders_total=[2.0, 3.0],
        orders_365d=[1.0, 2.0],
        gap_mean_days=[300.0, 160.0],
        gap_last_days=[300.0, 20.0],
    )

    assert stages(again).tolist() == ["won_back", "active"]


def test_who_came_back_can_be_at_risk_again() -> None:
    again = customers(gap_mean_days=[40.0], gap_last_days=[200.0], recency_days=[61.0])

    assert stages(again).tolist() == ["at_risk"]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 500),
            st.integers(0, 500),
            *[st.floats(0, 4_000, allow_nan=False) for _ in range(4)],
        ),
        max_size=30,
    )
)
def test_everybody_is_in_exactly_one_stage(rows: list[tuple[float, ...]]) -> None:
    frame = pd.DataFrame(rows, columns=names(FEATURES), dtype="float64")
    before = frame.copy()

    got = stages(frame)

    assert got.index.equals(frame.index)
    assert set(got) <= set(STAGES)
    assert ((got == "prospect") == (frame["orders_total"] == 0)).all()
    pd.testing.assert_frame_equal(frame, before)


@given(st.floats(0, 1_000), st.floats(0.5, 1_000))
def test_waiting_longer_never_brings_back(gap: float, recency: float) -> None:
    late = {"at_risk": 1, "lapsed": 2}
    waiting = customers(recency_days=[recency, recency * 2], gap_mean_days=[gap] * 2)

    now, then = (late.get(stage, 0) for stage in stages(waiting))

    assert then >= now


def test_rhythm_is_kept_between_its_bounds() -> None:
    got = rhythm(np.array([1.0, 2.0, 9.0, 9.0]), np.array([365.0, 3.0, 50.0, 400.0]))

    assert got.tolist() == [DEFAULT.once_days, DEFAULT.least_days, 50.0, DEFAULT.most_days]


def test_every_stage_has_its_rule_with_the_thresholds_that_hold() -> None:
    strict = rules(Thresholds(lapsed_gaps=2.5, loyal_orders=7))

    assert list(strict) == list(STAGES)
    assert "more than 2.5 gaps" in strict["lapsed"]
    assert "7 orders" in strict["loyal"]
    assert len(set(strict.values())) == len(STAGES)


def test_the_page_says_the_rules_as_they_are() -> None:
    page = " ".join(PAGE.read_text().split())

    assert not [rule for rule in rules().values() if rule not in page]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"at_risk_gaps": 3.0}, "at_risk_gaps must be below lapsed_gaps"),
        ({"least_days": 500.0}, "least_days must be below most_days"),
        ({"new_days": 0.0}, "new_days must be above 0"),
        ({"loyal_orders": -1}, "loyal_orders must be above 0"),
        ({"once_days": float("nan")}, "once_days must be above 0"),
    ],
)
def test_thresholds_that_contradict_each_other_are_refused(
    wrong: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Thresholds(**wrong)  # type: ignore[arg-type]


def test_names_the_missing_column() -> None:
    with pytest.raises(MissingColumnsError, match="gap_last_days") as caught:
        stages(customers().drop(columns="gap_last_days"))

    assert caught.value.missing == ("gap_last_days",)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_named(value: float) -> None:
    with pytest.raises(DataError, match="recency_days"):
        stages(customers(recency_days=[value]))
