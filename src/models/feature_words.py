"""What a feature's value says of a customer, in words: "ordered 3 times in 90 days".

One template per feature, found by its name without the window (`orders_90d` is `orders` in 90
days). Numbers are rounded to what they can carry; a value that stands for "not known" is said so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from features.shop import Shop

_WINDOW: Final = re.compile(r"^(.*)_(\d+)d$")
_NEVER: Final = 3_650.0  # days: where there was none, see the features' defaults
_ONCE_A_YEAR: Final = 365.0
_FAR: Final = 2  # from here on a multiple reads better than a percentage
_FEW: Final = 10  # below, a decimal says something
_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to tell: a value, the days it looks back (0: no window), and the shop."""

    value: float
    days: int
    shop: Shop

    @property
    def within(self) -> str:
        """The window, with a space before it."""
        return f" in {self.days} days" if self.days else ""


Say = Callable[[Told], str]


@dataclass(frozen=True, slots=True)
class Words:
    """How a feature is told, and what it is about: of one theme one reason is enough.

    One that is not `plain` takes explaining itself: another of its theme speaks where there is one.
    """

    theme: str
    say: Say
    plain: bool = True


def words_of(feature: str) -> Words | None:
    """Return how a feature of this name is told, None where nobody has said."""
    return _WORDS.get(_stem(feature)[0])


def told(feature: str, value: float, shop: Shop) -> str:
    """Say what `value` of `feature` means; without a template, its name and the value.

    Args:
        feature: Name of the contract in `features.registry`.
        value: In the feature's unit; money in minor units of the base currency.
        shop: Its currency.
    """
    stem, days = _stem(feature)
    words = _WORDS.get(stem)
    if words is None:
        return f"{feature.replace('_', ' ')} is {_number(value)}"
    return words.say(Told(value, days, shop))


def _stem(feature: str) -> tuple[str, int]:
    found = _WINDOW.match(feature)
    return (found[1], int(found[2])) if found else (feature, 0)


def _number(value: float) -> str:
    """Write a number with one decimal below ten, and none from there on."""
    digits = 1 if abs(value) < _FEW and round(value, 1) != round(value) else 0
    return f"{value:,.{digits}f}"


def _count(told: Told, *, one: str, many: str, none: str) -> str:
    number = round(told.value)
    if number <= 0:
        return none + told.within
    return (one if number == 1 else many.format(f"{number:,}")) + told.within


def _ago(told: Told, *, what: str) -> str:
    if told.value >= _NEVER:
        return f"no {what} yet"
    return f"last {what} {_days(told.value)} ago"


def _days(days: float) -> str:
    whole = round(days)
    if whole < 1:
        return "less than a day"
    return "1 day" if whole == 1 else f"{whole:,} days"


def _money(told: Told, *, spent: str, nothing: str) -> str:
    if told.value <= 0:
        return nothing + told.within
    digits = told.shop.digits
    amount = f"{told.value / 10**digits:,.{digits}f} {told.shop.currency}".rstrip()
    return spent.format(amount) + told.within


def _share(told: Told, *, some: str, none: str) -> str:
    percent = round(100 * told.value)
    if told.value <= 0:
        return none + told.within
    return some.format("less than 1 %" if percent < 1 else f"{percent} %") + told.within


def _mean(told: Told, *, some: str, none: str) -> str:
    return (some.format(_number(told.value)) if told.value > 0 else none) + told.within


def _gap(told: Told, *, what: str) -> str:
    """One order has no gap; it counts as once a year, and cannot be told from that."""
    if told.value == _ONCE_A_YEAR:
        return "one order, or one a year"
    return what.format(_days(told.value))


def _overdue(told: Told) -> str:
    if told.value < _FAR:
        return f"{told.value:.0%} of the usual time between orders has passed".replace("%", " %", 1)
    return f"{_number(told.value)} times the usual time between orders has passed"


def _spread(told: Told) -> str:
    """Entropy tells how many equal departments would be as spread."""
    number = float(np.exp(told.value))
    if round(number, 1) <= 1:
        return "keeps to one department"
    return f"interest spread over {_number(number)} departments"


def _first(told: Told) -> str:
    return f"first order {_days(told.value)} ago" if told.value > 0 else "no order yet"


def _counted(theme: str, noun: str, verb: str) -> Words:
    """Tell events: `opened no mail`, `opened 1 mail`, `opened 3 mails`, `in 90 days`."""
    say = partial(
        _count, one=f"{verb} 1 {noun}", many=f"{verb} {{}} {noun}s", none=f"{verb} no {noun}"
    )
    return Words(theme, say)


def _signed_days(told: Told) -> str:
    return (
        f"{_days(abs(told.value))} {'after' if told.value > 0 else 'before'} the usual next order"
    )


def _hours_ago(told: Told, *, what: str) -> str:
    return _ago(Told(told.value / _HOURS, told.days, told.shop), what=what)


