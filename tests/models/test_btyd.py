from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.errors import NotEnoughDataError
from models.bg_nbd import BgNbd
from models.btyd import COLUMNS, Btyd
from models.gamma_gamma import GammaGamma
from tests.models.shoppers import shoppers

MODEL = Btyd(BgNbd(0.8, 20.0, 0.5, 4.0), GammaGamma(4.0, 4.0, 3_000.0))


def test_spend_is_orders_times_what_they_are_worth() -> None:
    frame = shoppers(50)

    got = MODEL.columns(frame)

    assert tuple(got.columns) == COLUMNS
    np.testing.assert_allclose(got["btyd_spend"], got["btyd_orders"] * got["btyd_value"])
    np.testing.assert_allclose(got["btyd_orders"], MODEL.expected_orders(frame, 90.0))
    np.testing.assert_allclose(got["btyd_value"], MODEL.order_value(frame))


def test_learns_from_features_and_comes_back_from_its_numbers() -> None:
    frame = shoppers(300, cutoffs=(200,))

    got = Btyd.fit(frame)

    assert Btyd.of(got.numbers()) == got
    orders = frame["next_orders"].sum()
    assert got.expected_orders(frame, 90.0).sum() == pytest.approx(orders, rel=0.15)


def test_one_customer_is_too_few() -> None:
    with pytest.raises(NotEnoughDataError, match="too few"):
        Btyd.fit(shoppers(5))


def test_an_order_of_nothing_is_worth_what_the_shops_are() -> None:
    frame = pd.DataFrame(
        {
            "orders_total": [1.0],
            "revenue_minor_total": [0.0],
            "tenure_days": [3.0],
            "recency_days": [3.0],
        }
    )

    assert MODEL.order_value(frame) == pytest.approx([4.0 * 3_000 / 3])
