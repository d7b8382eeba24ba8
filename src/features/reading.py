"""When mail is read: by hour and weekday on the reader's own clock, and what was mailed when.

A mail counts once, at the first open or click by a person; what machines do counts nothing. The
clock is that of the customer's trait `timezone`, where it is a time zone, else the shop's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from zoneinfo import available_timezones

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core import columns as c
from core.clock import DAY_US, EPOCH, MICROSECOND, from_us, to_us
from features.affinity import exact_sum
from features.shop import Shop
from ingest.contract import CAMPAIGN_SENT, EMAIL_CLICKED, EMAIL_DELIVERED, EMAIL_OPENED

Floats: TypeAlias = NDArray[np.float64]
Delays: TypeAlias = Sequence[float] | Floats

HALF_LIFE: Final = timedelta(days=365)  # habits last: the year's seasons count nearly alike
HOURS, WEEKDAYS = 24, 7
READ_HOURS: Final = tuple(f"read_hour_{hour:02}" for hour in range(HOURS))
MAILED_DAYS: Final = tuple(f"mailed_day_{day}" for day in range(WEEKDAYS))  # 0: Monday
READ_DAYS: Final = tuple(f"read_day_{day}" for day in range(WEEKDAYS))
COLUMNS: Final = (*READ_HOURS, *MAILED_DAYS, *READ_DAYS)
EVEN: Final = (1.0,) * HOURS  # delays that say nothing
UNKNOWN: Final = -1  # the hour of a delivery that nobody told of

# One row per mail: when it was delivered, when a person first opened it or clicked in it. What
# names no campaign is a mail of its own.
_MAILS: Final = """
mails AS (
    SELECT customer_id, coalesce(campaign_id, event_id) AS mail,
           min(ts_us) FILTER (event IN ($delivered, $sent)) AS delivered_us,
           min(ts_us) FILTER (event IN ($opened, $clicked)) AS read_us
    FROM events
    WHERE ts_us < $before AND customer_id IS NOT NULL AND NOT coalesce(is_machine, false)
      AND event IN ($delivered, $sent, $opened, $clicked)
    GROUP BY ALL
),
zones AS (
    SELECT unnest(CAST($zones AS VARCHAR[])) AS zone,
           unnest(CAST($from_us AS BIGINT[])) AS from_us,
           unnest(CAST($offsets AS BIGINT[])) AS offset_us
),
homes AS (
    SELECT customer_id, any_value(json_extract_string(traits, '$.timezone')) AS zone
    FROM customers GROUP BY customer_id
),
at_home AS (
    SELECT mails.*, CASE WHEN zone IN (SELECT zone FROM zones) THEN zone ELSE $shop END AS zone
    FROM mails LEFT JOIN homes USING (customer_id)
),
clocked AS (
    SELECT at_home.*, delivered_us + d.offset_us AS delivered_local,
           read_us + r.offset_us AS read_local
    FROM at_home
    ASOF LEFT JOIN zones AS d ON at_home.zone = d.zone AND delivered_us >= d.from_us
    ASOF LEFT JOIN zones AS r ON at_home.zone = r.zone AND read_us >= r.from_us
)"""
_HOUR: Final = "CAST({} % 86400000000 // 3600000000 AS INTEGER)"
_WEEKDAY: Final = "CAST(({} // 86400000000 + 3) % 7 AS INTEGER)"  # 1970 began on a Thursday


def mail_reads(
    connection: duckdb.DuckDBPyConnection,
    *,
    before: datetime,
    since: datetime = EPOCH,
    shop: Shop | None = None,
    half_life: timedelta | None = None,
) -> pd.DataFrame:
    """Count the mails that people read within [since, before), by hours on their own clocks.

    Args:
        connection: A database with the lake's views `events` and `customers`.
        before: Timezone-aware; nothing from then on is looked at.
        since: Timezone-aware; reads before do not count.
        shop: Its time zone is that of customers who have none.
        half_life: Age before `before` at which a read counts half; None: all count 1.

    Returns:
        `customer_id`, `hour` of reading (0-23), `sent_hour` (that of the delivery, -1 unknown),
        `reads`; one row per customer and pair of hours that occurs, sorted.
    """
    weight = _weight("read_us", before, half_life)
    query = f"""WITH {_MAILS}
        SELECT customer_id, {_HOUR.format("read_local")} AS hour,
               coalesce({_HOUR.format("delivered_local")}, {UNKNOWN}) AS sent_hour,
               {exact_sum(weight)} AS reads
        FROM clocked WHERE read_us >= $since GROUP BY ALL ORDER BY ALL"""  # noqa: S608  # ours
    frame = connection.execute(query, _parameters(connection, since, before, shop)).df()
    return frame.astype({c.CUSTOMER_ID: object, "hour": "int64", "sent_hour": "int64"})


def mail_answers(
    connection: duckdb.DuckDBPyConnection,
    *,
    before: datetime,
    since: datetime = EPOCH,
    shop: Shop | None = None,
    half_life: timedelta | None = None,
) -> pd.DataFrame:
    """Count mails delivered within [since, before - 1 day), and those read within a day.

    A mail delivered later has not had its day yet, and one whose delivery nobody told of tells
    nothing of its weekday.

    Returns:
        `customer_id`, `weekday` of the delivery (0: Monday), `mailed`, `read`, sorted.
    """
    weight = _weight("delivered_us", before, half_life)
    in_time = f"read_us >= delivered_us AND read_us < delivered_us + {DAY_US}"
    query = f"""WITH {_MAILS}
        SELECT customer_id, {_WEEKDAY.format("delivered_local")} AS weekday,
               {exact_sum(weight)} AS mailed, coalesce({exact_sum(weight, in_time)}, 0) AS read
        FROM clocked WHERE delivered_us >= $since AND delivered_us < $before - {DAY_US}
        GROUP BY ALL ORDER BY ALL"""  # noqa: S608  # ours
    frame = connection.execute(query, _parameters(connection, since, before, shop)).df()
    return frame.astype({c.CUSTOMER_ID: object, "weekday": "int64"})


def with_reading(
    connection: duckdb.DuckDBPyConnection,
    frame: pd.DataFrame,
    *,
    as_of: datetime,
    shop: Shop | None = None,
    delays: Delays = EVEN,
) -> pd.DataFrame:
    """Add to a frame of one row per customer when they read: what send times are learnt from.

    Args:
        connection: A database with the lake's views `events` and `customers`.
        frame: With `customer_id`.
        as_of: Timezone-aware; only what happened strictly before it counts.
        shop: Its time zone is that of customers who have none.
        delays: Shape (24,): how much likelier than on average mail is read so many hours after
            it came. A read counts one over that: what is read at once says more of when it came
            than of the reader. A model knows its own.

    Returns:
        The rows of `frame` in their order with `COLUMNS`: reads by hour, mails by weekday of
        delivery, and those read within a day, all halved in weight every 365 days; 0 where
        there are none.
    """
    reads = mail_reads(connection, before=as_of, shop=shop, half_life=HALF_LIFE)
    answers = mail_answers(connection, before=as_of, shop=shop, half_life=HALF_LIFE)
    customers = frame[c.CUSTOMER_ID]
    tables = (read_hours(customers, reads, delays), *answer_days(customers, answers))
    wide = pd.DataFrame(np.hstack(tables), index=frame.index, columns=list(COLUMNS))
    return pd.concat([frame, wide], axis=1)


def read_hours(customers: pd.Series[Any], reads: pd.DataFrame, delays: Delays = EVEN) -> Floats:
    """Bring `mail_reads` into a row per customer: reads by hour, shape (n, 24).

    `delays` are those of `with_reading`; what others than `customers` read is left out.
    """
    sent = reads["sent_hour"].to_numpy()
    late = (reads["hour"].to_numpy() - sent) % HOURS
    factors = np.where(sent == UNKNOWN, 1.0, np.asarray(delays, np.float64)[late])
    return _table(customers, reads, "hour", reads["reads"].to_numpy() / factors, HOURS)


def answer_days(customers: pd.Series[Any], answers: pd.DataFrame) -> tuple[Floats, Floats]:
    """Bring `mail_answers` into a row per customer: mailed and read by weekday, (n, 7) each."""
    mailed, read = (
        _table(customers, answers, "weekday", answers[name].to_numpy(), WEEKDAYS)
        for name in ("mailed", "read")
    )
    return mailed, read


def first_read(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return when a person opened or clicked a mail for the first time, None: nobody ever did."""
    ((first,),) = connection.execute(
        "SELECT min(ts_us) FROM events WHERE event IN ($1, $2) AND customer_id IS NOT NULL"
        " AND NOT coalesce(is_machine, false)",
        [EMAIL_OPENED, EMAIL_CLICKED],
    ).fetchall()
    return None if first is None else from_us(int(first))


