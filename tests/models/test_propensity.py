from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import MissingColumnsError
from models.artefact import load_model, save_model
from models.propensity import Params, PropensityModel
from models.scoring_metrics import auc, log_loss
from tests.models.slices import FEATURES, dataset


@pytest.fixture(scope="module")
def fitted() -> PropensityModel:
    return PropensityModel.fit(dataset().seen, features=FEATURES, params=Params(), seed=7)


def test_learns_what_the_features_say(fitted: PropensityModel) -> None:
    test = dataset().test

    got = fitted.predict(test)

    assert auc(test["label"], got) > 0.7
    assert log_loss(test["label"], got) < log_loss(test["label"], np.full(len(test), got.mean()))
    assert abs(got.mean() - test["label"].mean()) < 0.1


def test_a_longer_silence_lowers_the_propensity(fitted: PropensityModel) -> None:
    rare = dataset().test.assign(orders_90d=1.0)

    fresh = fitted.predict(rare.assign(recency_days=2.0))
    silent = fitted.predict(rare.assign(recency_days=60.0))

    assert (fresh > silent).all()


def test_the_score_is_the_mean_of_trees_and_line_in_log_odds(fitted: PropensityModel) -> None:
    values = dataset().test[list(FEATURES)].to_numpy()

    trees = np.asarray(fitted.booster.predict(values, raw_score=True))
    odds = (trees + fitted.line.margin(values)) / 2

    np.testing.assert_allclose(fitted.predict_values(values), 1 / (1 + np.exp(-odds)), rtol=1e-12)


def test_a_constant_feature_and_one_of_defaults_do_no_harm() -> None:
    rows = dataset().seen.assign(noise=3650.0)

    model = PropensityModel.fit(rows, features=FEATURES, params=Params(), seed=7)

    assert np.isfinite(model.predict(rows)).all()
    assert model.importance()["noise"] == 0.0


@pytest.mark.parametrize("how", ["", "sigmoid", "steps"])
def test_comes_back_from_disk_to_the_bit(fitted: PropensityModel, tmp_path: Path, how: str) -> None:
    given = dataset()
    calibration = fitted.calibration_on(given.validation, how) if how else None
    model = replace(fitted, calibration=calibration)
    save_model(model, tmp_path / "model", meta={"name": "propensity-order-30d"})

    back = load_model(tmp_path / "model")

    assert isinstance(back, PropensityModel)
    assert (back.features, back.params) == (model.features, model.params)
    assert (back.line, back.calibration) == (model.line, model.calibration)
    np.testing.assert_array_equal(back.predict(given.test), model.predict(given.test))


def test_the_folder_holds_open_files_and_no_customer(
    fitted: PropensityModel, tmp_path: Path
) -> None:
    fitted.save(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["propensity.json", "trees.txt"]
    assert not any("c17" in path.read_text().split() for path in tmp_path.iterdir())


def test_one_row_scores_as_it_does_in_a_batch(fitted: PropensityModel) -> None:
    test = dataset().test

    batch = fitted.predict(test)
    values = test[list(FEATURES)].to_numpy()
    singly = [fitted.predict_values(values[row : row + 1])[0] for row in range(20)]

    np.testing.assert_allclose(singly, batch[:20], rtol=1e-12)


def test_takes_columns_by_name_and_names_the_missing_one(fitted: PropensityModel) -> None:
    test = dataset().test

    np.testing.assert_array_equal(fitted.predict(test[test.columns[::-1]]), fitted.predict(test))
    with pytest.raises(MissingColumnsError, match="orders_90d"):
        fitted.predict(test.drop(columns="orders_90d"))


def test_importance_is_shares_biggest_first(fitted: PropensityModel) -> None:
    shares = fitted.importance()

    assert set(shares) == set(FEATURES)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert list(shares)[-1] == "noise"
