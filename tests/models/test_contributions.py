from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core import columns as c
from core.errors import DataError, MissingColumnsError
from features.feature import names
from features.registry import PROPENSITY
from features.shop import Shop
from models.artefact import load_model, save_model
from models.bg_nbd import BgNbdRule
from models.calibration import Floats, Sigmoid
from models.contributions import reasons_of
from models.propensity import Params, PropensityModel
from models.rules import Logistic, Recency, RfmSum

FEATURES = tuple(names(PROPENSITY))
DEFAULTS = {one.name: float(one.default) for one in PROPENSITY}


def customers(number: int = 400, seed: int = 7) -> pd.DataFrame:
    """Buyers are those with recent orders; all else is noise."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({name: random.gamma(2.0, 3.0, number) for name in FEATURES})
    frame["gap_mean_days"] = random.choice([365.0, 12.0, 40.0], number)
    score = frame["orders_90d"] - frame["recency_days"]
    return frame.assign(**{c.LABEL: (score + random.normal(0, 1, number) > 0).astype("int8")})


@pytest.fixture(scope="module")
def trees() -> PropensityModel:
    params = Params(rounds=40, min_data_in_leaf=20, feature_fraction=1.0)
    return PropensityModel.fit(customers(), features=FEATURES, params=params, seed=7)


def test_contributions_of_trees_and_line_add_up_to_the_score(trees: PropensityModel) -> None:
    frame = customers()

    score = trees.predict(frame)

    rest = np.log(score / (1 - score)) - trees.contributions(frame).sum(axis=1)
    assert np.ptp(rest) < 1e-6  # what is said of everybody


def test_contributions_of_rules_add_up_to_the_score() -> None:
    frame = customers()
    label = frame[c.LABEL].to_numpy()

    for model in (Recency.fit(frame, label), RfmSum.fit(frame, label), Logistic.fit(frame, label)):
        score = model.predict(frame)
        rest = np.log(score / (1 - score)) - model.contributions(frame).sum(axis=1)
        assert np.ptp(rest) < 1e-9


def test_the_bg_nbd_gives_reasons_too(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    age = random.uniform(30, 300, 200)
    total = 1.0 + random.poisson(age / 40)
    recency = np.where(total > 1, age * random.uniform(0, 0.5, 200), age)
    frame = pd.DataFrame({"orders_total": total, "tenure_days": age, "recency_days": recency})
    rule = BgNbdRule.fit(frame)
    rule.save(tmp_path)

    silent = pd.DataFrame({"orders_total": [9.0], "tenure_days": [280.0], "recency_days": [200.0]})

    assert "lowers: last order 200 days ago" in reasons_of(rule, silent)[0]
    assert reasons_of(BgNbdRule.load(tmp_path), frame) == reasons_of(rule, frame)


def test_a_customers_reasons_say_what_raises_and_what_lowers(trees: PropensityModel) -> None:
    often = pd.DataFrame([DEFAULTS | {"orders_90d": 15.0, "recency_days": 0.5}])
    gone = pd.DataFrame([DEFAULTS | {"orders_90d": 0.0, "recency_days": 20.0}])

    (best, *_), (worst, *_) = reasons_of(trees, often)[0], reasons_of(trees, gone)[0]

    assert best in {"raises: ordered 15 times in 90 days", "raises: last order less than a day ago"}
    assert worst in {"lowers: no order in 90 days", "lowers: last order 20 days ago"}


class Told:
    """A model that moves scores as it is told."""

    features = ("recency_days", "overdue_ratio", "gap_mean_days", "orders_30d", "orders_decayed")

    def __init__(self, *moved: float) -> None:
        self.moved = moved

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Move every score alike."""
        return np.tile(np.array(self.moved), (len(frame), 1))


def one(**values: float) -> pd.DataFrame:
    usual = {"recency_days": 8.0, "overdue_ratio": 0.5, "gap_mean_days": 17.0}
    return pd.DataFrame([usual | {"orders_30d": 2.0, "orders_decayed": 2.2} | values])


@pytest.mark.parametrize(
    ("moved", "frame", "reasons"),
    [
        pytest.param(
            (0.1, 0.0, -0.5, 0.3, 0.4),
            one(),
            ["raises: ordered 2 times in 30 days", "lowers: orders every 17 days on average"],
            id="a-theme-speaks-once-and-plainly",
        ),
        pytest.param(
            (0.1, -0.9, 0.0, 0.0, 0.0),
            one(),
            ["lowers: 50 % of the usual time between orders has passed"],
            id="who-moves-the-other-way-does-not-speak",
        ),
        pytest.param(
            (0.1, -0.9, 0.0, 0.0, 0.0),
            one(gap_mean_days=365.0),
            ["lowers: last order 8 days ago"],
            id="without-a-rhythm-nobody-is-overdue",
        ),
        pytest.param((0.0, 0.0, 0.0, 0.0, 0.0), one(), [], id="what-moves-nothing-is-no-reason"),
    ],
)
def test_themes_add_up_and_one_feature_speaks_for_each(
    moved: tuple[float, ...], frame: pd.DataFrame, reasons: list[str]
) -> None:
    assert reasons_of(Told(*moved), frame, top=2) == [reasons]


def test_every_row_has_its_own_reasons_in_its_order(trees: PropensityModel) -> None:
    frame = customers(50).sample(frac=1, random_state=3)
    alone = [reasons_of(trees, frame.iloc[[at]])[0] for at in range(len(frame))]

    together = reasons_of(trees, frame, top=3, shop=Shop())

    assert together == alone
    assert all(1 <= len(each) <= 3 for each in together)


def test_rules_and_saved_models_give_reasons_too(tmp_path: Path) -> None:
    frame = customers()
    rule = Recency.fit(frame, frame[c.LABEL].to_numpy())
    save_model(rule, tmp_path / "model", meta={})

    assert reasons_of(rule, one(recency_days=0.1)) == [["raises: last order less than a day ago"]]
    assert reasons_of(load_model(tmp_path / "model"), frame) == reasons_of(rule, frame)


def test_a_rule_saved_before_it_knew_its_middle_can_still_be_read(tmp_path: Path) -> None:
    (tmp_path / "rule.json").write_text('{"sigmoid": {"slope": 1.0, "intercept": 0.0}}')

    assert Recency.load(tmp_path).sigmoid == Sigmoid(1.0, 0.0)


def test_a_model_that_cannot_explain_itself_gives_none() -> None:
    assert reasons_of(object(), one()) == [[]]
    assert reasons_of(Told(1.0, 0, 0, 0, 0), one().iloc[:0]) == []


def test_bad_input_is_named(trees: PropensityModel) -> None:
    with pytest.raises(MissingColumnsError, match="recency_days"):
        reasons_of(trees, customers(3).drop(columns="recency_days"))
    with pytest.raises(DataError, match="not numbers"):
        reasons_of(trees, customers(3).assign(recency_days=np.inf))
    with pytest.raises(DataError, match="top=0"):
        reasons_of(trees, customers(3), top=0)
