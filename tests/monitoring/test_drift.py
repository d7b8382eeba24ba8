from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError, MissingColumnsError, NotEnoughDataError
from monitoring.drift import Drift, compare


def customers(rows: int = 400, *, moved_by: float = 0.0) -> pd.DataFrame:
    """One column that moves by so many standard deviations, one that does not, one constant."""
    draw = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "spend": draw.normal(0, 1, rows) + moved_by,
            "rhythm": np.linspace(0, 1, rows),
            "returns": np.zeros(rows),
        }
    )


@pytest.fixture(scope="module")
def drift() -> Drift:
    return compare(customers(), customers(500, moved_by=2.0), limit=0.3, title="June & November")


def test_a_column_drifts_by_the_deviations_it_moved(drift: Drift) -> None:
    first = drift.columns[0]

    assert first.feature == "spend"
    assert first.score == pytest.approx(2.0, abs=0.2)
    assert first.current_mean - first.reference_mean == pytest.approx(2.0, abs=0.2)
    assert first.drifted


def test_a_column_that_stays_does_not_drift(drift: Drift) -> None:
    rhythm = next(column for column in drift.columns if column.feature == "rhythm")

    assert rhythm.score < 0.01
    assert not rhythm.drifted


def test_share_counts_only_columns_that_vary(drift: Drift) -> None:
    assert drift.share == 0.5
    assert drift.constant == ("returns",)


def test_the_page_is_complete_by_itself_and_has_the_title(drift: Drift) -> None:
    assert "<title>June &amp; November</title>" in drift.html
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"?http", drift.html)


def test_the_page_holds_no_rows() -> None:
    reference = customers()
    inside = reference["spend"].sort_values().iloc[1:-1]  # the ends are edges of a histogram

    page = compare(reference, customers(), limit=0.3, title="t").html

    assert not [value for value in inside if repr(value) in page]


def test_the_same_input_gives_the_same_bytes(drift: Drift) -> None:
    again = compare(customers(), customers(500, moved_by=2.0), limit=0.3, title="June & November")

    assert again == drift


def test_leaves_its_input_alone() -> None:
    reference, current = customers(), customers()

    compare(reference, current, limit=0.3, title="t")

    pd.testing.assert_frame_equal(reference, customers())
    pd.testing.assert_frame_equal(current, customers())


def test_names_the_column_that_current_lacks() -> None:
    with pytest.raises(MissingColumnsError) as caught:
        compare(customers(), customers().drop(columns="spend"), limit=0.3, title="t")

    assert caught.value.missing == ("spend",)


def test_refuses_words_so_that_no_identifier_slips_in() -> None:
    named = customers().assign(customer_id="hh-1")

    with pytest.raises(DataError, match="customer_id"):
        compare(named, named, limit=0.3, title="t")


@pytest.mark.parametrize(
    ("reference", "current", "says"),
    [
        pytest.param(customers(5), customers(), "the reference has 5 customers", id="few-then"),
        pytest.param(customers(), customers(0), "the current has 0 customers", id="none-now"),
        pytest.param(
            customers()[["returns"]], customers()[["returns"]], "returns", id="nothing-varies"
        ),
    ],
)
def test_says_when_there_is_too_little(
    reference: pd.DataFrame, current: pd.DataFrame, says: str
) -> None:
    with pytest.raises(NotEnoughDataError, match=says):
        compare(reference, current, limit=0.3, title="t")
