from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import NotReadyError
from features.registry import PROPENSITY
from models.bundles import LoadedModel
from models.rules import Recency
from profiles.snapshot import Profile
from serving.rescoring import Rescorer, load_rescorer


@pytest.fixture(scope="module")
def rescorer() -> Rescorer:
    frame = pd.DataFrame({each.name: [1.0, 2.0, 8.0, 9.0] for each in PROPENSITY})
    model = Recency.fit(frame, np.array([1, 1, 0, 0]))
    return Rescorer(LoadedModel("propensity-order-30d", "7", model, {}), "p")


def person(recency_days: float) -> Profile:
    features = {each.name: recency_days for each in PROPENSITY}
    return Profile("ann", {"p": None}, {"p": "no model then"}, features)


def test_scores_replace_what_was_and_its_absence(rescorer: Rescorer) -> None:
    recent, lapsed = person(1.0), person(9.0)

    assert rescorer.rescore([recent, lapsed])

    assert recent.outputs["p"] > lapsed.outputs["p"]
    assert recent.why_null == {}
    assert rescorer.version == "7"


def test_features_of_another_definition_leave_everything_as_it_was(rescorer: Rescorer) -> None:
    stranger = Profile("ann", {"p": 0.5}, {}, {"shoe_size": 42.0})

    assert not rescorer.rescore([stranger])

    assert stranger.outputs == {"p": 0.5}


def test_without_a_kept_champion_there_is_none_to_load(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError):
        load_rescorer(tmp_path, "propensity-order-30d", output="p")
