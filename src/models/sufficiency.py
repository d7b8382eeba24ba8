"""Whether there is enough to learn from: what each model needs, and what there is.

Trainers refuse by `require`, and `sendwise doctor` shows the same needs: one table, so that both
say the same. The minimums are settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from core.clock import DAY, MICROSECOND
from core.errors import ConfigError, NotEnoughDataError
from core.settings import Settings
from ingest.contract import ORDER_COMPLETED
from models.registered import ENGAGEMENT, WINDOW
from privacy.consent import MODEL_TRAINING

LOYAL: Final = 3  # orders from which a customer has shown a rhythm: two have one gap between them


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What there is before `as_of`, of those only who consent to be learnt from."""

    as_of: datetime
    least: Settings  # the minimums
    horizon: timedelta  # how far propensity looks ahead, and for which event
    event: str
    begins: datetime | None  # the first order of anybody known
    customers: int  # with an order
    left_out: int  # with an order, but without consent
    first: datetime | None  # order
    last: datetime | None
    loyal: int  # customers with three orders or more
    interactions: int  # lines of orders
    repeaters: int  # customers with two lines or more
    did: int | None  # examples to learn from, a customer at a cut-off; None: no time for any
    did_not: int | None
    judged: int | None  # the least there is of either kind in a slice that judges
    mail_days: int  # from the first answer to a mail to the last
    mails: int  # one of each campaign to each customer
    opened: int  # by a person; who clicks has opened
    clicked: int
    redeemed: int  # with a coupon of it

    @property
    def days(self) -> int:
        """Whole days from the first order to `as_of`."""
        return 0 if self.first is None else max(0, (self.as_of - self.first) // DAY)

    @property
    def silence(self) -> int | None:
        """Whole days from the last order to `as_of`; None: there is none."""
        return None if self.last is None else (self.as_of - self.last) // DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing a model needs: so many, or with `at_most` no more than so many."""

    what: str
    needs: int
    has: int | None  # None: there is nothing to count
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether there is enough."""
        if self.has is None:
            return False
        return self.has <= self.needs if self.at_most else self.has >= self.needs

    def __str__(self) -> str:
        return f"{'at most ' if self.at_most else ''}{_many(self.needs, self.what)}"


def needs_of(facts: Facts, model: str) -> tuple[Need, ...]:
    """Return what `model` needs, beside what there is.

    Raises:
        ConfigError: There is no model called so.
    """
    if model not in MODELS:
        raise ConfigError(f"no model {model!r}; there are {', '.join(MODELS)}.")
    return MODELS[model](facts)


def shortfall(facts: Facts, model: str) -> str:
    """Say in one line why `model` cannot be trained and what to do; empty where it can be."""
    lacking = [need for need in needs_of(facts, model) if not need.met]
    if not lacking:
        return ""
    day = f"{facts.as_of:%Y-%m-%d}"
    if model not in OF_MAILS and (facts.begins is None or facts.as_of <= facts.begins):
        known = "there are no orders" if facts.begins is None else f"orders begin {facts.begins:%F}"
        return f"nothing is known before {day}: {known}. Give a later --as-of, or import more."
    counted = [need for need in lacking if need.has is not None] or lacking
    said = "; ".join(f"{_many(need.has or 0, need.what)}, {_needed(need)}" for need in counted)
    ahead = f" {facts.horizon // DAY} days ahead" if model == "propensity" else ""
    text = f"too little before {day} to train {model}{ahead}: {said}. {_advice(facts, lacking)}"
    if facts.left_out:
        text += f" {of_whom(facts.customers, facts.customers + facts.left_out)}"
    return text


def require(facts: Facts, model: str) -> None:
    """Refuse to train `model` on too little.

    Raises:
        NotEnoughDataError: Something it needs is not there; the message is that of `shortfall`.
    """
    if lacking := shortfall(facts, model):
        raise NotEnoughDataError(lacking)


def of_whom(allowed: int, of: int) -> str:
    """Say that only those who consent were counted: more orders may not be what is missing."""
    return (
        f"That is of those who consent to {MODEL_TRAINING} ({allowed:,} of {of:,} customer"
        f"{'' if of == 1 else 's'})."
    )


def _many(number: int, what: str) -> str:
    """Say `1 customer with ...`, `2 customers with ...`."""
    first, space, rest = what.partition(" ")
    return f"{number:,} {first.removesuffix('s') if number == 1 else first}{space}{rest}"


def _needed(need: Need) -> str:
    if need.at_most:
        return f"at most {need.needs:,} may be"
    return f"{need.needs:,} {'is' if need.needs == 1 else 'are'} needed"


def _advice(facts: Facts, lacking: list[Need]) -> str:
    """Say when there will be enough, where time alone brings it."""
    if any(need.at_most for need in lacking) and facts.last is not None:
        return f"Import newer orders, or give an --as-of soon after {facts.last:%F}."
    days = [need.needs for need in lacking if need.what == _DAYS]
    if days and facts.first is not None:
        # The first midnight at which they will have passed.
        when = facts.first + max(days) * DAY + DAY - MICROSECOND
        return f"Import more, or give an --as-of of {when:%F} or later."
    return "Import more, or give a later --as-of."


_DAYS: Final = "days of orders"


def _propensity(facts: Facts) -> tuple[Need, ...]:
    """Each slice is a horizon long; the last one judges, and is none of the history."""
    days = (facts.least.least_horizons + 1) * facts.horizon // DAY
    then = "who then ordered" if facts.event == ORDER_COMPLETED else f"with {facts.event} after"
    least = facts.least.least_examples
    return (
        Need(what=_DAYS, needs=days, has=facts.days),
        Need(what=f"examples {then}", needs=least, has=facts.did),
        Need(what="examples who did not", needs=least, has=facts.did_not),
        Need(what="of each kind to judge by", needs=1, has=facts.judged),
    )


def _customers(facts: Facts) -> tuple[Need, ...]:
    least = facts.least
    return (
        Need(what="customers who ordered", needs=least.least_customers, has=facts.customers),
        Need(what=_DAYS, needs=least.least_days, has=facts.days),
        Need(
            what="days since the last order",
            needs=least.most_silent_days,
            has=facts.silence,
            at_most=True,
        ),
        Need(
            what=f"customers with {LOYAL} orders or more",
            needs=least.least_loyal,
            has=facts.loyal,
        ),
    )


def _clusters(facts: Facts) -> tuple[Need, ...]:
    least = facts.least.least_to_cluster
    return (Need(what="customers who ordered", needs=least, has=facts.customers),)


def _recommender(facts: Facts) -> tuple[Need, ...]:
    """Something is known before the window that it is taught by, and the one it is judged on."""
    least = facts.least
    return (
        Need(what=_DAYS, needs=2 * WINDOW // DAY + 1, has=facts.days),
        Need(what="lines of orders", needs=least.least_interactions, has=facts.interactions),
        Need(
            what="customers with 2 lines or more", needs=least.least_repeaters, has=facts.repeaters
        ),
    )


def _send_time(facts: Facts) -> tuple[Need, ...]:
    least = facts.least.least_mail_days
    return (Need(what="days of opens and clicks", needs=least, has=facts.mail_days),)


def _engagement(facts: Facts, answer: str) -> tuple[Need, ...]:
    least, has = facts.least.least_answers, int(getattr(facts, answer))
    return (
        Need(what=f"mails {answer}", needs=least, has=has),
        Need(what=f"mails not {answer}", needs=least, has=facts.mails - has),
    )


MODELS: Final[Mapping[str, Callable[[Facts], tuple[Need, ...]]]] = {
    "propensity": _propensity,
    "churn": _customers,
    "value": _customers,
    "clusters": _clusters,
    "recommender": _recommender,
    "send-time": _send_time,
    **{name: partial(_engagement, answer=answer) for answer, name in ENGAGEMENT.items()},
}
OF_MAILS: Final = ("send-time", *ENGAGEMENT.values())  # whatever was ordered

# What customers and campaigns get where a model is not there.
INSTEAD: Final[Mapping[str, str]] = {
    "propensity": "no probability to order: null, and it is said why",
    "churn": "lifecycle stages by rules; probabilities are null, and it is said why",
    "value": "what a customer has spent so far; what is predicted is null, and it is said why",
    "clusters": "lifecycle stages by rules; the cluster is null, and it is said why",
    "recommender": "what is popular in the shop, alike for all",
    "send-time": "the sender's own time: the hour is null, and it is said why",
    **dict.fromkeys(ENGAGEMENT.values(), "no probability of an answer: null, and it is said why"),
}
