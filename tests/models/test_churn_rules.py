from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.artefact import load_model, save_model
from models.churn_outputs import NEXT_ORDER, NEXT_P90, P_ALIVE, P_CHURN, WINDOW, churned
from models.churn_rules import BY, ChurnRule
from models.scoring_metrics import auc, ece
from tests.models.shoppers import LAST, shoppers


@pytest.fixture(params=BY)
def rule(request: pytest.FixtureRequest) -> ChurnRule:
    return ChurnRule.fit(shoppers(), now=shoppers(cutoffs=(LAST + 90,)), by=request.param)


def test_gives_calibrated_probabilities_better_than_chance(rule: ChurnRule) -> None:
    later = shoppers(cutoffs=(LAST,), seed=8)
    gone = churned(later, rule.rhythm)

    got = rule.predict(later)

    assert auc(gone, got[P_CHURN]) > 0.7
    assert ece(gone, got[P_CHURN]) < 0.1
    assert got[P_ALIVE].between(0, 1).all()
    assert (got[WINDOW] == rule.rhythm.window(later)).all()


def test_the_next_order_is_due_by_the_own_gap_and_has_no_bounds(rule: ChurnRule) -> None:
    later = shoppers(cutoffs=(LAST,), seed=8)

    got = rule.predict(later)

    stays = got[P_CHURN] <= 0.5
    np.testing.assert_allclose(got[NEXT_ORDER][stays], rule.rhythm.due(later)[stays])
    assert got[NEXT_P90].isna().all()


def test_comes_back_from_disk_to_the_bit(rule: ChurnRule, tmp_path: Path) -> None:
    frame = shoppers(20)
    save_model(rule, tmp_path / "model", meta={"name": "churn"})

    back = load_model(tmp_path / "model")

    assert back == rule
    pd.testing.assert_frame_equal(back.predict(frame), rule.predict(frame), check_exact=True)


def test_longer_silence_makes_churn_likelier(rule: ChurnRule) -> None:
    frame = shoppers(50, cutoffs=(LAST,)).assign(tenure_days=150.0, orders_total=10.0)

    fresh, stale = (rule.predict(frame.assign(recency_days=days))[P_CHURN] for days in (1.0, 100.0))

    assert (stale > fresh).all()
