from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from pipelines.told import Told, dates, numbers


def test_what_is_undefined_is_null_with_its_reason() -> None:
    told = numbers(pd.DataFrame({"gap": [1.5, np.nan], "sum": [0.0, 2.0]}), {"gap": "one order"})

    assert told.outputs == {"gap": [1.5, None], "sum": [0.0, 2.0]}
    assert told.why == {"gap": ["", "one order"], "sum": ["", ""]}


def test_days_ahead_are_dates() -> None:
    at = datetime(2024, 2, 28, 23, tzinfo=UTC)

    assert dates(at, np.array([0.5, 1.5, np.nan])) == ["2024-02-29", "2024-03-01", None]


def test_a_later_word_replaces_an_earlier_one() -> None:
    told = Told(outputs={"a": [None]}, why={"a": ["not yet"]})

    told.add(Told(outputs={"a": [1.0]}, why={"a": [""]}, reasons={"a": ["so"]}))

    assert (told.outputs, told.why, told.reasons) == ({"a": [1.0]}, {"a": [""]}, {"a": ["so"]})


def test_a_probability_holds_that_of_what_it_contains() -> None:
    told = Told(outputs={"month": [0.4, 0.1, None], "quarter": [0.3, 0.2, 0.5]})

    told.hold("month", "quarter")

    assert told.outputs == {"month": [0.4, 0.1, None], "quarter": [0.4, 0.2, 0.5]}
