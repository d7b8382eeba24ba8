from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError, MissingColumnsError
from models import value
from models.artefact import load_model, save_model
from models.slow_trees import predicted
from models.value import ValueModel
from models.value_metrics import gini
from tests.models.shoppers import LAST, shoppers


@pytest.fixture(scope="module")
def later() -> pd.DataFrame:
    return shoppers(cutoffs=(LAST + 90,), seed=8)


@pytest.fixture(scope="module")
def model(later: pd.DataFrame) -> ValueModel:
    return ValueModel.fit(shoppers(), now=later, seed=7)


def test_says_who_will_spend_and_about_how_much(model: ValueModel, later: pd.DataFrame) -> None:
    got = model.predict(later)

    spend = later["next_revenue_minor"].to_numpy()
    pairs = np.column_stack([spend, got[value.EXPECTED_SPEND_90D]])
    assert gini(pairs, np.ones((1, len(spend))))[0] > 0.6
    assert got[value.EXPECTED_SPEND_90D].sum() == pytest.approx(spend.sum(), rel=0.25)
    orders = later["next_orders"].sum()
    assert got[value.EXPECTED_ORDERS_90D].sum() == pytest.approx(orders, rel=0.25)
    assert np.mean(spend > got[value.SPEND_P90]) == pytest.approx(0.1, abs=0.06)


def test_outputs_hold_together(model: ValueModel, later: pd.DataFrame) -> None:
    later = later.assign(refunded_minor_total=500.0)

    got = model.predict(later)

    assert (got.index == later.index).all()
    spend, year = got[value.EXPECTED_SPEND_90D], got[value.PREDICTED_VALUE_365D]
    assert (got[value.SPEND_P10] <= spend).all()
    assert (spend <= got[value.SPEND_P90]).all()
    assert (spend <= year).all()
    assert (year <= spend * 365 / 90 * (1 + 1e-9)).all()
    assert (got[value.EXPECTED_ORDERS_365D] >= got[value.EXPECTED_ORDERS_90D]).all()
    historic = later["revenue_minor_total"] - 500
    np.testing.assert_allclose(got[value.HISTORIC_VALUE], historic)
    np.testing.assert_allclose(got[value.TOTAL_VALUE], historic + year)
    mean = later["revenue_minor_total"] / later["orders_total"]
    np.testing.assert_allclose(got[value.AVERAGE_ORDER_VALUE], mean)


def test_one_order_has_no_gap(model: ValueModel, later: pd.DataFrame) -> None:
    once = later.head(2).assign(orders_total=[1.0, 2.0], gap_mean_days=[365.0, 12.0])

    got = model.predict(once)[value.AVERAGE_DAYS]

    assert np.isnan(got.iloc[0])
    assert got.iloc[1] == 12.0


def test_the_mean_is_half_way_between_both_sides(model: ValueModel, later: pd.DataFrame) -> None:
    trees, plain = (
        replace(model, share=each).predict(later)[value.EXPECTED_SPEND_90D] for each in (1.0, 0.0)
    )

    got = model.predict(later)[value.EXPECTED_SPEND_90D]

    np.testing.assert_allclose(got, (trees + plain) / 2)
    np.testing.assert_allclose(plain, model.btyd.columns(later)["btyd_spend"])


def test_labels_of_sixty_days_are_stretched_to_ninety_as_orders_thin_out(
    later: pd.DataFrame, model: ValueModel
) -> None:
    short = replace(model, days=60.0, share=0.0)

    got = short.predict(later)[value.EXPECTED_ORDERS_90D]

    np.testing.assert_allclose(got, model.btyd.expected_orders(later, 90.0))


def test_comes_back_from_disk_to_the_bit(
    model: ValueModel, later: pd.DataFrame, tmp_path: Path
) -> None:
    save_model(replace(model, share=0.75, days=60.0), tmp_path / "model", meta={"name": "value"})

    back = load_model(tmp_path / "model")

    assert isinstance(back, ValueModel)
    assert back.share == 0.75
    pd.testing.assert_frame_equal(
        back.predict(later),
        replace(model, share=0.75, days=60.0).predict(later),
        check_exact=True,
    )
    assert {path.suffix for path in (tmp_path / "model").iterdir()} == {".json", ".txt"}


def test_labels_are_not_looked_at_when_predicting(model: ValueModel, later: pd.DataFrame) -> None:
    blind = later.drop(columns=["next_orders", "next_revenue_minor", "next_order_days"])

    pd.testing.assert_frame_equal(model.predict(blind), model.predict(later))


def test_names_the_missing_column(model: ValueModel, later: pd.DataFrame) -> None:
    with pytest.raises(MissingColumnsError, match="coupons_90d"):
        model.predict(later.drop(columns="coupons_90d"))


def test_refuses_a_value_that_is_no_number(model: ValueModel, later: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="recency_days"):
        model.predict(later.assign(recency_days=np.nan))


def test_nobody_gets_no_row(model: ValueModel, later: pd.DataFrame) -> None:
    assert model.predict(later.head(0)).shape == (0, 10)


def test_contributions_of_the_trees_add_up_to_the_spend_they_expect(
    model: ValueModel, later: pd.DataFrame
) -> None:
    moved = model.contributions(later)

    assert moved.shape == model.looked_at(later).shape
    said = np.mean(
        [np.log(predicted(one, model.looked_at(later).to_numpy())) for one in model.spend], axis=0
    )
    assert np.ptp(said - moved.sum(axis=1)) < 1e-6  # what is said of everybody
