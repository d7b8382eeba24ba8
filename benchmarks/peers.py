"""The base set of features in pandas and in Polars, as somebody at home there would write it.

Both read only the columns they need of the lake's Parquet files, and end with a frame of their
own in memory, a row for everybody seen before the cut-off, in any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
from pandas.core.groupby import DataFrameGroupBy

from benchmarks.chosen import BASE, COLUMNS, SHOP
from core.clock import DAY_US, to_us
from features.feature import names
from ingest.contract import (
    CAMPAIGN_SENT,
    EMAIL_CLICKED,
    EMAIL_DELIVERED,
    EMAIL_OPENED,
    EVENT_NAMES,
    ORDER_COMPLETED,
    ORDER_REFUNDED,
    PRODUCT_ADDED,
    PRODUCT_VIEWED,
)

_MAILS: Final = (CAMPAIGN_SENT, EMAIL_DELIVERED)
_WEIGHTS: Final = {
    EMAIL_OPENED: SHOP.engagement["open"],
    EMAIL_CLICKED: SHOP.engagement["click"],
    ORDER_COMPLETED: SHOP.engagement["order"],
}
_COUNTED: Final = {  # in the last 30 days
    "refunds_30d": (ORDER_REFUNDED,),
    "opens_30d": (EMAIL_OPENED,),
    "clicks_30d": (EMAIL_CLICKED,),
    "mails_30d": _MAILS,
    "views_30d": (PRODUCT_VIEWED,),
    "cart_adds_30d": (PRODUCT_ADDED,),
}
_LAST: Final = {  # name -> event, what a day counts
    "open_recency_days": (EMAIL_OPENED, 1.0),
    "click_recency_days": (EMAIL_CLICKED, 1.0),
    "view_hours": (PRODUCT_VIEWED, 24.0),
}
_DEFAULTS: Final = {one.name: one.default for one in BASE}
_PER_RADIAN: Final = 12 / math.pi
_NO_DIRECTION: Final = 1e-6


def event_files(home: Path) -> list[Path]:
    """Return the files of a workspace's events; a simulated shop has written each day once."""
    return sorted((home / "lake" / "events").glob("day=*/*.parquet"))


def since_us(as_of: datetime, days: int) -> int:
    """Return where a window of so many days begins."""
    at = to_us(as_of)
    return at - at % DAY_US - days * DAY_US


def with_pandas(
    files: Sequence[Path], as_of: datetime, *, categories: Sequence[str] = ()
) -> pd.DataFrame:
    """Compute the base set in pandas; some texts may come from Parquet as categories."""
    at = to_us(as_of)
    read = pq.read_table(
        files, columns=list(COLUMNS), partitioning=None, read_dictionary=[*categories]
    )
    events: pd.DataFrame = read.to_pandas()
    events = events[
        (events["ts_us"] < at)
        & events["customer_id"].notna()
        & ~events["is_machine"].astype("boolean").fillna(value=False)
        & events["event"].isin(EVENT_NAMES)
    ]
    events = events.assign(age=(at - events["ts_us"]) / DAY_US)
    lately = events[events["ts_us"] >= since_us(as_of, 30)]
    found = _pandas_orders(events[events["event"] == ORDER_COMPLETED], as_of)
    for name, counted in _COUNTED.items():
        found[name] = _by_customer(lately[lately["event"].isin(counted)]).size()
    for name, (event, scale) in _LAST.items():
        of = _by_customer(events[events["event"] == event])
        found[name] = of["age"].min() * scale
    engaged = events[events["event"].isin(_WEIGHTS)]
    points = engaged["event"].astype(object).map(_WEIGHTS) * np.exp2(-engaged["age"] / 30.0)
    found["engagement"] = points.groupby(engaged["customer_id"], observed=True).sum()
    frame = pd.DataFrame(found, index=pd.Index(events["customer_id"].unique(), name="customer_id"))
    return frame.fillna(_DEFAULTS)[names(BASE)].reset_index()


def _by_customer(rows: pd.DataFrame) -> DataFrameGroupBy[Any, Any]:
    return rows.groupby("customer_id", observed=True)


def _pandas_orders(orders: pd.DataFrame, as_of: datetime) -> dict[str, pd.Series]:
    by = _by_customer(orders)
    found = {
        "recency_days": by["age"].min(),
        "tenure_days": by["age"].max(),
        "orders_total": by.size(),
        "revenue_minor_total": by["value_minor"].sum(),
    }
    for days in (30, 365):
        last = _by_customer(orders[orders["ts_us"] >= since_us(as_of, days)])
        found[f"orders_{days}d"] = last.size()
        found[f"revenue_minor_{days}d"] = last["value_minor"].sum()
    last = _by_customer(orders[orders["ts_us"] >= since_us(as_of, 90)])
    discount = last["discount_minor"].sum()
    whole = discount + last["value_minor"].sum()
    found["discount_share_90d"] = discount / whole.replace(0, np.nan)
    return found | _pandas_hours(orders)


