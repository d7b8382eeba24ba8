from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.customer_probabilities import BARS, off, rival_of, shop, true_probability
from models.gate import Verdict
from pipelines.contest import Contender, Contest


def test_a_small_shop_gives_every_figure_of_a_shop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = shop(tmp_path, customers=1_200, days=300, trials=0)

    assert set(found) == {one.name for one in BARS if one.name.startswith("shop_")}
    assert all(0 < value < 0.2 for value in found.values())
    told = capsys.readouterr().err
    assert "past-answers" in told
    assert "The truth itself" in told


def test_the_truth_of_a_mail_is_what_can_be_seen_of_its_reader() -> None:
    truth = pd.DataFrame(
        {
            "open_rate": [0.4, 0.4, 0.4],
            "click_rate": [0.5, 0.5, 0.5],
            "prefetched": [False, True, False],
            "lapse_us": [9, 9, 2],
        },
        index=["sees-pictures", "mailbox-does", "left"],
    )
    mails = pd.DataFrame({"customer_id": truth.index, "ts_us": [5, 5, 5]})

    assert true_probability(mails, truth, "opened").tolist() == pytest.approx([0.4, 0.2, 0.0])
    assert true_probability(mails, truth, "clicked").tolist() == pytest.approx([0.2, 0.2, 0.0])


def test_what_is_off_is_told_by_bins_in_which_errors_may_cancel() -> None:
    probability = np.repeat(np.linspace(0.05, 0.95, 10), 2)
    wobble = np.tile([0.05, -0.05], 10)

    assert off(probability, probability + wobble) == pytest.approx(0.0)
    assert off(probability, probability + 0.03) == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("figures", "name"),
    [
        pytest.param({"rfm": (0.74, 0.05), "line": (0.75, 0.02)}, "line", id="the-best-of-two"),
        pytest.param({"rfm": (0.741, 0.04), "line": (0.76, 0.06)}, "rfm", id="not-one-by-one"),
        pytest.param({"rfm": (0.73, 0.01), "line": (0.76, 0.06)}, None, id="nobody"),
    ],
)
def test_the_rival_reaches_both_bars(
    figures: dict[str, tuple[float, float]], name: str | None
) -> None:
    baselines = [
        Contender(name=each, model=None, metrics={"auc": auc, "ece": ece})
        for each, (auc, ece) in figures.items()
    ]
    contest = Contest(
        candidate=Contender(name="trees", model=None, metrics={"auc": 0.8, "ece": 0.0}),
        baselines=baselines,
        headline="auc",
        verdict=Verdict(promote=True, winner="candidate", why="beats it"),
        slice="",
        purpose="",
    )

    found = rival_of(contest)

    assert (found.name if found else None) == name
