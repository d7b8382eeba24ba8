"""Send times against the truth of a simulated shop, and against mails read later.

A shop is simulated (5,000 customers, a year, seed 7), `sendwise train send-time` learns from it,
and the champion says the best hour of each customer who was mailed, as `sendwise score` would. The
truth beside the shop says when each reads mail; the regret of an hour is the probability to read
within three hours of the best hour less that of this one. Nothing of the truth is learnt from.

regret_ratio: mean regret of our hours over that of the shop's best hour, of customers who get an
hour of their own. regret_ratio_of_all: of everybody who was mailed. Who has no hour of their own
gets the shop's: of some no human open or click was ever seen (their mailbox loads pictures by
itself, or they open nothing). answered: share of
those mailed who get an hour. read_in_time_gain_low: mails of the last 90 days read within three
hours from the hour learnt before, less those of the shop's best hour: lower end of the 95 %
interval.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.figures import Figure, bar, show
from core import columns as c
from core.settings import Settings
from features.engine import feature_frame
from features.reading import HOURS, MAILED_DAYS, with_reading
from features.registry import SEND_TIME as FEATURES
from features.shop import Shop
from ingest.lake import connect
from models import registry
from models.registered import SEND_TIME
from models.send_time import BEST_HOUR, WITHIN, SendTime
from pipelines.simulate_shop import simulate_shop
from pipelines.training import SEED, train_model

CUSTOMERS: Final = 5_000
DAYS: Final = 365
AS_OF: Final = datetime(2024, 7, 1, tzinfo=UTC)

BARS: Final = (
    bar("send_time_regret_ratio", "x", "<=", 0.5),
    bar("send_time_regret_ratio_of_all", "x", "<=", 0.5),
    bar("send_time_answered", "", ">", 0.0),
    bar("send_time_read_in_time_gain_low", "", ">", 0.0),
)


def send_time(home: Path, *, customers: int = CUSTOMERS, days: int = DAYS) -> dict[str, float]:
    """Simulate a shop into `home` unless it holds one, train, and compare with the truth."""
    settings = Settings(home=home)
    if not (home / "lake").is_dir():
        simulate_shop(settings, as_of=AS_OF, customers=customers, days=days, seed=SEED)
    outcome = train_model(settings, SEND_TIME, as_of=AS_OF, trials=0)
    model = cast("SendTime", registry.champion(settings, SEND_TIME).model)
    frame = mailed(settings, model)
    truth = pd.read_parquet(home / "truth" / "customers.parquet")
    of_frame = truth.set_index(c.CUSTOMER_ID).loc[frame[c.CUSTOMER_ID]]
    gain = cast("Mapping[str, Any]", outcome.data["over_baseline"])
    return {
        **regrets(model.predict(frame)[BEST_HOUR].to_numpy(), model.shop_hour, of_frame),
        "send_time_read_in_time_gain_low": float(gain["low"]),
    }


def mailed(settings: Settings, model: SendTime) -> pd.DataFrame:
    """Return what the model needs of everybody who was mailed before `AS_OF`."""
    shop = Shop.of(settings)
    with connect(settings.home) as connection:
        frame = feature_frame(connection, cutoffs=[AS_OF], features=FEATURES, shop=shop, who="seen")
        frame = with_reading(connection, frame, as_of=AS_OF, shop=shop, delays=model.delays)
    return frame[frame[list(MAILED_DAYS)].sum(axis=1) > 0].reset_index(drop=True)


def regrets(hour: NDArray[np.float64], shop_hour: int, truth: pd.DataFrame) -> dict[str, float]:
    """Compare hours, nan where there is none, with the truth of the same customers in order."""
    in_time = read_in_time(truth["read_hour"].to_numpy(), truth["read_spread"].to_numpy())
    own = ~np.isnan(hour)
    given = np.where(own, hour, shop_hour).astype(np.int64)
    best = in_time.max(axis=1)
    ours = best - in_time[np.arange(len(given)), given]
    usual = best - in_time[:, shop_hour]
    return {
        "send_time_regret_ratio": float(ours[own].mean() / usual[own].mean()),
        "send_time_regret_ratio_of_all": float(ours.mean() / usual.mean()),
        "send_time_answered": float(own.mean()),
    }


def read_in_time(centre: NDArray[Any], spread: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probability to read within `WITHIN` hours of each hour, shape (n, 24).

    In the truth the hours at which somebody reads are normal around the clock.
    """
    start = np.arange(HOURS) - centre[:, None].astype(np.float64)
    width = spread[:, None].astype(np.float64)
    rounds = (start + turn * HOURS for turn in (-2, -1, 0, 1, 2))
    parts = [norm.cdf((each + WITHIN) / width) - norm.cdf(each / width) for each in rounds]
    total: NDArray[np.float64] = np.sum(parts, axis=0)
    return total


def run(work: Path, *, quick: bool = False) -> list[Figure]:
    """Take the figures; `quick` takes none."""
    taken = {} if quick else send_time(work / "send_time")
    return [replace(one, value=taken.get(one.name), reason="not asked for") for one in BARS]


def main() -> None:
    """Read the arguments and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="at most ten seconds: nothing at all")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder), quick=given.quick)
    show("customer_send_time", figures)


if __name__ == "__main__":
    main()
