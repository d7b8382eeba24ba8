from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import DAY, DAY_US, to_us
from core.errors import NotEnoughDataError
from features.mailings import answer_set, layout
from ingest.contract import EMAIL_DELIVERED, EMAIL_OPENED

if TYPE_CHECKING:
    from tests.features.conftest import Happened, Lake

START = datetime(2023, 1, 1, tzinfo=UTC)
AS_OF = START + 120 * DAY
WITHIN = 7 * DAY
HOUR = timedelta(hours=1)


@given(st.lists(st.integers(0, 365 * 86_400), min_size=1, max_size=300), st.integers(1, 60))
def test_answers_to_a_slice_are_known_before_the_next_one(seconds: list[int], days: int) -> None:
    delivered = np.array(seconds, dtype=np.int64) * 1_000_000
    within = days * DAY
    try:
        at = layout(delivered, within)
    except NotEnoughDataError:
        return

    assert list(at.all) == sorted(set(at.all))
    assert at.validation + within <= at.test
    assert at.training[0] + within <= at.validation
    assert all(to_us(each) % DAY_US == 0 for each in at.all)
    first, validation, test = (to_us(each) for each in (at.training[0], at.validation, at.test))
    assert first <= delivered.min()
    assert (delivered >= test).any()
    assert ((delivered >= validation) & (delivered < test)).any()


def test_no_mails_are_too_few_in_one_line() -> None:
    with pytest.raises(NotEnoughDataError, match="0 mails of 0 days") as caught:
        layout(np.array([], dtype=np.int64), WITHIN)

    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def mailed(lake: Lake, happened: type[Happened]) -> duckdb.DuckDBPyConnection:
    """A mail every third day to forty customers; who has an even number opens each within hours."""
    rows = []
    for day in range(0, 120, 3):
        for number in range(40):
            at = START + day * DAY + 9 * HOUR
            mail = partial(happened, customer=f"c{number}", campaign=f"m{day}", lines=())
            rows.append(mail(at=at, event=EMAIL_DELIVERED))
            if number % 2 == 0 or (number + day) % 7 == 0:
                rows.append(mail(at=at + 3 * HOUR, event=EMAIL_OPENED))
    return lake(rows)


def test_a_mail_is_a_row_with_what_was_known_before_its_day(
    mailed: duckdb.DuckDBPyConnection,
) -> None:
    got = answer_set(mailed, answer="opened", as_of=AS_OF, within=WITHIN)

    assert len(got.training) + len(got.purged) + len(got.validation) + len(got.test) < 40 * 40
    first = got.training[got.training["ts_us"] == got.training["ts_us"].min()]
    assert (first["opens_365d"] == 0).all()  # its own open is an answer, not a feature
    assert (first["mails_365d"] == 0).all()
    assert first["label"].sum() > 0
    late = got.test[got.test["customer_id"] == "c2"]
    assert (late["label"] == 1).all()
    assert (late["opens_90d"] > 20).all()
    for early, later in ((got.training, got.validation), (got.validation, got.test)):
        assert (early["ts_us"] + 7 * DAY_US <= later["cutoff_us"].min()).all()
    assert (got.purged["ts_us"] + 7 * DAY_US <= to_us(got.cutoffs.test)).all()
    assert set(got.features) <= set(got.test.columns)
    assert "opened" not in got.test.columns


def test_mails_that_can_still_be_answered_teach_nothing(mailed: duckdb.DuckDBPyConnection) -> None:
    got = answer_set(mailed, answer="opened", as_of=AS_OF, within=WITHIN)

    assert (got.test["ts_us"] <= to_us(AS_OF - WITHIN)).all()


def test_only_mails_to_those_who_consent_teach(mailed: duckdb.DuckDBPyConnection) -> None:
    allowed = {f"c{number}" for number in range(1, 40)}

    got = answer_set(mailed, answer="opened", as_of=AS_OF, within=WITHIN, customers=allowed)

    assert "c0" not in set(got.seen["customer_id"]) | set(got.test["customer_id"])


def test_an_answer_that_nobody_gave_is_too_little(mailed: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(NotEnoughDataError, match=r"0 examples \(a mail\) of clicked"):
        answer_set(mailed, answer="clicked", as_of=AS_OF, within=WITHIN)
