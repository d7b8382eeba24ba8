from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from features.definitions.orders import RECENCY_DAYS
from features.engine import feature_frame
from features.feature import Feature, definitions_digest, names
from features.formula import Constant
from features.registry import CLUSTERS, PROPENSITY, REGISTRY, RFM, WINDOWED

NOW = datetime(2024, 3, 1, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize("feature", REGISTRY, ids=lambda feature: feature.name)
def test_a_feature_says_what_it_is(feature: Feature) -> None:
    assert feature.unit
    assert feature.description.endswith(".")
    assert feature.name.isidentifier()
    assert feature.default == feature.default  # not a NaN


def test_names_are_unique() -> None:
    assert len(set(names(REGISTRY))) == len(REGISTRY) > 140


def test_every_set_is_part_of_the_registry() -> None:
    assert {*PROPENSITY, *CLUSTERS, *RFM, *WINDOWED} <= set(REGISTRY)
    assert {*CLUSTERS, *WINDOWED} <= set(PROPENSITY)


def test_models_learn_from_numbers() -> None:
    assert {one.dtype for one in PROPENSITY} == {"float64"}


def test_windowed_features_forget() -> None:
    whole_history = {one.name for one in PROPENSITY if one.window_days is None}

    assert not whole_history & set(names(WINDOWED))  # recency of those who left grows, too
    assert max(one.window_days or 0 for one in WINDOWED) == 90


def test_the_digest_changes_with_a_definition_and_with_nothing_else() -> None:
    changed = (replace(RECENCY_DAYS, value=Constant(1.0)), *PROPENSITY[1:])

    assert definitions_digest(PROPENSITY) == definitions_digest(list(PROPENSITY))
    assert definitions_digest(PROPENSITY) != definitions_digest(changed)


@pytest.fixture(scope="module")
def ann_row(ann: duckdb.DuckDBPyConnection) -> pd.Series:
    return feature_frame(ann, cutoffs=[NOW]).iloc[0]


GAPS = (60.0, 30.75)  # days between Ann's orders: 100 -> 40 -> 9.25 days ago
RECENCY = 9.25
GAP_MEAN = sum(GAPS) / 2
# A line counts half as much after every 90 days; one without a category is of no department.
OF_BAGS = 4 * 2 ** (-100 / 90) + 2 ** (-40 / 90)
OF_SHOES = 2 ** (-40 / 90) + 2 * 2 ** (-RECENCY / 90)
BAGS = OF_BAGS / (OF_BAGS + OF_SHOES)
BY_HAND = {
    "recency_days": RECENCY,
    "tenure_days": 100.0,
    "orders_30d": 1.0,
    "orders_90d": 2.0,
    "orders_365d": 3.0,
    "orders_total": 3.0,
    "orders_decayed": 2 ** (-100 / 30) + 2 ** (-40 / 30) + 2 ** (-RECENCY / 30),
    "revenue_minor_30d": 3_000.0,
    "revenue_minor_90d": 4_000.0,
    "revenue_minor_365d": 9_000.0,
    "revenue_minor_total": 9_000.0,
    "basket_lines_90d": 2.5,  # (2 + 3) / 2
    "order_value_minor_90d": 2_000.0,
    "gap_mean_days": GAP_MEAN,
    "gap_std_days": (GAPS[0] - GAPS[1]) / math.sqrt(2),
    "gap_max_days": 60.0,
    "overdue_ratio": (RECENCY + 1) / (GAP_MEAN + 1),
    "discount_share_90d": 1_000 / 5_000,
    "weekend_share_90d": 0.5,  # 40 days before Friday 1 March is Sunday 21 January
    "evening_share_90d": 0.5,
    "refunds_90d": 1.0,
    "mails_90d": 1.0,
    "coupons_90d": 1.0,
    "departments": 2.0,
    "department_share_1": 1 - BAGS,  # shoes, by a hair
    "department_entropy": -(BAGS * math.log(BAGS) + (1 - BAGS) * math.log(1 - BAGS)),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_feature_is_what_its_description_says(ann_row: pd.Series, name: str) -> None:
    assert ann_row[name] == pytest.approx(BY_HAND[name], rel=1e-12)


def test_the_picture_says_how_many_there_are() -> None:
    picture = Path(__file__).parents[2] / "docs" / "img" / "features.svg"
    assert f">{len(REGISTRY)} numbers and texts," in picture.read_text(encoding="utf-8")