def _pandas_hours(orders: pd.DataFrame) -> dict[str, pd.Series]:
    local = pd.to_datetime(orders["ts_us"], unit="us", utc=True).dt.tz_convert(SHOP.timezone)
    wall = local.dt.tz_localize(None)
    angle = (wall - wall.dt.normalize()) / pd.Timedelta(days=1) * (2 * math.pi)
    weight = np.exp2(-orders["age"] / 365.0)
    turned = pd.DataFrame(
        {"weight": weight, "sine": weight * np.sin(angle), "cosine": weight * np.cos(angle)}
    )
    turned = turned.groupby(orders["customer_id"], observed=True).sum()
    sine, cosine = turned["sine"] / turned["weight"], turned["cosine"] / turned["weight"]
    length = (sine**2 + cosine**2) ** 0.5
    hour = pd.Series(np.arctan2(sine, cosine) * _PER_RADIAN % 24.0)
    return {
        "order_hour": hour.where(length >= _NO_DIRECTION),
        "order_hour_strength": length,
    }


def with_polars(files: Sequence[Path], as_of: datetime) -> pl.DataFrame:
    """Compute the base set in Polars: one lazy query, run by the streaming engine."""
    at = to_us(as_of)
    event, ts = pl.col("event"), pl.col("ts_us")
    age = (at - ts) / DAY_US
    read = pl.scan_parquet([str(file) for file in files], hive_partitioning=False)
    # An enum compares faster than a text; what is none of the contract becomes null.
    events = read.with_columns(event.cast(pl.Enum(EVENT_NAMES), strict=False)).filter(
        ts < at,
        pl.col("customer_id").is_not_null(),
        ~pl.col("is_machine").fill_null(value=False),
        event.is_not_null(),
    )
    found = {
        name: (event.is_in(counted) & (ts >= since_us(as_of, 30))).sum()
        for name, counted in _COUNTED.items()
    }
    for name, (last, scale) in _LAST.items():
        found[name] = pl.when(event == last).then(age).min() * scale
    points = event.replace_strict(_WEIGHTS, default=0.0, return_dtype=pl.Float64)
    found["engagement"] = (points * (-age / 30.0 * math.log(2.0)).exp()).sum()
    query = events.group_by("customer_id").agg(**found, **_polars_orders(as_of))
    return _polars_ratios(query).collect(engine="streaming")


def _polars_ratios(query: pl.LazyFrame) -> pl.LazyFrame:
    weight = pl.when(pl.col("weight") > 0).then(pl.col("weight"))
    sine, cosine = pl.col("sine") / weight, pl.col("cosine") / weight
    length = (sine**2 + cosine**2).sqrt()
    hour = pl.arctan2(sine, cosine) * _PER_RADIAN % 24.0
    whole = pl.col("discount") + pl.col("revenue_90d")
    columns = (
        pl.col(name).cast(pl.Float64).fill_null(default) for name, default in _DEFAULTS.items()
    )
    return query.with_columns(
        discount_share_90d=pl.when(whole != 0).then(pl.col("discount") / whole),
        order_hour=pl.when(length >= _NO_DIRECTION).then(hour),
        order_hour_strength=length,
    ).select("customer_id", *columns)


def _polars_orders(as_of: datetime) -> dict[str, pl.Expr]:
    ts, ordered = pl.col("ts_us"), pl.col("event") == ORDER_COMPLETED
    age = (to_us(as_of) - ts) / DAY_US
    value = pl.col("value_minor")

    def last(days: int) -> pl.Expr:
        return ordered & (ts >= since_us(as_of, days))

    wall = pl.from_epoch(ts, "us").dt.convert_time_zone(SHOP.timezone).dt.replace_time_zone(None)
    angle = wall.dt.epoch("us") % DAY_US * (2 * math.pi / DAY_US)
    weight = (-age / 365.0 * math.log(2.0)).exp()
    found = {
        "recency_days": age.filter(ordered).min(),
        "tenure_days": age.filter(ordered).max(),
        "orders_total": ordered.sum(),
        "revenue_minor_total": value.filter(ordered).sum(),
        "revenue_90d": value.filter(last(90)).sum(),
        "discount": pl.col("discount_minor").filter(last(90)).sum(),
        "weight": weight.filter(ordered).sum(),
        "sine": (weight * angle.sin()).filter(ordered).sum(),
        "cosine": (weight * angle.cos()).filter(ordered).sum(),
    }
    for days in (30, 365):
        found[f"orders_{days}d"] = last(days).sum()
        found[f"revenue_minor_{days}d"] = value.filter(last(days)).sum()
    return found
