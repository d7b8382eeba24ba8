"""How often a customer orders, and whether they still do: the BG/NBD, fitted by ourselves.

While alive a customer orders at random at a rate of their own; after each order they may drop out,
with a probability of their own. Four numbers describe how both differ between a shop's customers.
No library that is kept up does this on Python 3.11.

Source:
    Fader, Hardie & Lee, "Counting your customers the easy way: an alternative to the Pareto/NBD
    model", Marketing Science 24 (2005).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expm1, gammaln, log_expit, xlog1py

from core import columns as c
from core.errors import DataError, NotEnoughDataError
from features.definitions.orders import ORDERS_TOTAL, RECENCY_DAYS, TENURE_DAYS
from models.calibration import Floats, Sigmoid, log_odds
from models.rules import columns_of
from models.shapley import median_of, shapley_values

LADDER: Final = (0.0, 0.001, 0.01, 0.1)  # weights of the penalty, tried until one fit is sound
MIN_CUSTOMERS: Final = 20
_MOST: Final = 50_000  # customers that four numbers are learnt from; more would not move them
_FARTHEST: Final = 9.0  # a logarithm beyond this is a fit that ran away along a flat ridge
_STEEPEST: Final = 1e-4  # gradient of a fit that has arrived
_NODES: Final = 121  # of the integral over the drop-out probability
_TAIL: Final = 40.0  # e to minus this is nothing
_ROWS: Final = 10_000  # customers whose nodes are held in memory at once
_FILE: Final = "bg_nbd.json"
FEATURES: Final = (ORDERS_TOTAL.name, TENURE_DAYS.name, RECENCY_DAYS.name)


class Orders(NamedTuple):
    """What the model looks at, one entry per customer; times in days."""

    repeats: Floats  # orders after the first
    last: Floats  # from the first to the last order
    age: Floats  # from the first order to the cut-off

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Self:
        """Read them from the features of who has an order.

        Two orders on one day count as two. Where that is not meant, as in the published figures,
        the import has to make one order of them.

        Raises:
            MissingColumnsError: A feature is not there.
            DataError: A value is not a finite number.
        """
        total, tenure, recency = columns_of(frame, FEATURES, where="models.bg_nbd").T
        age = np.maximum(tenure, 0.0)
        return cls(np.maximum(total - 1, 0.0), np.clip(age - recency, 0.0, age), age)


@dataclass(frozen=True, slots=True)
class BgNbd:
    """The fitted model. Times are in days; `a` of 0 is the NBD, in which nobody drops out."""

    r: float
    alpha: float  # days
    a: float
    b: float
    penalty: float = 0.0

    @classmethod
    def fit(cls, orders: Orders, *, seed: int = 0) -> Self:
        """Find the likeliest four numbers; where none are sound, those of the NBD.

        A penalty on their logarithms is raised step by step until a fit arrives at finite
        numbers: on short histories the likelihood may have no top.

        Args:
            orders: Of customers with at least one order, as of one cut-off.
            seed: Of the customers drawn where there are very many.

        Raises:
            NotEnoughDataError: Fewer than 20 customers, nobody ordered twice, or no history.
            DataError: A value is not finite, negative, or the last order is after the cut-off.
        """
        _check(orders)
        if len(orders.age) > _MOST:
            drawn = np.random.default_rng(seed).choice(len(orders.age), _MOST, replace=False)
            orders = Orders(*(each[drawn] for each in orders))
        unit = float(orders.age.mean())  # so that no unit of time is far from 1
        scaled = Orders(orders.repeats, orders.last / unit, orders.age / unit)
        for penalty in LADDER:
            found = _arrived(_bg_nbd_loss, scaled, penalty, numbers=4)
            if found is not None:
                r, alpha, a, b = found.tolist()
                return cls(r, alpha * unit, a, b, penalty)
        for penalty in LADDER:
            found = _arrived(_nbd_loss, scaled, penalty, numbers=2)
            if found is not None:
                r, alpha = found.tolist()
                return cls(r, alpha * unit, 0.0, 1.0, penalty)
        raise NotEnoughDataError("no rhythm of orders could be fitted. Import a longer history.")

    def p_alive(self, orders: Orders) -> Floats:
        """Return the probability that a customer has not dropped out by the cut-off.

        Who ordered once is alive: in this model one can only drop out at a repeat order.
        """
        repeats, last, age = orders
        if self.a == 0:
            return np.ones(len(age))
        odds = (self.r + repeats) * (np.log(self.alpha + age) - np.log(self.alpha + last))
        odds += np.log(self.a) - np.log(self.b + np.maximum(repeats, 1) - 1)
        gone = np.where(repeats > 0, np.exp(np.minimum(odds, 700.0)), 0.0)
        return np.asarray(1 / (1 + gone), dtype=np.float64)

    def p_order(self, orders: Orders, days: float | Floats) -> Floats:
        """Return the probability of at least one order in the `days` from the cut-off.

        Of who is alive the rate is Gamma(r + repeats, alpha + age), and the next order comes at it.
        """
        silent = -xlog1py(self.r + orders.repeats, days / (self.alpha + orders.age))
        return np.asarray(-expm1(silent) * self.p_alive(orders), dtype=np.float64)

    def expected_orders(self, orders: Orders, days: float | Floats) -> Floats:
        """Return how many orders to expect in the `days` from the cut-off.

        Source:
            Equation 10 of the paper, as the integral over the drop-out probability that its
            hypergeometric function stands for: SciPy's is wrong for hundreds of orders.
        """
        ahead = days / (self.alpha + orders.age)
        expected = (self.r + orders.repeats) * ahead  # if nobody dropped out
        if self.a > 0:
            stays = self.b + orders.repeats
            for start in range(0, len(ahead), _ROWS):
                part = slice(start, start + _ROWS)
                expected[part] -= _dropped(expected[part], self.a, stays[part], ahead[part])
        return np.asarray(np.maximum(expected, 0.0) * self.p_alive(orders), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class BgNbdRule:
    """The BG/NBD as a rule that propensity has to beat: an order within a number of days."""

    kind: ClassVar[str] = "bg-nbd"
    features: ClassVar[tuple[str, ...]] = FEATURES
    days: float
    model: BgNbd
    sigmoid: Sigmoid | None = None
    middle: tuple[float, ...] = (1.0, 0.0, 0.0)  # the median customer; here: a first order just now

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, label: NDArray[np.generic] | None = None, *, days: float = 30.0
    ) -> Self:
        """Fit the model on the last cut-off of `frame`, then a sigmoid where there are labels.

        Args:
            frame: Features of who has an order; several cut-offs are told by `cutoff_us`.
            label: Who ordered within `days`, 0 or 1 per row; None: the model's own probability.
            days: How far to look ahead.
        """
        last = frame
        if c.CUTOFF_US in frame:
            last = frame[frame[c.CUTOFF_US] == frame[c.CUTOFF_US].max()]
        rule = cls(days, BgNbd.fit(Orders.of(last)), middle=median_of(last, FEATURES))
        if label is None:
            return rule
        return replace(rule, sigmoid=Sigmoid.fit(log_odds(rule.predict(frame)), label))

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return the probability of an order, one per row."""
        plain = self.model.p_order(Orders.of(frame), self.days)
        return plain if self.sigmoid is None else self.sigmoid(log_odds(plain))

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Return how far each feature moves each score from the median customer's, in log odds."""
        return shapley_values(self, frame, self.middle)

    def save(self, folder: Path) -> None:
        """Write the learnt numbers."""
        text = json.dumps(asdict(self), indent=1, sort_keys=True)
        (folder / _FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        found: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        sigmoid = found["sigmoid"]
        return cls(
            days=found["days"],
            model=BgNbd(**found["model"]),
            sigmoid=None if sigmoid is None else Sigmoid(**sigmoid),
            middle=tuple(found["middle"]),
        )


def _dropped(most: Floats, a: float, b: Floats, ahead: Floats) -> Floats:
    """Return how many of `most` expected orders drop-outs cost, of who is alive now.

    Who drops out with probability p at each order places (1 - (1 + p * ahead)^-n) / p of them, and
    p is Beta(a, b). The trapezoid rule over the logit of p, its nodes the denser the nearer to the
    bulk of the Beta, is right to nine digits.
    """
    n = most / ahead
    width = np.minimum(np.sqrt(1 / a + 1 / b), 1.0)
    reach = np.arcsinh(_TAIL / np.minimum(b, 1.0) / width)[:, None]
    step = np.linspace(-1.0, 1.0, _NODES)
    logit = np.log(a / b)[:, None] + width[:, None] * np.sinh(reach * step)
    apart = width[:, None] * np.cosh(reach * step) * reach * (step[1] - step[0])
    log_p, log_rest = log_expit(logit), log_expit(-logit)
    weight = np.exp(a * log_p + b[:, None] * log_rest - betaln(a, b)[:, None]) * apart
    p = np.exp(log_p)
    placed = -expm1(-n[:, None] * np.log1p(p * ahead[:, None])) / p
    return np.asarray((weight * (most[:, None] - placed)).sum(axis=1), dtype=np.float64)


def _check(orders: Orders) -> None:
    repeats, last, age = orders
    if not all(np.isfinite(each).all() and (each >= 0).all() for each in orders):
        raise DataError("models.bg_nbd: numbers of orders and days must be finite, not negative.")
    if (last > age).any():
        raise DataError("models.bg_nbd: a last order is after the cut-off.")
    if len(age) < MIN_CUSTOMERS or not (repeats > 0).any() or not age.any():
        raise NotEnoughDataError(
            f"{len(age):,} customers with an order, {int((repeats > 0).sum()):,} of whom came "
            "back, are too few to learn how often customers order. Import a longer history."
        )


def _arrived(loss: Any, orders: Orders, penalty: float, *, numbers: int) -> Floats | None:  # noqa: ANN401
    """Minimise over logarithms; None where that does not arrive at finite numbers."""

    def penalised(logs: Floats) -> tuple[float, Floats]:
        with np.errstate(all="ignore"):  # a step too far is stepped back from
            value, slope = loss(np.exp(logs), orders)
        value += penalty * float(logs @ logs)
        slope = slope * np.exp(logs) + 2 * penalty * logs
        return (value, slope) if np.isfinite(value) else (1e10, np.zeros(numbers))

    found = minimize(
        penalised,
        np.zeros(numbers),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-2 * _FARTHEST, 2 * _FARTHEST)] * numbers,
        options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500},
    )
    sound = np.isfinite(found.x).all() and np.abs(found.x).max() < _FARTHEST
    if not sound or found.fun >= 1e10 or np.abs(penalised(found.x)[1]).max() > _STEEPEST:
        return None
    return np.asarray(np.exp(found.x), dtype=np.float64)


