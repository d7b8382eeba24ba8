from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
import pytest

from core.errors import MissingColumnsError
from features.ahead import Ahead
from models.bundles import LoadedModel
from models.gate import auc
from pipelines.judging import Judged, Yardstick, judge

TESTED_AT = datetime(2024, 9, 1, tzinfo=UTC)
HORIZON = timedelta(days=90)


@dataclass
class Guess:
    """Answers with the truth, more or less."""

    kind: ClassVar[str] = "guess"
    noise: float
    needs: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Nobody asks for it here."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return one that knows the truth."""
        return cls(0.0)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Answer with the truth and some noise."""
        if absent := set(self.needs) - set(frame.columns):
            raise MissingColumnsError("guess", absent, frame.columns)
        random = np.random.default_rng(len(frame))
        return pd.DataFrame(
            {"p": frame["truth"] + random.normal(scale=self.noise, size=len(frame))}
        )


def rows() -> Ahead:
    test = pd.DataFrame({"truth": np.arange(400) % 2})
    return Ahead(
        learning=test,
        test=test,
        learnt_at=(TESTED_AT - HORIZON,),
        tested_at=TESTED_AT,
        horizon=HORIZON,
        features=(),
        digest="",
    )


def champion(model: Guess, *, labels_end: datetime) -> LoadedModel:
    as_of = labels_end + HORIZON
    return LoadedModel(
        name="churn",
        version="3",
        model=model,
        meta={"as_of": as_of.isoformat(), "labels_end": labels_end.isoformat()},
        stale=False,
    )


def judged(current: LoadedModel | None = None, **models: Guess) -> Judged:
    slice_ = rows()
    truth = slice_.test["truth"].to_numpy()
    yardstick = Yardstick(
        headline="auc",
        metric=auc,
        figures=lambda answers: {
            "auc": float(auc(np.column_stack([truth, answers["p"]]), np.ones((1, len(truth))))[0])
        },
        pairs=lambda answers: np.column_stack([truth, answers["p"]]).astype(np.float64),
    )
    return judge(models, slice_, current, yardstick, margin=0.005)


def test_the_best_of_the_rules_is_the_one_to_beat() -> None:
    got = judged(new=Guess(0.3), weak=Guess(5.0), strong=Guess(0.8))

    assert [one.name for one in got.rules] == ["strong", "weak"]
    assert "beats strong" in got.verdict.why
    assert got.verdict.winner == "candidate"
    assert got.gain_over("weak").gain > got.gain_over("strong").gain > 0
    assert list(got.answers) == ["new", "weak", "strong"]


def test_a_rule_that_is_as_good_is_what_gets_registered() -> None:
    got = judged(new=Guess(0.8), weak=Guess(5.0), strong=Guess(0.8))

    assert got.verdict.winner == "baseline"
    assert got.rules[0].name == "strong"


def test_the_champion_of_before_defends_itself() -> None:
    got = judged(champion(Guess(0.6), labels_end=TESTED_AT), new=Guess(0.3), rule=Guess(5.0))

    assert got.champion is not None
    assert got.champion.name == "champion v3"
    assert got.verdict.over_champion is not None


@pytest.mark.parametrize(
    ("model", "labels_end", "says", "promote"),
    [
        pytest.param(
            Guess(0.6),
            TESTED_AT + timedelta(days=1),
            "has learnt from the test slice",
            False,
            id="has-seen-the-slice",
        ),
        pytest.param(
            Guess(0.6, needs=("gone",)), TESTED_AT, "it needs gone", True, id="lacks-a-feature"
        ),
    ],
)
def test_a_champion_that_cannot_be_compared_is_said(
    model: Guess, labels_end: datetime, says: str, promote: bool
) -> None:
    got = judged(champion(model, labels_end=labels_end), new=Guess(0.3), rule=Guess(5.0))

    assert got.champion is None
    assert says in got.notes[0]
    assert got.verdict.promote == promote
