"""What a customer does with e-mails, and how engaged that and the orders show them to be."""

from __future__ import annotations

from typing import Final

from features.feature import Feature
from features.formula import Formula, ShopMean
from features.keys import CAMPAIGN
from features.kinds.decayed import Decayed
from features.kinds.distinct import Distinct
from features.kinds.tally import Tally
from features.kinds.times import Times
from features.measures import ENGAGEMENT, ONE
from ingest.contract import (
    CAMPAIGN_SENT,
    EMAIL_BOUNCED,
    EMAIL_CLICKED,
    EMAIL_DELIVERED,
    EMAIL_OPENED,
    EMAIL_SPAM,
    ORDER_COMPLETED,
    SUPPORT_OPENED,
    UNSUBSCRIBED,
)

_WINDOWS: Final = (7, 30, 90, 365)
_PRIOR: Final = 10.0  # mailings' worth of the shop's mean that every rate begins with
_MAIL: Final = (CAMPAIGN_SENT, EMAIL_DELIVERED)
_ENGAGED: Final = (EMAIL_OPENED, EMAIL_CLICKED, ORDER_COMPLETED)

_mails, _opens, _clicks = (
    Tally(ONE, events) for events in (_MAIL, (EMAIL_OPENED,), (EMAIL_CLICKED,))
)
_opened = Distinct(CAMPAIGN, (EMAIL_OPENED,), 365).number
_clicked = Distinct(CAMPAIGN, (EMAIL_CLICKED,), 365).number
_delivered = _mails.last(365)


def _over(name: str, tally: Tally, description: str) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"{name}_{days}d",
            value=tally.last(days),
            unit="events",
            description=f"{description} in the last {days} days.",
        )
        for days in _WINDOWS
    )


def _rate(name: str, part: Formula, whole: Formula, description: str) -> Feature:
    """Define a rate that begins at the shop's mean and moves away as evidence comes in."""
    mean = ShopMean(part, whole)
    return Feature(
        name=name,
        value=(part + mean * _PRIOR) / (whole + _PRIOR),
        unit="share",
        description=f"{description}, the last 365 days, smoothed towards the shop's mean.",
    )


def _last(name: str, event: str, description: str) -> Feature:
    return Feature(
        name=name,
        value=Times((event,)).since_last,
        unit="days",
        description=f"Time from {description} to the cut-off.",
        default=3_650.0,
    )


def _year(name: str, event: str, description: str) -> Feature:
    return Feature(
        name=f"{name}_365d",
        value=Tally(ONE, (event,)).last(365),
        unit="events",
        description=f"{description} in the last 365 days.",
    )


MAILS: Final = _over("mails", _mails, "Mailings received")
OPENS: Final = _over("opens", _opens, "Opens by a person")
CLICKS: Final = _over("clicks", _clicks, "Clicks by a person")
OPEN_RATE: Final = _rate("open_rate", _opened, _delivered, "Campaigns opened over mailings")
CLICK_RATE: Final = _rate("click_rate", _clicked, _delivered, "Campaigns clicked over mailings")
CLICK_TO_OPEN: Final = _rate(
    "click_to_open_rate", _clicked, _opened, "Campaigns clicked over campaigns opened"
)
ENGAGEMENT_DECAYED: Final = Feature(
    name="engagement",
    value=Decayed(ENGAGEMENT, _ENGAGED, 30.0).now,
    unit="points happening now",
    description="Opens, clicks and orders by their weights, halved every 30 days.",
)
ENGAGEMENT_RAW: Final = Feature(
    name="engagement_365d",
    value=Tally(ENGAGEMENT, _ENGAGED).last(365),
    unit="points",
    description="Opens, clicks and orders of the last 365 days by their weights.",
)

ALL: Final = (
    *MAILS,
    *OPENS,
    *CLICKS,
    *(OPEN_RATE, CLICK_RATE, CLICK_TO_OPEN),
    *(ENGAGEMENT_DECAYED, ENGAGEMENT_RAW),
    _last("open_recency_days", EMAIL_OPENED, "the last open by a person"),
    _last("click_recency_days", EMAIL_CLICKED, "the last click by a person"),
    _year("bounces", EMAIL_BOUNCED, "Mailings that bounced"),
    _year("spam_marks", EMAIL_SPAM, "Mailings marked as spam"),
    _year("unsubscribes", UNSUBSCRIBED, "Unsubscriptions"),
    _year("support_tickets", SUPPORT_OPENED, "Support tickets opened"),
)