_NO_ORDER: Final = "no order"
_WORDS: Final[Mapping[str, Words]] = {
    "recency_days": Words("silence", partial(_ago, what="order")),
    "overdue_ratio": Words("silence", _overdue, plain=False),
    "overdue_days": Words("silence", _signed_days, plain=False),
    "tenure_days": Words("tenure", _first),
    "orders": Words(
        "orders", partial(_count, one="ordered once", many="ordered {} times", none=_NO_ORDER)
    ),
    "orders_total": Words(
        "orders",
        partial(_count, one="ordered once ever", many="ordered {} times ever", none="no order yet"),
    ),
    "orders_decayed": Words(
        "orders",
        partial(_mean, some="{} orders, older ones counting less", none="no order yet"),
        plain=False,
    ),
    "revenue_minor": Words("spend", partial(_money, spent="spent {}", nothing="spent nothing")),
    "revenue_minor_total": Words(
        "spend", partial(_money, spent="spent {} ever", nothing="spent nothing yet")
    ),
    "order_value_minor": Words(
        "basket", partial(_money, spent="spent {} an order", nothing=_NO_ORDER)
    ),
    "basket_lines": Words("basket", partial(_mean, some="{} lines an order", none=_NO_ORDER)),
    "gap_mean_days": Words("rhythm", partial(_gap, what="orders every {} on average")),
    "gap_max_days": Words("rhythm", partial(_gap, what="never more than {} between orders")),
    "gap_std_days": Words(
        "rhythm",
        partial(
            _mean,
            some="time between orders varies by {} days",
            none="evenly spaced orders, or too few to tell",
        ),
    ),
    "discount_share": Words(
        "discounts", partial(_share, some="{} off on average", none="no discount")
    ),
    "coupons": _counted("discounts", "coupon", "redeemed"),
    "weekend_share": Words(
        "weekdays", partial(_share, some="{} of orders on weekends", none="no order on a weekend")
    ),
    "evening_share": Words(
        "hours", partial(_share, some="{} of orders from 17:00 on", none="no order from 17:00 on")
    ),
    "refunds": _counted("refunds", "refund", "got"),
    "mails": _counted("mails", "mailing", "got"),
    "opens": _counted("answers", "mail", "opened"),
    "clicks": Words(
        "answers", partial(_count, one="clicked once", many="clicked {} times", none="no click")
    ),
    "open_rate": Words(
        "answers", partial(_share, some="open rate {}, smoothed", none="opens no mail")
    ),
    "click_rate": Words(
        "answers", partial(_share, some="click rate {}, smoothed", none="clicks in no mail")
    ),
    "open_recency_days": Words("answers", partial(_ago, what="open")),
    "click_recency_days": Words("answers", partial(_ago, what="click")),
    "departments": Words(
        "tastes",
        partial(
            _count,
            one="interested in 1 department",
            many="interested in {} departments",
            none="interested in no department yet",
        ),
    ),
    "department_share_1": Words(
        "tastes",
        partial(_share, some="{} of interest in one department", none="no favourite department"),
    ),
    "department_entropy": Words("tastes", _spread),
    "views": Words(
        "visits",
        partial(
            _count,
            one="viewed a product once",
            many="viewed products {} times",
            none="viewed no product",
        ),
    ),
    "cart_adds": Words(
        "visits",
        partial(
            _count,
            one="put 1 product into the cart",
            many="put {} products into the cart",
            none="put nothing into the cart",
        ),
    ),
    "active_days": _counted("visits", "day", "visited on"),
    "gap_last_days": Words("rhythm", partial(_gap, what="{} between the last two orders")),
    "units": Words(
        "basket", partial(_count, one="bought 1 unit", many="bought {} units", none=_NO_ORDER)
    ),
    "order_value_std_minor": Words(
        "basket",
        partial(_money, spent="orders vary by {}", nothing="orders alike, or too few to tell"),
    ),
    "order_hour": Words("hours", lambda told: f"orders at about {told.value % 24:.0f}:00"),
    "order_hour_strength": Words(
        "hours", partial(_share, some="hours of orders agree to {}", none="no usual hour of orders")
    ),
    "refunded_minor_total": Words(
        "refunds", partial(_money, spent="got {} refunded", nothing="got nothing refunded")
    ),
    "product_id_share_1": Words(
        "tastes", partial(_share, some="{} of interest in one product", none="no favourite product")
    ),
    "engagement": Words(
        "answers", partial(_mean, some="{} points of engagement", none="no engagement"), plain=False
    ),
    "click_to_open_rate": Words(
        "answers", partial(_share, some="clicks per open {}, smoothed", none="clicks in no mail")
    ),
    "mail_hour": Words("hours", lambda told: f"reads mail at about {told.value % 24:.0f}:00"),
    "mail_hour_strength": Words(
        "hours", partial(_share, some="hours of reading agree to {}", none="no usual reading hour")
    ),
    "seen_days": Words("tenure", lambda told: f"first seen {_days(told.value)} ago"),
    "sessions_total": _counted("visits", "visit", "made"),
    "view_hours": Words("visits", partial(_hours_ago, what="view of a product")),
    "carts_abandoned": _counted("cart", "cart", "left"),
    "cart_value_minor": Words(
        "cart", partial(_money, spent="left {} in the cart", nothing="left nothing in the cart")
    ),
    "cart_hours": Words("cart", partial(_hours_ago, what="product put into the cart")),
    "unsubscribes": _counted("mails", "list", "unsubscribed from"),
    "bounces": _counted("mails", "bounce", "had"),
}