def _bg_nbd_loss(numbers: Floats, orders: Orders) -> tuple[float, Floats]:
    """Return minus the mean log likelihood, and its gradient in r, alpha, a and b."""
    r, alpha, a, b = numbers
    repeats, last, age = orders
    n, again = r + repeats, repeats > 0
    until_now, until_last = np.log(alpha + age), np.log(alpha + last)
    alive = -n * until_now
    left = np.where(again, np.log(a) - np.log(b + np.maximum(repeats, 1) - 1) - n * until_last, 0.0)
    both = np.where(again, np.logaddexp(alive, left), alive)
    value = (
        gammaln(n) - gammaln(r) + r * np.log(alpha) + both
        + gammaln(a + b) - gammaln(a + b + repeats) + gammaln(b + repeats) - gammaln(b)
    )  # fmt: skip
    gone = np.where(again, np.exp(left - both), 0.0)
    stays = 1 - gone
    spread = digamma(a + b) - digamma(a + b + repeats)
    slope = (
        digamma(n) - digamma(r) + np.log(alpha) - stays * until_now - gone * until_last,
        r / alpha - n * (stays / (alpha + age) + gone / (alpha + last)),
        spread + gone / a,
        spread + digamma(b + repeats) - digamma(b) - gone / (b + np.maximum(repeats, 1) - 1),
    )
    return -float(value.mean()), -np.array([each.mean() for each in slope])


def _nbd_loss(numbers: Floats, orders: Orders) -> tuple[float, Floats]:
    """Return minus the mean log likelihood of the NBD, and its gradient in r and alpha."""
    r, alpha = numbers
    n = r + orders.repeats
    now = np.log(alpha + orders.age)
    value = gammaln(n) - gammaln(r) + r * np.log(alpha) - n * now
    slope = (
        digamma(n) - digamma(r) + np.log(alpha) - now,
        r / alpha - n / (alpha + orders.age),
    )
    return -float(value.mean()), -np.array([each.mean() for each in slope])
