from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import MissingColumnsError
from features.reading import HOURS, MAILED_DAYS, READ_DAYS, READ_HOURS
from models.artefact import load_model, save_model
from models.send_time import (
    FEATURES,
    GROUPS,
    OUTPUTS,
    SendTime,
    Shrinkage,
    around_the_clock,
    counted,
    groups_of,
    within,
)

MORNING = np.eye(HOURS)[8] * 0.76 + 0.01  # the shop reads at 8
ONE_WEEKDAY = np.where(np.arange(7) == 1, 0.2, np.nan)


def model(
    *, weekdays: np.ndarray = ONE_WEEKDAY, personal: bool = True, **shrinkage: float
) -> SendTime:
    return SendTime(
        profiles=np.tile(MORNING, (len(GROUPS), 1)),
        shop=MORNING,
        delays=np.ones(HOURS),
        weekdays=weekdays,
        shrinkage=replace(Shrinkage(), **shrinkage),  # type: ignore[arg-type]
        personal=personal,
    )


def people(*hours: dict[int, float]) -> pd.DataFrame:
    """Return a row for each of the given reads by hour; nobody was mailed on a weekday."""
    table = pd.DataFrame(0.0, index=range(10, 10 + len(hours)), columns=list(FEATURES))
    for row, of in zip(table.index, hours, strict=True):
        for hour, number in of.items():
            table.loc[row, READ_HOURS[hour]] = number
    return table


def test_the_hour_is_the_one_after_which_mail_is_read_soonest() -> None:
    got = model().predict(people({20: 5.0}))

    assert list(got.columns) == list(OUTPUTS)
    assert got.index.tolist() == [10]
    assert got["best_hour"].tolist() == [19.0]  # 20 is in the middle of 19, 20 and 21


def test_hours_are_shrunk_to_the_groups_by_pseudo_counts() -> None:
    reads = np.eye(HOURS)[[20]]

    shares = model(hours=3.0, spread=1e-3).hours(reads, np.array([0]))

    assert shares.sum() == pytest.approx(1.0)
    assert shares[0, 20] == pytest.approx((1 + 3 * 0.01) / 4)
    assert shares[0, 8] == pytest.approx(3 * 0.77 / 4)


def test_the_more_is_known_the_surer_is_the_hour() -> None:
    got = model().predict(people({20: 1.0}, {20: 10.0}))

    assert got["best_hour_share"].is_monotonic_increasing
    assert got["best_hour_share"].between(0, 1).all()


def test_who_has_read_nothing_gets_no_hour_but_a_reason() -> None:
    frame = people({}, {20: 1.0}, {20: 0.3}, {20: 1.5})
    chosen = model(least=2)

    got, why = chosen.predict(frame), chosen.reasons(frame)

    assert got["best_hour"].isna().tolist() == [True, True, True, False]
    assert (got["best_hour"].isna() == (why["best_hour"] != "")).all()
    assert why.loc[10, "best_hour"] == "no mail opened or clicked by a person yet"
    assert why.loc[11, "best_hour"] == "fewer than 2 mails read: too few to tell a habit"


def test_one_weekday_cannot_be_compared() -> None:
    frame = people({20: 3.0})

    assert model().predict(frame)["best_weekday"].isna().all()
    assert model().reasons(frame)["best_weekday"].tolist() == ["the shop mails on one weekday only"]


def test_the_weekday_is_the_one_whose_mails_are_read_more_than_was_to_be_expected() -> None:
    usual = np.array([0.2, np.nan, np.nan, 0.3, np.nan, np.nan, np.nan])
    frame = people({20: 3.0}, {20: 3.0}, {20: 3.0})
    frame[MAILED_DAYS[0]] = [10.0, 10.0, 0.0]
    frame[READ_DAYS[0]] = [9.0, 1.0, 0.0]
    frame[MAILED_DAYS[3]] = [10.0, 10.0, 10.0]
    frame[READ_DAYS[3]] = [1.0, 9.0, 9.0]

    chosen = replace(model(weekdays=usual), shrinkage=Shrinkage(weekdays=3.0))
    got = chosen.predict(frame)

    assert got["best_weekday"].tolist() == [0.0, 3.0, 3.0]
    assert replace(chosen, shrinkage=Shrinkage()).predict(frame)["best_weekday"].tolist() == [3] * 3


