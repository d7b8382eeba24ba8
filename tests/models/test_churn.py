from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import MissingColumnsError, NotEnoughDataError
from models.artefact import load_model, save_model
from models.churn import ChurnModel, with_rhythm
from models.churn_outputs import NEXT_ORDER, NEXT_P10, NEXT_P90, P_ALIVE, P_CHURN, churned
from models.scoring_metrics import auc
from tests.models.shoppers import LAST, shoppers


@pytest.fixture(scope="module")
def later() -> pd.DataFrame:
    return shoppers(cutoffs=(LAST + 90,), seed=8)


@pytest.fixture(scope="module")
def model(later: pd.DataFrame) -> ChurnModel:
    return ChurnModel.fit(shoppers(), now=later, seed=7)


def test_says_who_is_gone(model: ChurnModel, later: pd.DataFrame) -> None:
    got = model.predict(later)

    assert auc(churned(later, model.rule.rhythm), got[P_CHURN]) > 0.8
    assert got[P_CHURN].between(0, 1).all()
    assert (got[P_ALIVE] == with_rhythm(later, model.rule)[P_ALIVE]).all()


def test_says_when_the_others_come(model: ChurnModel, later: pd.DataFrame) -> None:
    got = model.predict(later)

    dated = got[NEXT_ORDER].notna()
    assert (dated == (got[P_CHURN] <= 0.5)).all()
    middle, low, high = (got[name][dated] for name in (NEXT_ORDER, NEXT_P10, NEXT_P90))
    assert ((low <= middle) & (middle <= high) & (low >= 0) & (high <= 90)).all()
    came = later["next_order_days"][dated]
    within = ((came >= low) & (came <= high))[came.notna()]
    assert within.mean() == pytest.approx(0.8, abs=0.12)


def test_comes_back_from_disk_to_the_bit(
    model: ChurnModel, later: pd.DataFrame, tmp_path: Path
) -> None:
    model = replace(model, share=0.25)
    save_model(model, tmp_path / "model", meta={"name": "churn"})

    back = load_model(tmp_path / "model")

    pd.testing.assert_frame_equal(back.predict(later), model.predict(later), check_exact=True)
    assert {path.suffix for path in (tmp_path / "model").iterdir()} == {".json", ".txt"}
    assert "3 times the customer's own mean gap" in (tmp_path / "model" / "churn.json").read_text()


def test_the_bg_nbd_alone_keeps_the_next_order(model: ChurnModel, later: pd.DataFrame) -> None:
    alone = replace(model, share=0.0)

    got = alone.predict(later)

    np.testing.assert_array_equal(got[P_CHURN], model.rule.p_churn(later))
    dated = got[NEXT_ORDER].notna() & model.predict(later)[NEXT_ORDER].notna()
    assert (got[NEXT_ORDER][dated] == model.predict(later)[NEXT_ORDER][dated]).all()


def test_labels_are_not_looked_at_when_predicting(model: ChurnModel, later: pd.DataFrame) -> None:
    blind = later.drop(columns=["next_orders", "next_revenue_minor", "next_order_days"])

    pd.testing.assert_frame_equal(model.predict(blind), model.predict(later))


def test_names_the_missing_column(model: ChurnModel, later: pd.DataFrame) -> None:
    with pytest.raises(MissingColumnsError, match="gap_mean_days"):
        model.predict(later.drop(columns="gap_mean_days"))


def test_nobody_gets_no_row(model: ChurnModel, later: pd.DataFrame) -> None:
    assert model.predict(later.head(0)).shape == (0, 6)


def test_too_few_who_are_gone_are_said(later: pd.DataFrame) -> None:
    frame = shoppers().assign(next_order_days=1.0)
    frame.loc[:4, "next_order_days"] = np.nan

    with pytest.raises(NotEnoughDataError, match=r"5 of .* are gone"):
        ChurnModel.fit(frame, now=later, seed=7)
