"""Train the propensity to order, or to do anything else, and let it meet the rules to beat."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final

from core import columns as c
from core.errors import NotEnoughDataError
from core.settings import Settings
from features.dataset import Dataset, cutoffs, first_order, training_set
from features.labels import require_category, require_event
from features.registry import PROPENSITY
from features.shop import Shop
from ingest.contract import ORDER_COMPLETED
from ingest.lake import connect
from models.artefact import Artefact
from models.bg_nbd import BgNbdRule
from models.registered import ORDER, Target
from models.rules import Logistic, Recency, RfmSum
from models.sufficiency import require
from pipelines.learnable import Learners, facts_of
from pipelines.outcome import Outcome
from pipelines.probability_contest import Described, train_probability
from pipelines.training import learners

LIMITS: Final = (
    "It says who will, not whom an e-mail would make do it: that needs an experiment.",
    "Customers without an order have no score.",
    "The share who do moves with the season; the probabilities follow it one slice late.",
    "What is registered is what was judged: nothing is fitted again on the test slice.",
)


def run(
    settings: Settings, *, as_of: datetime, trials: int, register: bool, target: Target = ORDER
) -> Outcome:
    """Train, compare and register a propensity, by default `propensity-order-30d`.

    Raises:
        ConfigError: The contract has no such event.
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Too little history, or too few who did or did not.
        DataError: The model is too good to be true.
    """
    dataset, allowed = dataset_of(settings, as_of, target)
    params: dict[str, object] = {"horizon_days": target.days, "event": target.event}
    if target.category:
        params["category"] = target.category
    return train_probability(
        settings,
        dataset,
        allowed,
        name=target.name,
        as_of=as_of,
        features=PROPENSITY,
        params=params,
        rules=lambda: rules_of(dataset, target),
        described=described_of(dataset, target),
        trials=trials,
        register=register,
    )


def dataset_of(settings: Settings, as_of: datetime, target: Target) -> tuple[Dataset, Learners]:
    """Return what a target is learnt from and judged by, and who may be learnt from.

    Raises:
        ConfigError: The contract has no such event.
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Too little history, or too few who did or did not.
    """
    require_event(target.event)
    connection = connect(settings.home)
    try:
        if target.category:
            require_category(connection, target.category)
        allowed = learners(settings, connection, as_of=as_of)
        facts = facts_of(
            settings,
            connection,
            allowed,
            as_of=as_of,
            horizon=target.horizon,
            event=target.event,
        )
        require(facts, "propensity")
        with allowed.named():
            dataset = training_set(
                connection,
                cutoffs=cutoffs(first_order(connection), as_of, target.horizon),
                shop=Shop.of(settings),
                customers=set(allowed.ids),
                event=target.event,
                category=target.category,
                least=settings.least_examples,
            )
        return dataset, allowed
    finally:
        connection.close()


def described_of(dataset: Dataset, target: Target) -> Described:
    """Say what the contest of a target is about."""
    truth = dataset.test[c.LABEL]
    return Described(
        slice=(
            f"{len(truth):,} customers with an order before {dataset.cutoffs.test:%Y-%m-%d}, "
            f"{truth.mean():.1%} of whom did in the {target.days} days from then"
        ),
        purpose=(
            f"Probability that a customer with at least one order will {target.words} within "
            f"{target.days} days. For choosing whom to write to and what to say: those who would "
            "anyway need no discount, those who slip away a reason to come back."
        ),
        limits=LIMITS,
    )


def rules_of(dataset: Dataset, target: Target) -> dict[str, Artefact]:
    """Return the baselines, fitted on what came before the test slice."""
    seen = dataset.seen
    label = seen[c.LABEL].to_numpy()
    rules: dict[str, Artefact] = {
        # Its yearly sums grow with the shop's history: the fairest quintiles are those of the
        # latest slice.
        "rfm-sum": RfmSum.fit(dataset.validation, dataset.validation[c.LABEL].to_numpy()),
        "recency": Recency.fit(seen, label),
        "logistic": Logistic.fit(seen, label, features=dataset.features),
    }
    if target.event == ORDER_COMPLETED and not target.category:
        with suppress(NotEnoughDataError):  # no rhythm to be found: one rule fewer to beat
            rules["bg-nbd"] = BgNbdRule.fit(seen, label, days=float(target.days))
    return rules
