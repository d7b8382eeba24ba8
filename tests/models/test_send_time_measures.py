from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import NotEnoughDataError
from features.reading import HOURS, UNKNOWN
from models.send_time import Shrinkage
from models.send_time_fit import fit_send_time
from models.send_time_measures import (
    MIN_READERS,
    Later,
    Past,
    Readers,
    hits,
    log_likelihood,
    weekday_likelihood,
)
from tests.models.readers import answers, frame, larks_and_owls, reads


def test_readers_are_those_who_read_before_and_later_and_each_read_is_a_row() -> None:
    ids = [f"c{number:03}" for number in range(MIN_READERS)]
    past = Past(
        frame=frame(MIN_READERS + 2),
        reads=reads(*((each, 8, 6, 1.0) for each in [*ids, "c050"])),
        answers=answers(),
    )
    later = Later(
        reads=reads(*((each, 9, 7, 2.0) for each in [*ids, "c051", "gone"])), answers=answers()
    )

    got = Readers.of(past, later)

    assert got.frame["customer_id"].tolist() == ids
    assert np.bincount(got.reader).tolist() == [2] * MIN_READERS
    assert set(got.hour) == {9}
    assert set(got.sent) == {7}


def test_fewer_are_not_compared() -> None:
    past, later = larks_and_owls(MIN_READERS - 1)

    with pytest.raises(NotEnoughDataError, match=f"{MIN_READERS} are needed"):
        Readers.of(past, later)


def test_who_keeps_to_a_habit_is_likelier_and_met_more_often_with_an_hour_of_their_own() -> None:
    past, later = larks_and_owls()
    model = fit_send_time(past, Shrinkage())
    readers = Readers.of(past, later)

    own, usual = (log_likelihood(each, readers).mean() for each in (model, model.baseline()))
    met, shop = (hits(each, readers).mean() for each in (model, model.baseline()))

    assert own > usual
    assert met > 0.8 > 0.7 > shop


def test_the_likelihood_is_that_of_a_distribution_over_the_hours() -> None:
    past, later = larks_and_owls(sent=7)
    readers = Readers.of(past, later)
    model = replace(fit_send_time(past, Shrinkage()), delays=np.linspace(0.5, 1.5, HOURS))
    each = [
        log_likelihood(model, replace(readers, hour=np.full_like(readers.hour, hour)))
        for hour in range(HOURS)
    ]

    np.testing.assert_allclose(np.exp(each).sum(axis=0), 1.0)


def test_delays_do_not_count_where_the_delivery_is_not_known() -> None:
    past, later = larks_and_owls(sent=UNKNOWN)
    readers = Readers.of(past, later)
    plain = fit_send_time(past, Shrinkage())

    delayed = replace(plain, delays=np.linspace(0.5, 1.5, HOURS))

    np.testing.assert_allclose(log_likelihood(plain, readers), log_likelihood(delayed, readers))


def test_who_has_too_few_reads_is_judged_by_the_shops_hour() -> None:
    past, later = larks_and_owls(known=1)
    readers = Readers.of(past, later)

    strict = fit_send_time(past, Shrinkage(least=2))

    assert (hits(strict, readers) == hits(strict.baseline(), readers)).all()


def test_weekdays_are_judged_by_what_was_read_within_a_day() -> None:
    mailed = answers(("c000", 0, 60.0, 30.0), ("c001", 4, 60.0, 6.0))
    past = Past(frame=frame(2), reads=reads(("c000", 8, 7, 1.0)), answers=mailed)
    model = fit_send_time(past, Shrinkage()).baseline()

    got = weekday_likelihood(
        model, past, Later(reads=reads(), answers=answers(("c000", 0, 2.0, 1.0), ("c001", 6, 1, 1)))
    )

    assert got.tolist() == pytest.approx([2 * np.log(0.5)])  # Sundays have no rate
