from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.artefact import load_model, save_model
from models.value import EXPECTED_ORDERS_90D, EXPECTED_SPEND_90D, PREDICTED_VALUE_365D, SPEND_P90
from models.value_metrics import gini
from models.value_rules import PastSpend, RfmValue
from tests.models.shoppers import LAST, shoppers

RULES = {
    "past-spend": lambda frame: PastSpend.fit(frame, recent=False),
    "recent-spend": lambda frame: PastSpend.fit(frame, recent=True),
    "rfm": RfmValue.fit,
}


@pytest.fixture(params=RULES)
def rule(request: pytest.FixtureRequest) -> PastSpend | RfmValue:
    return RULES[request.param](shoppers())


def test_expects_in_total_what_it_learnt_from_and_ranks(rule: PastSpend | RfmValue) -> None:
    frame = shoppers()

    got = rule.predict(frame)

    spend = frame["next_revenue_minor"].to_numpy()
    assert got[EXPECTED_SPEND_90D].sum() == pytest.approx(spend.sum(), rel=1e-9)
    assert got[EXPECTED_ORDERS_90D].sum() == pytest.approx(frame["next_orders"].sum(), rel=1e-9)
    pairs = np.column_stack([spend, got[EXPECTED_SPEND_90D]])
    assert gini(pairs, np.ones((1, len(spend))))[0] > 0.2


def test_has_a_year_but_no_bounds(rule: PastSpend | RfmValue) -> None:
    got = rule.predict(shoppers(20, cutoffs=(LAST,)))

    np.testing.assert_allclose(got[PREDICTED_VALUE_365D], got[EXPECTED_SPEND_90D] * 365 / 90)
    assert got[SPEND_P90].isna().all()


def test_comes_back_from_disk_to_the_bit(rule: PastSpend | RfmValue, tmp_path: Path) -> None:
    frame = shoppers(20)
    save_model(rule, tmp_path / "model", meta={"name": "value"})

    back = load_model(tmp_path / "model")

    assert back == rule
    pd.testing.assert_frame_equal(back.predict(frame), rule.predict(frame), check_exact=True)


@pytest.mark.parametrize("fit", [PastSpend.fit, RfmValue.fit])
def test_labels_of_sixty_days_are_brought_to_ninety(fit: Callable[..., Any]) -> None:
    frame = shoppers()
    given = {"recent": True} if fit == PastSpend.fit else {}

    short, full = (fit(frame, days=days, **given).predict(frame) for days in (60.0, 90.0))

    for column in (EXPECTED_ORDERS_90D, EXPECTED_SPEND_90D):
        np.testing.assert_allclose(short[column], full[column] * 1.5)


def test_the_past_is_the_whole_time_as_a_customer_or_the_last_90_days() -> None:
    frame = shoppers(1, cutoffs=(LAST,)).assign(
        tenure_days=180.0,
        orders_total=8.0,
        revenue_minor_total=8_000.0,
        orders_90d=1.0,
        revenue_minor_90d=700.0,
    )

    past = PastSpend(recent=False, orders=1.0, spend=1.0).predict(frame)
    recent = PastSpend(recent=True, orders=1.0, spend=2.0).predict(frame)

    assert past[EXPECTED_ORDERS_90D].tolist() == [4.0]
    assert past[EXPECTED_SPEND_90D].tolist() == [4_000.0]
    assert recent[EXPECTED_ORDERS_90D].tolist() == [1.0]
    assert recent[EXPECTED_SPEND_90D].tolist() == [1_400.0]


def test_a_first_order_of_yesterday_is_not_ninety_orders() -> None:
    frame = shoppers(1, cutoffs=(LAST,)).assign(tenure_days=1.0, orders_total=1.0)

    got = PastSpend(recent=False, orders=1.0, spend=1.0).predict(frame)

    assert got[EXPECTED_ORDERS_90D].tolist() == [1.0]