def _table(
    customers: pd.Series[Any], counts: pd.DataFrame, by: str, values: Floats, width: int
) -> Floats:
    at = pd.Index(customers).get_indexer(counts[c.CUSTOMER_ID])
    known = at >= 0
    cell = at[known] * width + counts[by].to_numpy()[known]
    # `bincount` adds in row order, and the rows are sorted: the same bits every time.
    flat = np.bincount(cell, weights=values[known], minlength=len(customers) * width)
    return flat.reshape(len(customers), width).astype(np.float64)


def _weight(age_of: str, before: datetime, half_life: timedelta | None) -> str:
    if half_life is None:
        return "1.0"
    return f"pow(2.0, -(({to_us(before)} - {age_of}) / {float(half_life // MICROSECOND)}))"


def _parameters(
    connection: duckdb.DuckDBPyConnection, since: datetime, before: datetime, shop: Shop | None
) -> dict[str, object]:
    """Return what the queries ask for, with the clocks of all zones that customers live in."""
    home = (shop or Shop()).timezone
    before_us = to_us(before)
    ((first,),) = connection.execute(
        "SELECT min(ts_us) FROM events WHERE ts_us < $1", [before_us]
    ).fetchall()
    named = connection.execute(
        "SELECT DISTINCT json_extract_string(traits, '$.timezone') AS zone FROM customers"
        " WHERE zone IS NOT NULL"
    ).fetchall()
    first_us = before_us if first is None else int(first)
    rows = [
        (zone, from_us, offset)
        for zone in sorted({home, *({str(one) for (one,) in named} & available_timezones())})
        for from_us, offset in Shop(timezone=zone).clock_changes(first_us, before_us)
    ]
    return {
        "zones": [zone for zone, _, _ in rows],
        "from_us": [from_us for _, from_us, _ in rows],
        "offsets": [offset for _, _, offset in rows],
        "shop": home,
        "since": to_us(since),
        "before": before_us,
        "delivered": EMAIL_DELIVERED,
        "sent": CAMPAIGN_SENT,
        "opened": EMAIL_OPENED,
        "clicked": EMAIL_CLICKED,
    }
