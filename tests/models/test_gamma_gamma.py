from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError, NotEnoughDataError
from models.gamma_gamma import GammaGamma

CDNOW = Path(__file__).resolve().parents[3] / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"


def simulated(truth: GammaGamma, n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    rate = random.gamma(truth.q, 1 / truth.v, n)
    orders = random.integers(1, 8, n).astype(float)
    return orders, random.gamma(truth.p * orders) / rate / orders


@pytest.mark.skipif(not CDNOW.is_file(), reason="shared/data/cdnow is not there")
def test_finds_the_published_parameters_of_cdnow() -> None:
    names = ["who", "day", "value"]
    lines = pd.read_csv(CDNOW, sep=r"\s+", header=None, usecols=[1, 2, 4], names=names)
    days = lines[lines["day"] <= 19970930].groupby(["who", "day"], as_index=False)["value"].sum()
    repeats = days[days["day"] > days.groupby("who")["day"].transform("min")]
    by = repeats.groupby("who")["value"].agg(["size", "mean"])

    got = GammaGamma.fit(by["size"].to_numpy(float), by["mean"].to_numpy(float))

    assert (got.p, got.q, got.v) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)


def test_finds_the_parameters_that_orders_were_made_by() -> None:
    truth = GammaGamma(p=4.0, q=4.0, v=3_000.0)
    orders, value = simulated(truth)

    got = GammaGamma.fit(orders, value)

    assert (got.p, got.q, got.v) == pytest.approx((4.0, 4.0, 3_000.0), rel=0.15)
    assert got.penalty == 0


def test_few_orders_are_drawn_to_the_shops_mean_and_many_are_trusted() -> None:
    model = GammaGamma(p=6.25, q=3.74, v=15.44)
    shop = 6.25 * 15.44 / 2.74

    got = model.mean(np.array([1.0, 1_000.0, 3.0]), np.array([100.0, 100.0, 0.0]))

    # (6.25 * 15.44 + 6.25 * 100) / (6.25 + 2.74), by hand
    assert got == pytest.approx([80.256, 100.0, shop], rel=2e-3)
    assert got[0] < got[1]


def test_orders_that_are_all_alike_still_have_a_mean() -> None:
    got = GammaGamma.fit(np.full(100, 3.0), np.full(100, 50.0))

    assert got.mean(np.array([3.0]), np.array([50.0])) == pytest.approx([50.0], rel=0.1)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        pytest.param(np.zeros(100), NotEnoughDataError, "0 customers", id="nobody-paid"),
        pytest.param(np.full(100, np.inf), DataError, "finite", id="infinite"),
    ],
)
def test_says_what_it_cannot_learn_from(
    value: np.ndarray, error: type[DataError], message: str
) -> None:
    with pytest.raises(error, match=message):
        GammaGamma.fit(np.ones(100), value)
