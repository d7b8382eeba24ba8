"""What models are registered as, what propensity looks ahead, and the outputs they fill.

Named once, in a module that imports nothing heavy: serving reads it before any model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from core.clock import DAY
from core.errors import ConfigError
from core.ids import digest

_ORDER: Final = "Order Completed"  # as in `ingest.contract`, which is too heavy to import here
_OF_PROPENSITY: Final = "propensity-"
_OF_ENGAGEMENT: Final = "engagement-"
LONGEST_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Target:
    """What a propensity foretells: an event within so many days, maybe of one category."""

    event: str = _ORDER
    days: int = 30
    category: str = ""

    def __post_init__(self) -> None:
        """Refuse a horizon that no shop's history could teach."""
        if not 1 <= self.days <= LONGEST_DAYS:
            raise ConfigError(f"--days must be from 1 to {LONGEST_DAYS}, got {self.days}.")

    @property
    def horizon(self) -> timedelta:
        """How far a label looks ahead."""
        return self.days * DAY

    @property
    def what(self) -> str:
        """The event as part of a name: `order`, `product-added`, `order-shoes-boots`."""
        event = "order" if self.event == _ORDER else self.event
        words = f"{event} {self.category}".lower()
        name = re.sub(r"[^a-z0-9]+", "-", words).strip("-")
        if any(each.isalnum() and not each.isascii() for each in words):
            return f"{name}-{digest(words, length=6)}"  # letters were left out: another name still
        return name

    @property
    def name(self) -> str:
        """The registered name: another target is another model."""
        return f"{_OF_PROPENSITY}{self.what}-{self.days}d"

    @property
    def output(self) -> str:
        """The output it fills, e.g. `p_order_30d`."""
        return output_of(self.name)

    @property
    def words(self) -> str:
        """What is foretold, as a verb with its object: `order`, `do Product Added in SHOES`."""
        verb = "order" if self.event == _ORDER else f"do {self.event}"
        return f"{verb} in {self.category}" if self.category else verb


def engagement_name(answer: str, days: int) -> str:
    """Return what the probability of an answer within so many days is registered as."""
    return f"{_OF_ENGAGEMENT}{answer}-{days}d"


def is_probability(name: str) -> bool:
    """Say whether a registered name is that of a propensity or an engagement: of one output."""
    return name.startswith((_OF_PROPENSITY, _OF_ENGAGEMENT))


def output_of(name: str) -> str:
    """Return the output that a propensity or an engagement of this registered name fills."""
    plain = name.removeprefix(_OF_PROPENSITY).removeprefix(_OF_ENGAGEMENT)
    return f"p_{plain.replace('-', '_')}"


def trained_by(name: str) -> str:
    """Return what `sendwise train` is given to make a model of this registered name.

    Of a propensity of another target the name does not tell the event: the sentence leaves it open.
    """
    known = {
        PROPENSITY: "propensity",
        QUARTER.name: f"propensity --days {QUARTER.days}",
        **{model: f"engagement --answer {answer}" for answer, model in ENGAGEMENT.items()},
    }
    if name.startswith(_OF_PROPENSITY):
        return known.get(name, "propensity --event ... --days ...")
    return known.get(name, "engagement --answer ... --days ..." if is_probability(name) else name)


ORDER: Final = Target()  # what the demo, the drift report and live scores are about
QUARTER: Final = Target(days=90)
PROPENSITY: Final = ORDER.name
P_ORDER: Final = ORDER.output
PROPENSITIES: Final = (PROPENSITY, QUARTER.name)
# By what is foretold of a mail, as `features.labels` calls it: how many days it may take.
ANSWERS: Final = {"opened": 7, "clicked": 7, "redeemed": 30}
ENGAGEMENT: Final = {answer: engagement_name(answer, days) for answer, days in ANSWERS.items()}
WINDOW: Final = 30 * DAY  # that the recommender is tested on
CLUSTERS: Final = "clusters"
RECOMMENDER: Final = "recommender"
SEND_TIME: Final = "send-time"
VALUE: Final = "value"
CHURN: Final = "churn"
# Of these there is an output, trained or not.
PROBABILITIES: Final = (*PROPENSITIES, *ENGAGEMENT.values())
MODELS: Final = (
    *PROBABILITIES,
    CHURN,
    VALUE,
    CLUSTERS,
    RECOMMENDER,
    SEND_TIME,
)
