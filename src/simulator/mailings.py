"""Weekly campaigns: who is drawn, who is held out, and what the others do with the mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US, EPOCH
from ingest import contract as k
from simulator.arrays import Bytes, Codes, Flags, Ints, Records, sample
from simulator.happenings import HARD, MAIL_LINKS, NONE, PREFETCH, SCANNER, records
from simulator.parameters import Parameters
from simulator.people import People
from simulator.places import Clocks
from simulator.seasons import weekday
from simulator.visits import MAILED, Visits

AUDIENCE: Final = 0.16  # share of the list that a usual campaign goes to
HELD_OUT: Final = 0.1  # of the audience, by coin
EFFECT_DAYS: Final = 7  # the orders of a mailing are made within so many days
COUPON_EVERY: Final = 3  # every third campaign brings a coupon
UNSUBSCRIBES: Final = 0.002  # of those who open
MARKS_AS_SPAM: Final = 0.0004
_TUESDAY: Final = 1
_SECOND_US: Final = 1_000_000
_MINUTE_US: Final = 60 * _SECOND_US
_SEND_US: Final = 5 * 60 * _MINUTE_US  # early enough for the first readers
_SENDING_US: Final = 20 * _MINUTE_US


@dataclass(frozen=True, slots=True)
class Campaign:
    """One mailing to a part of the list."""

    number: int
    sent_us: int

    @property
    def campaign_id(self) -> str:
        """Its name, with its day."""
        return f"weekly-{EPOCH + timedelta(microseconds=self.sent_us):%Y-%m-%d}"

    @property
    def has_coupon(self) -> bool:
        """Whether it brings a coupon."""
        return self.number % COUPON_EVERY == COUPON_EVERY - 1


def campaigns(parameters: Parameters) -> list[Campaign]:
    """Return all campaigns: one every Tuesday."""
    first = parameters.start_us // DAY_US
    first += (_TUESDAY - int(weekday(np.array(first)))) % 7
    times = range(first * DAY_US + _SEND_US, parameters.end_us, 7 * DAY_US)
    sent = [each for each in times if each >= parameters.start_us]
    return [Campaign(number, each) for number, each in enumerate(sent)]


@dataclass(frozen=True, slots=True)
class Assigned:
    """The audience of a campaign, by customer."""

    customer: Ints
    treated: Flags
    effect: NDArray[np.float32]  # orders more to expect within EFFECT_DAYS if mailed


@dataclass(frozen=True, slots=True)
class Mailed:
    """All that came of a campaign."""

    assigned: Assigned
    events: list[Records]
    visits: Visits


@dataclass(slots=True)
class Mailings:
    """The list, and what happens on it; remembers who may not be mailed any more."""

    parameters: Parameters
    people: People
    clocks: Clocks
    left: list[tuple[Codes, Ints]] = field(default_factory=list)  # who withdrew, and when
    _listed: Flags = field(init=False)

    def __post_init__(self) -> None:
        self._listed = self.people.agrees("email_marketing")

    def send(self, campaign: Campaign, rng: np.random.Generator) -> Mailed:
        """Draw the audience of a campaign, send to all but the held out, and let them react."""
        people = self.people
        who = sample(rng, len(people), min(AUDIENCE * self.parameters.scale, 1))
        who = who[self._listed[who] & (people.identified_us[who] < campaign.sent_us)]
        delivered_us = campaign.sent_us + rng.integers(0, _SENDING_US, len(who))
        opened_us = self._reading_times(who, delivered_us, rng)
        there = opened_us < people.lapse_us[who]
        effect = np.where(there, people.campaign_effect(who), np.float32(0))
        treated = rng.random(len(who)) >= HELD_OUT
        bounced = treated & people.bounces[who]
        arrived = treated & ~bounced
        opened = arrived & there & (rng.random(len(who), np.float32) < people.open_rate[who])
        mail = _Mail(campaign.number, who, people.device[who])
        self._listed[who[bounced]] = False
        clicks, visits = self._clicks(campaign, mail, opened, opened_us, rng)
        events = [
            mail.events(k.EMAIL_BOUNCED, bounced, delivered_us, properties=HARD),
            mail.events(k.EMAIL_DELIVERED, arrived, delivered_us),
            mail.events(k.EMAIL_OPENED, opened & ~people.prefetched[who], opened_us, by_hand=True),
            clicks,
            *self._machines(mail, arrived, delivered_us, rng),
            *self._leave(mail, opened, opened_us, rng),
        ]
        return Mailed(Assigned(who, treated, effect), events, visits)

    def _reading_times(self, who: Ints, delivered_us: Ints, rng: np.random.Generator) -> Ints:
        """Return when each would read: at the own hour, on the day itself or soon after."""
        people, place = self.people, self.people.place[who]
        off = people.read_spread[who] * rng.standard_normal(len(who), np.float32)
        hour = people.read_hour[who] + off
        day = self.clocks.local_day(place, delivered_us)
        late = self.clocks.at_hour(place, day, hour) < delivered_us + _MINUTE_US
        days = rng.choice(3, len(who), p=[0.75, 0.15, 0.1])
        return self.clocks.at_hour(place, day + late + days, hour)

    def _clicks(
        self,
        campaign: Campaign,
        mail: _Mail,
        opened: Flags,
        opened_us: Ints,
        rng: np.random.Generator,
    ) -> tuple[Records, Visits]:
        """Return clicks and the visits that they lead to."""
        size = len(opened)
        clicked = opened & (rng.random(size, np.float32) < self.people.click_rate[mail.who])
        ts = opened_us + rng.integers(5 * _SECOND_US, 90 * _SECOND_US, size)
        url = np.array(MAIL_LINKS)[rng.integers(0, len(MAIL_LINKS), size)]
        events = mail.events(k.EMAIL_CLICKED, clicked, ts, by_hand=True, url=url[clicked])
        visits = Visits.of(
            ts[clicked] + 2 * _SECOND_US,
            mail.who[clicked].astype(np.int32),
            MAILED,
            campaign=campaign.number,
            coupon=campaign.has_coupon,
        )
        return events, visits

    def _machines(
        self, mail: _Mail, arrived: Flags, delivered_us: Ints, rng: np.random.Generator
    ) -> list[Records]:
        """Return what no human did: pictures loaded ahead, and every link followed at once."""
        size = len(arrived)
        fetched = arrived & self.people.prefetched[mail.who]
        scanned = arrived & self.people.scanned[mail.who]
        soon = delivered_us + rng.integers(_SECOND_US, 600 * _SECOND_US, size)
        at_once = delivered_us + rng.integers(2 * _SECOND_US, 15 * _SECOND_US, size)
        by_scanner: dict[str, Any] = {"machine": True, "properties": SCANNER}
        return [
            mail.events(k.EMAIL_OPENED, fetched, soon, machine=True, properties=PREFETCH),
            mail.events(k.EMAIL_OPENED, scanned, at_once - _SECOND_US, **by_scanner),
            *(
                mail.events(k.EMAIL_CLICKED, scanned, at_once + number, url=url, **by_scanner)
                for number, url in enumerate(MAIL_LINKS)
            ),
        ]

    def _leave(
        self, mail: _Mail, opened: Flags, opened_us: Ints, rng: np.random.Generator
    ) -> list[Records]:
        """Return who unsubscribes or marks the mail as spam: neither is mailed again."""
        luck = rng.random(len(opened))
        parts = {
            k.UNSUBSCRIBED: opened & (luck < UNSUBSCRIBES),
            k.EMAIL_SPAM: opened & (luck > 1 - MARKS_AS_SPAM),
        }
        ts = opened_us + 30 * _SECOND_US
        for left in parts.values():
            self._listed[mail.who[left]] = False
            self.left.append((mail.who[left].astype(np.int32), ts[left]))
        return [mail.events(kind, which, ts, by_hand=True) for kind, which in parts.items()]


@dataclass(frozen=True, slots=True)
class _Mail:
    """One campaign in the mailboxes of those it was meant for."""

    campaign: int
    who: Ints
    device: Bytes

    def events(
        self,
        kind: str,
        which: Flags,
        ts_us: Ints,
        *,
        by_hand: bool = False,
        **given: Any,  # noqa: ANN401  # columns of several types
    ) -> Records:
        """Return events of `which` of them; a device is seen only of what was done by hand."""
        device = self.device[which].astype(np.int8) if by_hand else NONE
        return records(
            kind,
            ts_us[which],
            customer=self.who[which],
            campaign=self.campaign,
            device=device,
            **given,
        )