def test_reading_much_is_no_liking_for_the_only_weekday_one_was_mailed_on() -> None:
    usual = np.array([0.2, 0.3, *[np.nan] * 5])
    mailed, read = np.zeros((1, 7)), np.zeros((1, 7))
    mailed[0, 0], read[0, 0] = 20.0, 18.0

    rates = replace(model(weekdays=usual), shrinkage=Shrinkage(weekdays=3.0)).rates(mailed, read)

    assert rates[0, 1] > 0.5  # reads much whatever the day
    assert np.isnan(rates[0, 2:]).all()


def test_the_baseline_gives_everybody_the_shops_hour() -> None:
    rule = model(least=3).baseline()
    frame = people({}, {20: 9.0})

    got = rule.predict(frame)

    assert got["best_hour"].tolist() == [rule.shop_hour] * 2
    assert rule.reasons(frame)["best_hour"].tolist() == ["", ""]


def test_one_hour_only_is_no_error() -> None:
    got = model(hours=0.1).predict(people({3: 500.0}))

    assert got["best_hour"].tolist() == [2.0]
    assert got["best_hour_share"].iloc[0] < 1.0


def test_groups_are_by_when_people_order() -> None:
    frame = people({}, {}, {}, {}).assign(
        order_hour=[0.5, 9.0, 23.9, 24.0], order_hour_strength=[0.9, 0.1, 0.9, 0.9]
    )

    assert [GROUPS[number] for number in groups_of(frame)] == [
        "night",
        "no habit",
        "evening",
        "night",
    ]


def test_names_the_missing_column() -> None:
    with pytest.raises(MissingColumnsError, match="read_hour_03") as caught:
        model().predict(people({}).drop(columns="read_hour_03"))

    assert caught.value.missing == ("read_hour_03",)


@pytest.mark.parametrize("personal", [True, False])
def test_comes_back_from_its_folder_the_same(tmp_path: Path, *, personal: bool) -> None:
    saved = model(personal=personal, hours=0.5, least=2)
    save_model(saved, tmp_path / "model", meta={})

    again = load_model(tmp_path / "model")

    assert isinstance(again, SendTime)
    assert again.shrinkage == saved.shrinkage
    frame = people({20: 3.0}, {})
    pd.testing.assert_frame_equal(again.predict(frame), saved.predict(frame))
    assert {path.suffix for path in (tmp_path / "model").iterdir()} == {".json"}


@given(st.lists(st.floats(0, 50), min_size=HOURS, max_size=HOURS), st.integers(0, 23))
def test_turning_the_clock_turns_the_answer(reads: list[float], turn: int) -> None:
    even = replace(model(), profiles=np.full((len(GROUPS), HOURS), 1 / HOURS))
    own, turned = (
        even.hours(np.array([values]), np.array([0]))
        for values in (reads, np.roll(reads, turn).tolist())
    )

    assert own.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(np.roll(own, turn, axis=1), turned, atol=1e-12)


@given(st.floats(0.1, 12))
def test_what_a_read_lends_to_the_hours_around_adds_up_to_one(spread: float) -> None:
    shares = around_the_clock(spread)

    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    np.testing.assert_allclose(shares, shares.T)
    assert (shares.argmax(axis=1) == np.arange(HOURS)).all()


def test_three_hours_go_round_the_clock() -> None:
    shares = within(np.eye(HOURS)[0])

    assert np.flatnonzero(shares).tolist() == [0, 22, 23]


def test_old_reads_are_reads_and_rounding_makes_none() -> None:
    reads = np.zeros((3, HOURS))
    reads[:, 0] = [0.2, 2.0 + 1e-9, 0.0]

    assert counted(reads).tolist() == [1, 2, 0]
