from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.customer_probabilities import BARS, off, rival_of, shop, true_probability
from models.gate import Verdict
from pipelines.contest import Contender, Contest


def test_a_small_shop_gives_figures_of_mails_and_orders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = shop(tmp_path, customers=1_000, days=200, trials=0, answers=("opened",))

    assert [*found] == ["shop_opened_ece", "shop_opened_off_truth", "shop_order_30d_ece"]
    assert found.keys() <= {one.name for one in BARS}
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


def test_the_rival_is_the_best_of_the_others() -> None:
    everyone = [
        Contender(name=name, model=None, metrics={"auc": auc})
        for name, auc in (("trees", 0.8), ("rfm-sum", 0.73), ("logistic", 0.74), ("recency", 0.68))
    ]
    contest = Contest(
        candidate=everyone[0],
        baselines=everyone[1:],
        headline="auc",
        verdict=Verdict(promote=True, winner="candidate", why="beats it"),
        slice="",
        purpose="",
    )

    assert rival_of(contest).name == "logistic"
