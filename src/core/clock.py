"""The one clock.

Pipelines and the service ask for "now" here, once, at their edge, and pass it down as
`as_of`. Nothing below `pipelines` and `serving` reads the time by itself.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from core.errors import ConfigError

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
DAY_US = 86_400_000_000
FIRST_YEAR, LAST_YEAR = 1980, 2199  # of instants people give: features look back, spans ahead
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_as_of(text: str) -> datetime:
    """Read an `--as-of`: empty is now, a bare date is midnight UTC, a naive time is UTC.

    Raises:
        ConfigError: `text` is not ISO 8601.
    """
    if not text.strip():
        return datetime.now(UTC)
    return _parse(text, "--as-of")


def parse_instant(text: str, *, where: str) -> datetime:
    """Read an ISO 8601 instant that must be there; `where` names it in the error."""
    if not text.strip():
        raise ConfigError(f"{where} is empty. Give a date such as 2017-12-01.")
    return _parse(text, where)


def parse_span(text: str, *, where: str) -> tuple[datetime, datetime]:
    """Read a span of time, end exclusive: a month `2017-06`, a day, or `START..END`.

    Raises:
        ConfigError: The text is none of these, or the span is empty.
    """
    if month := re.fullmatch(r"(\d{4})-(\d{2})", text.strip()):
        start = _parse(f"{text.strip()}-01", where)
        return start, datetime(
            int(month[1]) + int(month[2]) // 12, int(month[2]) % 12 + 1, 1, tzinfo=UTC
        )
    first, dots, last = text.partition("..")
    start = parse_instant(first, where=where)
    end = parse_instant(last, where=where) if dots else start + DAY
    if end <= start:
        raise ConfigError(f"{where} {text!r} ends before it starts. Write START..END.")
    return start, end


def to_us(instant: datetime) -> int:
    """Return microseconds since 1970 UTC, exactly.

    Raises:
        ConfigError: `instant` is naive.
    """
    if instant.tzinfo is None:
        raise ConfigError(f"an instant needs a time zone, got {instant.isoformat()}")
    return (instant - EPOCH) // MICROSECOND


def from_us(ts_us: int) -> datetime:
    """Return the UTC instant of microseconds since 1970."""
    return EPOCH + ts_us * MICROSECOND


def _parse(text: str, where: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(
            f"{where} {text!r} is not a date or time. Write 2017-12-01 or 2017-12-01T08:00+00:00."
        ) from None
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ConfigError(
            f"{where} {text!r} is not between {FIRST_YEAR} and {LAST_YEAR}. Is the year right?"
        )
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
