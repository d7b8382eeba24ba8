from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.clock import to_us
from core.errors import MissingColumnsError
from features.dataset import Cutoffs, Dataset
from models.artefact import load_model, save_model
from models.propensity import Fitted, Params, PropensityModel, fit_propensity, tune
from models.scoring_metrics import auc, log_loss

START = datetime(2024, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
FEATURES = ("recency_days", "orders_90d", "noise")


def slice_at(month: int, n: int = 400, *, offset: float = 0.0) -> pd.DataFrame:
    """Give customers of one cut-off; who is fresh or frequent is likely to buy."""
    random = np.random.default_rng(month)
    recency, orders = random.gamma(2, 10, n), random.poisson(3, n).astype(float)
    margin = 3.0 * ((recency < 15) | (orders > 5)) - 1.5 + offset
    return pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(n)],
            "cutoff_us": to_us(START + month * MONTH),
            "recency_days": recency,
            "orders_90d": orders,
            "noise": random.random(n),
            "label": (random.random(n) < 1 / (1 + np.exp(-margin))).astype("int8"),
        }
    )


def dataset(*, training: int = 3, test: pd.DataFrame | None = None, shift: float = 0.0) -> Dataset:
    slices = [
        slice_at(month, offset=shift * (month >= training - 1)) for month in range(training + 2)
    ]
    at = [START + month * MONTH for month in range(training + 2)]
    return Dataset(
        training=pd.concat(slices[:training], ignore_index=True),
        validation=slices[-2],
        test=slices[-1] if test is None else test,
        cutoffs=Cutoffs(training=tuple(at[:-2]), validation=at[-2], test=at[-1], horizon=MONTH),
        features=FEATURES,
        digest="d",
    )


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_propensity(dataset(), trials=3, seed=7)


def test_learns_what_the_features_say(fitted: Fitted) -> None:
    test = dataset().test

    got = fitted.model.predict(test)

    assert auc(test["label"], got) > 0.7
    assert log_loss(test["label"], got) < log_loss(test["label"], np.full(len(test), got.mean()))
    assert abs(got.mean() - test["label"].mean()) < 0.1


def test_a_longer_silence_lowers_the_propensity(fitted: Fitted) -> None:
    rare = dataset().test.assign(orders_90d=1.0)

    fresh = fitted.model.predict(rare.assign(recency_days=2.0))
    silent = fitted.model.predict(rare.assign(recency_days=60.0))

    assert (fresh > silent).all()


def test_the_test_slice_has_no_part_in_the_model(fitted: Fitted) -> None:
    nonsense = slice_at(99).assign(label=1, recency_days=0.0)

    other = fit_propensity(dataset(test=nonsense), trials=3, seed=7)

    assert other.model.booster.model_to_string() == fitted.model.booster.model_to_string()
    assert other.validation == fitted.validation


def test_the_same_data_and_seed_give_the_same_trees(fitted: Fitted) -> None:
    again = fit_propensity(dataset(), trials=3, seed=7)

    assert again.model.booster.model_to_string() == fitted.model.booster.model_to_string()
    assert again.model.params == fitted.model.params


def test_tuning_does_not_look_at_the_validation_slice() -> None:
    given = dataset()
    upside_down = given.validation.assign(label=1 - given.validation["label"])

    assert tune(given, trials=2, seed=7) == tune(
        replace(given, validation=upside_down), trials=2, seed=7
    )


def test_tuned_parameters_count_only_if_they_win(fitted: Fitted) -> None:
    assert fitted.tuned == (fitted.validation["tuned"] < fitted.validation["defaults"])
    assert (fitted.model.params == Params()) != fitted.tuned


def test_no_trials_keep_the_defaults() -> None:
    got = fit_propensity(dataset(), trials=0, seed=7)

    assert got.model.params == Params()
    assert "tuned" not in got.validation


def test_one_training_cutoff_cannot_be_tuned_and_says_so() -> None:
    got = fit_propensity(dataset(training=1), trials=3, seed=7)

    assert got.model.params == Params()
    assert got.model.sigmoid is None
    assert got.notes == ("not tuned: there is one training cut-off only",)


def test_a_sigmoid_is_kept_where_the_share_of_buyers_has_moved() -> None:
    got = fit_propensity(dataset(shift=-2.0), trials=0, seed=7)

    assert got.validation["sigmoid"] < got.validation["defaults"]
    assert got.model.sigmoid is not None
    assert any("sigmoid" in note for note in got.notes)


def test_reports_each_trial() -> None:
    seen: list[int] = []

    tune(dataset(), trials=2, seed=7, advance=lambda: seen.append(1))

    assert len(seen) == 2


@pytest.mark.parametrize("calibrated", [False, True])
def test_comes_back_from_disk_to_the_bit(fitted: Fitted, tmp_path: Path, calibrated: bool) -> None:
    given = dataset()
    model = fitted.model.calibrated(given.validation) if calibrated else fitted.default
    save_model(model, tmp_path / "model", meta={"name": "propensity-order-30d"})

    back = load_model(tmp_path / "model")

    assert isinstance(back, PropensityModel)
    assert (back.features, back.params, back.sigmoid) == (
        model.features,
        model.params,
        model.sigmoid,
    )
    np.testing.assert_array_equal(back.predict(given.test), model.predict(given.test))


def test_the_folder_holds_open_files_and_no_customer(fitted: Fitted, tmp_path: Path) -> None:
    fitted.model.save(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["propensity.json", "trees.txt"]
    assert not any("c17" in path.read_text().split() for path in tmp_path.iterdir())


def test_one_row_scores_as_it_does_in_a_batch(fitted: Fitted) -> None:
    test = dataset().test

    batch = fitted.model.predict(test)
    values = test[list(FEATURES)].to_numpy()
    singly = [fitted.model.predict_values(values[row : row + 1])[0] for row in range(20)]

    assert singly == batch[:20].tolist()


def test_takes_columns_by_name_and_names_the_missing_one(fitted: Fitted) -> None:
    test = dataset().test

    np.testing.assert_array_equal(
        fitted.model.predict(test[test.columns[::-1]]), fitted.model.predict(test)
    )
    with pytest.raises(MissingColumnsError, match="orders_90d"):
        fitted.model.predict(test.drop(columns="orders_90d"))


def test_importance_is_shares_biggest_first(fitted: Fitted) -> None:
    shares = fitted.model.importance()

    assert set(shares) == set(FEATURES)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert list(shares)[-1] == "noise"
