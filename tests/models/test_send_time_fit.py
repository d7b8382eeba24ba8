from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.errors import NotEnoughDataError
from features.reading import HOURS
from models.send_time import Shrinkage
from models.send_time_fit import choose, delay_factors, fit_send_time
from models.send_time_measures import Later, Past
from tests.models.readers import answers, frame, larks_and_owls, reads


def test_the_shops_profile_is_of_all_reads_and_no_hour_is_impossible() -> None:
    past, _ = larks_and_owls()

    got = fit_send_time(past, Shrinkage())

    assert got.shop.sum() == pytest.approx(1.0)
    assert (got.shop > 0).all()
    assert got.shop_hour == 6  # 6, 7 and 8 are the larks'
    assert (got.profiles == got.shop).all()  # no groups


def test_groups_begin_at_the_shops_hours_and_move_to_their_own() -> None:
    past, _ = larks_and_owls(30)
    late = past.reads[past.reads["hour"] > 12]["customer_id"].unique()
    when = past.frame.assign(order_hour_strength=1.0).set_index("customer_id")
    when["order_hour"] = np.where(when.index.isin(late), 20.0, 8.0)
    grouped = replace(past, frame=when.reset_index())

    got = fit_send_time(grouped, Shrinkage(group=10.0))

    morning, evening = got.profiles[2], got.profiles[4]
    assert evening[20:23].sum() > got.shop[20:23].sum() > morning[20:23].sum()
    np.testing.assert_allclose(got.profiles[0], got.shop)  # nobody is in it


def test_weekdays_the_shop_hardly_mails_on_have_no_rate() -> None:
    past = Past(
        frame=frame(2),
        reads=reads(("c000", 8, 7, 1.0)),
        answers=answers(
            ("c000", 0, 400.0, 100.0),
            ("c001", 4, 100.0, 50.0),
            ("c001", 5, 9.0, 9.0),
            ("c000", 6, 60.0, 0.0),
        ),
    )

    got = fit_send_time(past, Shrinkage())

    assert got.weekdays[[0, 4]].tolist() == [0.25, 0.5]
    assert np.isnan(np.delete(got.weekdays, [0, 4])).all()
    assert got.tells_weekdays


def test_no_opens_at_all_is_said() -> None:
    past = Past(frame=frame(3), reads=reads(), answers=answers())

    with pytest.raises(NotEnoughDataError, match="opened or clicked by a person"):
        fit_send_time(past, Shrinkage())


def test_habits_that_last_count_from_the_first_read_on() -> None:
    past, later = larks_and_owls(600, known=1)

    shrinkage, corrects = choose(past, later, seed=1)

    assert shrinkage.least == 1
    assert shrinkage.hours <= 2
    assert corrects is False
    assert shrinkage.weekdays == np.inf


def test_reads_without_habits_are_shrunk_to_the_shop() -> None:
    past, later = larks_and_owls(own=False)

    shrinkage, _ = choose(past, later, seed=1)

    assert shrinkage.hours > 4
    assert shrinkage.least == 5  # nothing shows that fewer are enough


def test_too_few_readers_are_counted() -> None:
    past, later = larks_and_owls(49)

    with pytest.raises(NotEnoughDataError, match=r"49 customers .* 50 are needed"):
        choose(past, later, seed=1)


def test_everybody_at_one_hour_is_no_error() -> None:
    same = reads(*((f"c{number:03}", 8, 8, 2.0) for number in range(60)))
    past = Past(frame=frame(60), reads=same, answers=answers())

    shrinkage, corrects = choose(past, Later(reads=same, answers=answers()), seed=1)

    assert fit_send_time(past, shrinkage).shop_hour in (6, 7, 8)
    assert corrects is False


def test_weekdays_of_ones_own_are_taken_only_where_they_show_later() -> None:
    past, later = larks_and_owls()

    def mailed(often: float, seldom: float, *, kept: bool) -> pd.DataFrame:
        liked = {0: 0, 1: 4}
        rows = []
        for number in range(120):
            of = liked[number % 2] if kept else 0
            rows += [(f"c{number:03}", day, 10.0, often if day == of else seldom) for day in (0, 4)]
        return answers(*rows)

    keep, leave = (
        choose(
            replace(past, answers=mailed(8, 2, kept=True)),
            replace(later, answers=mailed(8, 2, kept=kept)),
            seed=1,
        )[0].weekdays
        for kept in (True, False)
    )

    assert np.isfinite(keep)
    assert leave == np.inf


def spread(sent: list[int], liked: np.ndarray, delay: np.ndarray) -> pd.DataFrame:
    """Return reads in proportion to what is liked at the hour and to the delay."""
    rows = []
    for hour in sent:
        share = liked * np.roll(delay, hour)
        share = 6_000 * share / share.sum()
        rows += [("c000", at, hour, float(number)) for at, number in enumerate(share)]
    return reads(*rows)


def test_delays_are_told_from_hours_where_mails_come_at_several_hours() -> None:
    liked = np.where(np.isin(np.arange(HOURS), (8, 20)), 3.0, 1.0)
    at_once = np.where(np.arange(HOURS) < 2, 4.0, 1.0)

    got = delay_factors(spread([0, 5, 8, 11, 16, 21], liked, at_once))

    assert got[:2].mean() / got[2:].mean() == pytest.approx(4.0, rel=0.25)
    assert np.ptp(got[2:]) < 0.2


def test_what_cannot_be_told_from_the_hour_is_the_hours() -> None:
    liked = np.where(np.arange(HOURS) == 8, 9.0, 1.0)

    alone = delay_factors(spread([8], liked, np.ones(HOURS)))
    nearly = delay_factors(spread([6, 7, 8], liked, np.linspace(2, 1, HOURS)))

    assert alone.tolist() == nearly.tolist() == [1.0] * HOURS


def test_without_deliveries_there_are_no_delays() -> None:
    assert delay_factors(reads(("c000", 8, -1, 1.0))).tolist() == [1.0] * HOURS


def test_a_correction_that_helps_is_kept() -> None:
    """Larks at 7 and owls at 21 read most mails as they come, at any hour."""
    rng = np.random.default_rng(3)

    def table(each: int) -> pd.DataFrame:
        rows = []
        for number in range(150):
            usual = 7 if number % 3 else 21
            for sent in rng.integers(0, HOURS, each):
                at_once = rng.random() < 0.6
                rows.append((f"c{number:03}", int(sent) if at_once else usual, int(sent), 1.0))
        return reads(*rows)

    past = Past(frame=frame(150), reads=table(4), answers=answers())

    shrinkage, corrects = choose(past, Later(reads=table(4), answers=answers()), seed=1)
    got = fit_send_time(past, shrinkage, corrects=corrects)

    assert corrects is True
    assert got.delays[0] == got.delays.max()
    assert got.delays[0] > 4 * np.median(got.delays)
