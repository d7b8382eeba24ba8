"""How models of probabilities are judged: what the trainers' own tests do not show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError
from core.settings import Settings
from features.dataset import Dataset
from models.artefact import Artefact
from models.bundles import LoadedModel
from models.propensity import Params, PropensityModel
from models.propensity_fit import Fitted, fit_propensity
from models.rules import Logistic
from pipelines.contest import Contest
from pipelines.probability_contest import CANDIDATE, Described, contest_of
from tests.models.slices import FEATURES, START, dataset

TOLD = Described(slice="rows", purpose="to test", limits=())


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_propensity(dataset(), trials=0, seed=7)


def coin(given: Dataset) -> dict[str, Artefact]:
    """Return a rule that has learnt nothing."""
    seen = given.seen
    label = np.random.default_rng(7).integers(0, 2, len(seen))
    return {"coin": Logistic.fit(seen, label, features=("noise",))}


def judged(
    home: Path, given: Dataset, fitted: Fitted, champion: LoadedModel | None = None
) -> Contest:
    settings = Settings(home=home)
    return contest_of(settings, given, fitted, champion, rules=coin(given), described=TOLD)


def test_the_candidate_is_judged_beside_its_rules_on_the_same_rows(
    tmp_path: Path, fitted: Fitted
) -> None:
    got = judged(tmp_path, dataset(), fitted)

    assert [one.name for one, _ in got.everyone] == [CANDIDATE, "coin"]
    assert got.verdict.promote
    assert got.candidate.details["auc_folds_low"] < got.candidate.details["auc_folds_high"]
    assert set(got.figures) >= {"calibration.png", "ranking.png", "importance.png"}


def test_rows_of_one_customer_are_drawn_together(tmp_path: Path, fitted: Fitted) -> None:
    given = dataset()
    few = replace(given, test=given.test.assign(customer_id=given.test.index % 3))

    alone, together = judged(tmp_path, given, fitted), judged(tmp_path, few, fitted)

    assert alone.verdict.over_baseline
    assert together.verdict.over_baseline
    assert alone.verdict.over_baseline.low != together.verdict.over_baseline.low


@pytest.mark.parametrize(("days", "compared"), [(0, True), (1, False)])
def test_a_champion_that_has_learnt_from_the_slice_is_no_rival(
    tmp_path: Path, fitted: Fitted, days: int, compared: bool
) -> None:
    given = dataset()
    model = PropensityModel.fit(given.seen, features=FEATURES, params=Params(), seed=1)
    end = (given.cutoffs.test + timedelta(days=days)).isoformat()
    champion = LoadedModel("m", "3", model, {"as_of": START.isoformat(), "labels_end": end})

    got = judged(tmp_path, given, fitted, champion)

    assert (got.champion is not None) == compared
    assert any("learnt from the test slice" in note for note in got.notes) != compared


def test_a_champion_of_features_no_longer_defined_is_named(tmp_path: Path, fitted: Fitted) -> None:
    given = dataset()
    other = given.seen.assign(gone=1.0)
    model = PropensityModel.fit(other, features=(*FEATURES, "gone"), params=Params(), seed=1)
    meta = {"as_of": START.isoformat(), "labels_end": START.isoformat()}

    got = judged(tmp_path, given, fitted, LoadedModel("m", "3", model, meta))

    assert got.champion is None
    assert any("needs gone, no longer defined" in note for note in got.notes)


def test_too_good_to_be_true_is_refused_unless_it_is_explained(tmp_path: Path) -> None:
    given = dataset()
    knowing = {
        name: getattr(given, name).assign(noise=lambda rows: rows["label"].astype(float))
        for name in ("training", "validation", "test")
    }
    leaking = replace(given, **knowing)
    fitted = fit_propensity(leaking, trials=0, seed=7)

    with pytest.raises(DataError, match=r"AUC 1\.000 .* noise has \d+% of the gain") as caught:
        judged(tmp_path, leaking, fitted)

    assert "\n" not in str(caught.value)
    explained = Settings(home=tmp_path, leak_auc=1.0)
    assert contest_of(explained, leaking, fitted, None, rules=coin(given), described=TOLD)
