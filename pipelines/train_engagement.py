"""Train who answers a mail: opens it, clicks in it, or redeems its coupon."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from core import columns as c
from core.clock import DAY
from core.settings import Settings
from features.dataset import Dataset
from features.mailings import Answer, answer_set
from features.registry import ENGAGEMENT
from features.shop import Shop
from ingest.lake import connect
from models import registered
from models.artefact import Artefact
from models.rules import Logistic, PastAnswers
from models.sufficiency import require
from pipelines.learnable import Learners, facts_of
from pipelines.outcome import Outcome, progress_bar
from pipelines.probability_contest import Described, train_probability
from pipelines.training import SEED, learners

# What customers did with earlier mails, by what is foretold: the rule to beat.
BEFORE: Final[dict[Answer, str]] = {
    "opened": "open_rate",
    "clicked": "click_rate",
    "redeemed": "coupons_90d",
}
LIMITS: Final = (
    "Answers are those of persons: opens and clicks by machines count nothing.",
    "It knows the customer, not the mail: which campaign is better, it cannot say.",
    "An open is what a picture reports; who blocks pictures and does not click seems not to open.",
    "It says who will answer, not whom a mail would make buy: that needs an experiment.",
)


def run(
    settings: Settings,
    *,
    as_of: datetime,
    trials: int,
    register: bool,
    answer: Answer = "clicked",
    within_days: int = 0,
) -> Outcome:
    """Train, compare and register an engagement, by default `engagement-clicked-7d`.

    Args:
        settings: The workspace.
        as_of: Only what was known strictly before counts.
        trials: How long tuning runs; 0 keeps the defaults.
        register: False evaluates and tracks, but registers nothing.
        answer: What is foretold of a mail.
        within_days: How many days it may take; 0: those of `models.registered.ANSWERS`.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Too few mails, too short a history, or one kind of answer only.
        DataError: The model is too good to be true.
    """
    within_days = within_days or registered.ANSWERS[answer]
    dataset, allowed = dataset_of(settings, as_of, answer, within_days)
    return train_probability(
        settings,
        dataset,
        allowed,
        name=registered.engagement_name(answer, within_days),
        as_of=as_of,
        features=ENGAGEMENT,
        params={"within_days": within_days},
        rules=lambda: rules_of(dataset, BEFORE[answer]),
        described=described_of(dataset, answer, within_days),
        trials=trials,
        register=register,
    )


def dataset_of(
    settings: Settings, as_of: datetime, answer: Answer, within_days: int
) -> tuple[Dataset, Learners]:
    """Return what an answer is learnt from and judged by, and who may be learnt from.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Too few mails, too short a history, or one kind of answer only.
    """
    connection = connect(settings.home)
    try:
        allowed = learners(settings, connection, as_of=as_of)
        facts = facts_of(settings, connection, allowed, as_of=as_of)
        require(facts, registered.ENGAGEMENT[answer])
        with allowed.named(), progress_bar("features of mails") as advance:
            dataset = answer_set(
                connection,
                answer=answer,
                as_of=as_of,
                within=within_days * DAY,
                shop=Shop.of(settings),
                customers=set(allowed.ids),
                least=settings.least_examples,
                seed=SEED,
                advance=advance,
            )
        return dataset, allowed
    finally:
        connection.close()


def described_of(dataset: Dataset, answer: Answer, days: int) -> Described:
    """Say what the contest of an answer is about."""
    truth = dataset.test[c.LABEL]
    return Described(
        slice=(
            f"{len(truth):,} mails delivered from {dataset.cutoffs.test:%Y-%m-%d}, "
            f"{truth.mean():.1%} of which were {answer} within {days} days"
        ),
        purpose=(
            f"Probability that a mail to this customer is {answer} by a person within {days} days. "
            "For choosing whom to write to: who hardly answers is tired by every further mail."
        ),
        limits=LIMITS,
    )


def rules_of(dataset: Dataset, feature: str) -> dict[str, Artefact]:
    """Return the baselines, fitted on what came before the test slice."""
    seen = dataset.seen
    return {
        # Rates of the first mails tell nothing yet: the fairest rule is that of the latest slice.
        "past-answers": PastAnswers.fit(
            dataset.validation, dataset.validation[c.LABEL].to_numpy(), feature=feature
        ),
        "logistic": Logistic.fit(seen, seen[c.LABEL].to_numpy(), features=dataset.features),
    }
