"""Propensity and engagement against their bars: two sets of real data, and a shop that is known.

Everything goes through our import, features and trainers' own functions, with as many Optuna trials
as `sendwise train` runs. "low" is the lower end of the 95 % interval of a gain in AUC, paired over
customers. Figures are the candidate's, whatever the gate registers; tables say that too.

retail: Online Retail, an order within 90 days of 2011-09-10 and within 30 of 2011-11-09: AUC and
calibration of one and the same model; "rival" is, of the other contenders, the one with the highest
AUC. journey: the Complete Journey, a coupon of a mail redeemed within 60 days, over the rule of
past answers; "best_or_kept" is 1 where the candidate beats every rule for sure, or the gate keeps
one and says so. shop: a simulated shop (20,000 customers, a year, seed 7), the last
fifth of its mails and the orders of its last 30 days: calibration by what happened, and
"off_truth": by the truth's own probability of each mail.

The truth of a mail: somebody who has not left for good opens it by chance, clicks in an open one by
chance, and whose mailbox loads pictures by itself is seen to open only by a click. Of an order
within 30 days the truth has no probability. Chance alone makes a calibration error: that of the
truth itself, on the same mails, is printed beside. A shop of 5,000 leaves 4,200 mails to judge by;
of so many chance alone makes .014 on average and .019 at times, which leaves little of a bar of
.02: hence 20,000.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.customer_value import tell
from benchmarks.figures import bar
from core import columns as c
from core.settings import Settings
from features.dataset import Dataset
from features.mailings import Answer
from models.artefact import Artefact
from models.propensity_fit import fit_propensity
from models.registered import ANSWERS, ORDER, Target
from models.scoring_metrics import auc, ece
from pipelines import train_engagement, train_propensity
from pipelines.contest import Contender, with_rivals
from pipelines.probability_contest import Described, contest_of
from pipelines.simulate_shop import simulate_shop
from pipelines.training import SEED, Contest

RETAIL: Final = datetime(2011, 12, 9, tzinfo=UTC)  # windows end here
JOURNEY: Final = datetime(2018, 1, 1, tzinfo=UTC)
SHOP: Final = datetime(2024, 7, 1, tzinfo=UTC)
CUSTOMERS: Final = 20_000
DAYS: Final = 365
TO_REDEEM: Final = 60  # days
TRIALS: Final = 6  # as `sendwise train`
BINS: Final = 10  # as models.scoring_metrics.ece

console: Final = Console(stderr=True, highlight=False, width=160)

Floats = NDArray[np.float64]

BARS: Final = (
    bar("retail_90d_auc", "", ">=", 0.740, 0.760),
    bar("retail_90d_ece", "", "<=", 0.05, 0.03),
    bar("retail_90d_rival_auc", "", ">=", 0.740, 0.760),
    bar("retail_90d_rival_ece", "", "<=", 0.05, 0.03),
    bar("retail_30d_auc", "", ">=", 0.744, 0.760),
    bar("journey_response_over_past_low", "", ">", 0.0),
    bar("journey_response_best_or_kept", "", ">=", 1.0),
    bar("shop_opened_ece", "", "<=", 0.02),
    bar("shop_clicked_ece", "", "<=", 0.02),
    bar("shop_order_30d_ece", "", "<=", 0.02),
    bar("shop_opened_off_truth", "", "<=", 0.02),
    bar("shop_clicked_off_truth", "", "<=", 0.02),
)


def retail(home: Path, *, trials: int = TRIALS) -> dict[str, float]:
    """Take the figures of a workspace that holds Online Retail."""
    quarter, month = (
        _order(f"Online Retail, an order within {days} days", home, RETAIL, days, trials)[1]
        for days in (90, 30)
    )
    return {
        **_of("retail_90d", quarter.candidate),
        **_of("retail_90d_rival", rival_of(quarter)),
        "retail_30d_auc": month.candidate.metrics["auc"],
    }


def rival_of(contest: Contest) -> Contender:
    """Return the best of the other contenders."""
    return max(contest.baselines, key=lambda one: one.metrics["auc"])


def journey(home: Path, *, trials: int = TRIALS) -> dict[str, float]:
    """Take the figures of a workspace that holds the Complete Journey."""
    title = f"Complete Journey, a coupon redeemed within {TO_REDEEM} days"
    _, contest = _answer(title, home, JOURNEY, "redeemed", TO_REDEEM, trials)
    assert contest.gain_over is not None  # noqa: S101  # such a contest has it
    over = {rule.name: contest.gain_over(rule.name).low for rule in contest.baselines}
    kept = contest.verdict.winner == "baseline"
    return {
        "journey_response_over_past_low": over["past-answers"],
        "journey_response_best_or_kept": float(kept or min(over.values()) > 0),
    }


def shop(
    home: Path,
    *,
    customers: int = CUSTOMERS,
    days: int = DAYS,
    trials: int = TRIALS,
    answers: tuple[Answer, ...] = ("opened", "clicked"),
) -> dict[str, float]:
    """Simulate a shop into `home` unless it holds one, and take the figures of it."""
    if not (home / "lake").is_dir():
        simulate_shop(Settings(home=home), as_of=SHOP, customers=customers, days=days, seed=SEED)
    truth = pd.read_parquet(home / "truth" / "customers.parquet").set_index(c.CUSTOMER_ID)
    found: dict[str, float] = {}
    for answer in answers:
        dataset, contest = _answer(
            f"Simulated shop, {answer}", home, SHOP, answer, ANSWERS[answer], trials
        )
        found[f"shop_{answer}_ece"] = contest.candidate.metrics["ece"]
        model = cast("Artefact", contest.candidate.model)
        off = _off_truth(dataset, model, true_probability(dataset.test, truth, answer))
        found[f"shop_{answer}_off_truth"] = off
    _, contest = _order("Simulated shop, an order within 30 days", home, SHOP, ORDER.days, trials)
    return {**found, "shop_order_30d_ece": contest.candidate.metrics["ece"]}


def true_probability(mails: pd.DataFrame, truth: pd.DataFrame, answer: Answer) -> Floats:
    """Return how likely each mail is to be seen opened or clicked by a person.

    Args:
        mails: `customer_id` and `ts_us`, when it was delivered.
        truth: `truth/customers.parquet` by customer.
        answer: Opened or clicked.
    """
    of = truth.loc[mails[c.CUSTOMER_ID]]
    clicks = of["open_rate"] * of["click_rate"]
    answers = clicks if answer == "clicked" else of["open_rate"].where(~of["prefetched"], clicks)
    there = of["lapse_us"].to_numpy() > mails["ts_us"].to_numpy()
    return np.where(there, answers.to_numpy(dtype=np.float64), 0.0)


def off(probability: Floats, true: Floats) -> float:
    """Return the mean distance from the truth, over bins as in the calibration error.

    Where that compares with what happened, which chance has moved, this does with what was likely.
    """
    edges = np.quantile(probability, np.arange(1, BINS) / BINS)
    bins = np.searchsorted(edges, probability, side="right")
    return float(np.abs(np.bincount(bins, weights=probability - true)).sum() / len(true))


def _off_truth(dataset: Dataset, model: Artefact, true: Floats) -> float:
    label = dataset.test[c.LABEL].to_numpy()
    probability = np.asarray(model.predict(dataset.test), dtype=np.float64)
    far = off(probability, true)
    console.print(
        f"Off the truth by {far:.4f}. The truth itself: AUC {auc(label, true):.4f}, calibration "
        f"error by chance alone {ece(label, true):.4f}"
    )
    return far


def _order(
    title: str, home: Path, as_of: datetime, days: int, trials: int
) -> tuple[Dataset, Contest]:
    settings, target = Settings(home=home), Target(days=days)
    dataset, _ = train_propensity.dataset_of(settings, as_of, target)
    rules = train_propensity.rules_of(dataset, target)
    described = train_propensity.described_of(dataset, target)
    return dataset, _judged(title, settings, dataset, rules, described, trials)


def _answer(
    title: str, home: Path, as_of: datetime, answer: Answer, within_days: int, trials: int
) -> tuple[Dataset, Contest]:
    settings = Settings(home=home)
    dataset, _ = train_engagement.dataset_of(settings, as_of, answer, within_days)
    rules = train_engagement.rules_of(dataset, train_engagement.BEFORE[answer])
    described = train_engagement.described_of(dataset, answer, within_days)
    return dataset, _judged(title, settings, dataset, rules, described, trials)


def _judged(
    title: str,
    settings: Settings,
    dataset: Dataset,
    rules: Mapping[str, Artefact],
    described: Described,
    trials: int,
) -> Contest:
    """Fit and judge as the trainers do, and print everybody's figures and what the gate says."""
    fitted = fit_propensity(dataset, trials=trials, seed=SEED)
    contest = contest_of(settings, dataset, fitted, None, rules=rules, described=described)
    tell(title, with_rivals(contest))
    console.print(f"{contest.candidate.name} {contest.verdict.why}.\n")
    return contest


def _of(name: str, contender: Contender) -> dict[str, float]:
    return {f"{name}_{metric}": contender.metrics[metric] for metric in ("auc", "ece")}
