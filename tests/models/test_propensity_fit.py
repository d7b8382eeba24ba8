from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.calibration import Sigmoid, Steps
from models.propensity import Params
from models.propensity_fit import Fitted, fit_propensity, over_customers, tune
from models.scoring_metrics import auc, log_loss
from tests.models.slices import MONTH, dataset, slice_at


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_propensity(dataset(), trials=3, seed=7)


def test_the_test_slice_has_no_part_in_the_model(fitted: Fitted) -> None:
    nonsense = slice_at(99).assign(label=1, recency_days=0.0)

    other = fit_propensity(dataset(test=nonsense), trials=3, seed=7)

    assert other.model.booster.model_to_string() == fitted.model.booster.model_to_string()
    assert other.model.line == fitted.model.line
    assert other.validation == fitted.validation


def test_the_same_data_and_seed_give_the_same_model(fitted: Fitted) -> None:
    again = fit_propensity(dataset(), trials=3, seed=7)

    assert again.model.booster.model_to_string() == fitted.model.booster.model_to_string()
    assert again.model.params == fitted.model.params


def test_tuning_does_not_look_at_the_validation_slice() -> None:
    given = dataset()
    upside_down = given.validation.assign(label=1 - given.validation["label"])

    assert tune(given, trials=2, seed=7) == tune(
        replace(given, validation=upside_down), trials=2, seed=7
    )


def test_nothing_is_chosen_by_labels_that_reach_into_the_validation_slice(fitted: Fitted) -> None:
    given = dataset()
    late = slice_at(3).assign(label=0, cutoff_us=given.training["cutoff_us"].max() + 1)

    other = fit_propensity(replace(given, purged=late), trials=3, seed=7)

    assert other.validation == fitted.validation
    assert other.model.predict(given.test).mean() < fitted.model.predict(given.test).mean()


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
    assert got.model.calibration is None
    assert got.notes == ("not tuned: no training cut-off can judge models of earlier ones",)


def test_overlapping_training_cutoffs_do_not_judge_each_other() -> None:
    given = dataset()
    longer = replace(given, cutoffs=replace(given.cutoffs, horizon=MONTH * 3))

    got = fit_propensity(longer, trials=3, seed=7)

    assert "tuned" not in got.validation


def test_a_calibration_is_kept_where_the_share_of_buyers_has_moved() -> None:
    given = dataset(shift=-2.0)

    got = fit_propensity(given, trials=0, seed=7)

    assert min(got.validation["sigmoid"], got.validation["steps"]) < got.validation["defaults"]
    assert isinstance(got.model.calibration, Sigmoid | Steps)
    assert any("a calibration" in note for note in got.notes)
    plain = replace(got.model, calibration=None)
    assert log_loss(given.test["label"], got.model.predict(given.test)) < log_loss(
        given.test["label"], plain.predict(given.test)
    )


def test_reports_each_trial() -> None:
    seen: list[int] = []

    tune(dataset(), trials=2, seed=7, advance=lambda: seen.append(1))

    assert len(seen) == 2


def test_folds_of_customers_say_how_sure_the_auc_is(fitted: Fitted) -> None:
    got = over_customers(dataset(), fitted.model, seed=7)

    assert got["auc_folds_low"] < got["auc_folds"] < got["auc_folds_high"]
    assert got["auc_folds"] == pytest.approx(
        auc(dataset().validation["label"], fitted.model.predict(dataset().validation)), abs=0.04
    )


def test_no_customer_is_judged_by_a_model_that_has_learnt_from_them(fitted: Fitted) -> None:
    given = dataset()
    # Each customer's label is a coin of their own, and a number that gives them away.
    coin = {f"c{number}": number % 2 for number in range(400)}
    rows = [
        frame.assign(
            label=frame["customer_id"].map(coin).astype("int8"),
            noise=frame["customer_id"].str[1:].astype(float),
        )
        for frame in (given.training, given.validation)
    ]
    known = replace(given, training=rows[0], validation=rows[1])

    got = over_customers(known, fitted.model, seed=7)

    assert got["auc_folds"] < 0.65


def test_one_class_in_a_fold_gives_no_folds(fitted: Fitted) -> None:
    given = dataset()
    few = given.validation.assign(label=np.int8(0))
    few.loc[0, "label"] = 1

    assert over_customers(replace(given, validation=few), fitted.model, seed=7) == {}
