from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError, MissingColumnsError
from features.feature import names
from features.registry import PROPENSITY
from models.artefact import load_model, save_model
from models.contributions import reasons_of
from models.rules import Logistic, PastAnswers, Recency, RfmSum
from models.scoring_metrics import auc, ece

RULES = (Recency, RfmSum, Logistic)
Rule = Recency | RfmSum | Logistic


def customers(n: int = 2_000, seed: int = 7) -> tuple[pd.DataFrame, np.ndarray]:
    """Give customers who buy the likelier the fresher and the more frequent they are."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.gamma(2.0, 2.0, (n, len(PROPENSITY))), columns=names(PROPENSITY))
    frame["recency_days"] *= 10
    margin = 1.0 - np.log1p(frame["recency_days"]) + np.log1p(frame["orders_365d"])
    label = (random.random(n) < 1 / (1 + np.exp(-2 * margin))).astype("int8")
    return frame, label.to_numpy()


@pytest.fixture(params=RULES, ids=lambda rule: rule.kind)
def rule(request: pytest.FixtureRequest) -> Rule:
    return request.param.fit(*customers())


def test_gives_calibrated_probabilities_better_than_chance(rule: Rule) -> None:
    frame, label = customers(seed=8)

    got = rule.predict(frame)

    assert ((got > 0) & (got < 1)).all()
    assert auc(label, got) > 0.65
    assert ece(label, got) < 0.06


def test_comes_back_from_disk_to_the_bit(rule: Rule, tmp_path: Path) -> None:
    frame, _ = customers(seed=9)
    save_model(rule, tmp_path / "model", meta={"name": "propensity"})

    back = load_model(tmp_path / "model")

    assert back == rule
    np.testing.assert_array_equal(back.predict(frame), rule.predict(frame))


def test_takes_columns_by_name_in_any_order(rule: Rule) -> None:
    frame, _ = customers(seed=9)
    shuffled = frame[frame.columns[::-1]].assign(customer_id="ann")

    np.testing.assert_array_equal(rule.predict(shuffled), rule.predict(frame))


def test_names_the_missing_column(rule: Rule) -> None:
    frame, _ = customers(5)

    with pytest.raises(MissingColumnsError, match="recency_days") as caught:
        rule.predict(frame.drop(columns="recency_days"))

    assert caught.value.missing == ("recency_days",)


def test_refuses_a_value_that_is_no_number(rule: Rule) -> None:
    frame, _ = customers(5)

    with pytest.raises(DataError, match="recency_days"):
        rule.predict(frame.assign(recency_days=np.nan))


def test_scores_nobody_without_complaint(rule: Rule) -> None:
    frame, _ = customers(5)

    assert rule.predict(frame.head(0)).shape == (0,)


def test_fresher_customers_are_likelier_to_buy(rule: Rule) -> None:
    frame, _ = customers(50)

    fresh = rule.predict(frame.assign(recency_days=1.0))
    stale = rule.predict(frame.assign(recency_days=200.0))

    assert (fresh > stale).all()


def test_rfm_gives_one_to_five_points_for_each_of_three() -> None:
    frame = pd.DataFrame(
        {
            "recency_days": [10.0, 20.0, 30.0, 40.0, 50.0],
            "orders_365d": [5.0, 4.0, 3.0, 2.0, 1.0],
            "revenue_minor_365d": [500.0, 400.0, 300.0, 200.0, 100.0],
        }
    )
    fitted = RfmSum.fit(frame, np.array([1, 1, 0, 1, 0]))

    margin = np.log(fitted.predict(frame) / (1 - fitted.predict(frame)))
    points = (margin - fitted.sigmoid.intercept) / fitted.sigmoid.slope

    assert points.tolist() == pytest.approx([15, 12, 9, 6, 3])


def test_past_answers_say_why(tmp_path: Path) -> None:
    frame = pd.DataFrame({"click_rate": [0.02, 0.1, 0.4, 0.5] * 30})
    label = (frame["click_rate"] > 0.2).to_numpy() ^ (np.arange(len(frame)) % 11 == 0)
    PastAnswers.fit(frame, label, feature="click_rate").save(tmp_path)
    rule = PastAnswers.load(tmp_path)

    moved = rule.contributions(frame)

    assert moved.shape == (120, 1)
    assert moved.sum() == pytest.approx(0.0, abs=1e-6)  # from the mean
    assert reasons_of(rule, frame[:3]) == [
        ["lowers: click rate 2 %, smoothed"],
        ["lowers: click rate 10 %, smoothed"],
        ["raises: click rate 40 %, smoothed"],
    ]
