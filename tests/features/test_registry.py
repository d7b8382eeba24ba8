from __future__ import annotations

from dataclasses import replace

import pytest

from features.registry import (
    CLUSTERS,
    PROPENSITY,
    RECENCY_DAYS,
    WINDOWED,
    Feature,
    definitions_digest,
    names,
)


@pytest.mark.parametrize("feature", PROPENSITY, ids=lambda feature: feature.name)
def test_a_feature_says_what_it_is(feature: Feature) -> None:
    assert feature.unit
    assert feature.description.endswith(".")
    assert feature.name.isidentifier()
    assert feature.default == feature.default  # not a NaN


def test_names_are_unique() -> None:
    assert len(set(names(PROPENSITY))) == len(PROPENSITY)


def test_every_set_is_part_of_the_engine_s_features() -> None:
    assert {*names(CLUSTERS), *names(WINDOWED)} <= set(names(PROPENSITY))


def test_windowed_features_forget() -> None:
    whole_history = {one.name for one in PROPENSITY if one.window_days is None}

    assert not whole_history & set(names(WINDOWED))  # recency of those who left grows, too
    assert max(one.window_days or 0 for one in WINDOWED) == 90


def test_the_digest_changes_with_a_definition_and_with_nothing_else() -> None:
    changed = (replace(RECENCY_DAYS, sql="max(age_days)"), *PROPENSITY[1:])

    assert definitions_digest(PROPENSITY) == definitions_digest(list(PROPENSITY))
    assert definitions_digest(PROPENSITY) != definitions_digest(changed)
