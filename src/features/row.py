"""One event, and one line of it, as the stream sees them: the columns that features read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Line:
    """One product that an event names; what it shares with the event is copied from there."""

    event: str
    ts_us: int
    product_id: str | None
    category: str | None
    brand: str | None
    quantity: int | None
    price_minor: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Happening:
    """One event with its lines. Times are microseconds, UTC; money is in minor units."""

    event: str
    ts_us: int
    value_minor: int | None = None
    discount_minor: int | None = None
    currency: str | None = None
    campaign_id: str | None = None
    device: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    is_machine: bool | None = None
    lines: tuple[Line, ...] = ()

    @classmethod
    def of(
        cls, event: Mapping[str, object], items: Iterable[Mapping[str, object]] = ()
    ) -> Happening:
        """Take what features read from rows of the event and item tables."""
        shared = (event["event"], event["ts_us"])
        lines = tuple(Line(*shared, *(item.get(name) for name in _OF_LINE)) for item in items)  # type: ignore[arg-type]  # the contract's types
        return cls(*shared, *(event.get(name) for name in _OF_EVENT), lines)  # type: ignore[arg-type,call-arg]  # the contract's types


Row = Any  # a Line where a kind's source is the items, else a Happening
_OF_LINE: Final = tuple(Line.__dataclass_fields__)[2:]
_OF_EVENT: Final = tuple(Happening.__dataclass_fields__)[2:-1]
