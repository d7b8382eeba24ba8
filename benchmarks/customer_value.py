"""Value and churn against their bars, on three sets of real data.

`python -m benchmarks.customer_value --data FOLDER` takes FOLDER/cdnow/CDNOW_sample.txt and
FOLDER/online_retail/online_retail.parquet; the Complete Journey comes with the packages. What is
not there is left out, with the reason. Tables go to standard error, figures to standard output.

How it is measured: everything goes through our import, features and trainers' own functions. A
model learns from labels that were complete at the cut-off, and from features as of it. Orders of
one day of CDNOW are one order, as in the papers. "low" is the lower end of the 95 % bootstrap
interval, paired over customers, of the gain over the best of the rules.

cdnow: the sample of 2,357. BG/NBD and gamma-gamma of weeks 1-39; orders of weeks 40-78, by trees
that learnt from 90-day labels within weeks 1-39, stretched as the BG/NBD thins orders out; spend
of the 90 days from 1 October 1997. retail: spend of the 90 days from 10 September 2011, which end
where 9 December begins: that day has one order of 168,470 pounds, cancelled minutes later. journey:
its last 90 days: spend, churn, the next order; and how long both trainings take.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, bar, show
from core.clock import DAY
from core.settings import Settings
from features import ahead
from features.ahead import Ahead, labelled, look_ahead
from features.feature import Feature
from features.registry import CHURN, VALUE
from features.shop import Shop
from ingest.lake import connect
from models.btyd import DAYS, Btyd
from models.calibration import Floats
from models.churn import ChurnModel
from models.value import EXPECTED_ORDERS_90D
from models.value_tuning import fit_value
from pipelines import train_churn, train_value
from pipelines.contest import Contest
from pipelines.import_data import import_data
from pipelines.training import SEED

SAMPLE: Final = Path("cdnow") / "CDNOW_sample.txt"
RETAIL_FILE: Final = Path("online_retail") / "online_retail.parquet"
MAPPING: Final = Path(__file__).parent / "mappings" / "cdnow.yaml"
HALF: Final = datetime(1997, 10, 1, tzinfo=UTC)  # the end of week 39
END: Final = datetime(1998, 7, 1, tzinfo=UTC)  # that of week 78
RETAIL: Final = datetime(2011, 9, 10, tzinfo=UTC)
JOURNEY: Final = datetime(2018, 1, 1, tzinfo=UTC)
AFTER: Final = datetime(2020, 1, 1, tzinfo=UTC)  # all of the data is imported as of then
HORIZON: Final = 90 * DAY
PUBLISHED: Final = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}  # alpha in weeks

console: Final = Console(stderr=True, highlight=False, width=160)

BARS: Final = (
    bar("cdnow_off_published", "", "<=", 0.0005),
    bar("cdnow_orders_corr", "", ">=", 0.636, 0.65),
    bar("cdnow_orders_rmse", "orders", "<=", 1.588, 1.56),
    bar("cdnow_spend_gini", "", ">=", 0.665, 0.69),
    bar("retail_spend_gini", "", ">=", 0.70, 0.72),
    bar("journey_spend_gini_low", "", ">", 0.0),
    bar("journey_churn_auc_low", "", ">", 0.0),
    bar("journey_train_both", "s", "<=", 120.0),
)


def rows_of(home: Path, as_of: datetime, features: tuple[Feature, ...]) -> Ahead:
    """Return what a trainer would learn from and be judged by, of everybody."""
    with connect(home) as connection:
        found = connection.execute("SELECT DISTINCT customer_id FROM events").fetchnumpy()
        everybody = {str(each) for each in found["customer_id"] if each}
        return look_ahead(
            connection,
            as_of=as_of,
            features=features,
            shop=Shop(),
            customers=everybody,
        )


def value(title: str, home: Path, at: datetime) -> Contest:
    """Judge the value at a cut-off, and print everybody's figures."""
    rows = rows_of(home, at + HORIZON, VALUE)
    fitted = fit_value(rows.learning, now=rows.test, horizon=HORIZON, seed=SEED)
    contest = train_value.contest_of(rows, fitted, None, margin=0.0)
    return tell(title, contest)


def tell(title: str, contest: Contest) -> Contest:
    """Print everybody's figures, and the candidate's gain over each."""
    names = list(dict.fromkeys(name for one, _ in contest.everyone for name in one.metrics))
    table = Table("model", *names, f"gain in {contest.headline} (95 %)", title=title)
    for one, role in contest.everyone:
        figures = (f"{one.metrics[name]:.4f}" if name in one.metrics else "" for name in names)
        gain = "" if role == "candidate" or not contest.gain_over else contest.gain_over(one.name)
        table.add_row(one.name, *figures, str(gain))
    console.print(table)
    for line in (contest.slice, *contest.notes):
        console.print(line)
    return contest


def cdnow(home: Path) -> dict[str, float]:
    """Take the figures of CDNOW."""
    rows = rows_of(home, HALF + HORIZON, VALUE)
    btyd = Btyd.fit(rows.test)
    orders = btyd.orders
    found = {"r": orders.r, "alpha": orders.alpha / 7, "a": orders.a, "b": orders.b}
    console.print(f"CDNOW, BG/NBD in weeks: {found}; gamma-gamma, all orders: {btyd.worth}")
    second = END - HALF
    with connect(home) as connection:
        truth = labelled(connection, (HALF,), second, features=VALUE, shop=Shop())
    came = truth[ahead.ORDERS].to_numpy(dtype=np.float64)
    fitted = fit_value(rows.learning, now=rows.test, horizon=HORIZON, seed=SEED)
    expected = {
        "value": _orders(fitted.model.predict(truth), btyd, truth, second),
        "bg-nbd": btyd.expected_orders(truth, second / DAY),
        "past rate": np.asarray(truth["orders_total"] / truth["tenure_days"] * (second / DAY)),
    }
    table = Table("model", "correlation", "RMSE", "MAE", "ratio", title="CDNOW, weeks 40-78")
    for name, each in expected.items():
        off = each - came
        figures = (_corr(each, came), _rmse(off), np.abs(off).mean(), each.sum() / came.sum())
        table.add_row(name, *(f"{figure:.4f}" for figure in figures))
    console.print(table)
    contest = value(f"CDNOW, 90 days from {HALF:%Y-%m-%d}", home, HALF)
    return {
        "cdnow_off_published": max(abs(found[name] - right) for name, right in PUBLISHED.items()),
        "cdnow_orders_corr": _corr(expected["value"], came),
        "cdnow_orders_rmse": _rmse(expected["value"] - came),
        "cdnow_spend_gini": contest.candidate.metrics["gini"],
    }


def _orders(predicted: pd.DataFrame, btyd: Btyd, frame: pd.DataFrame, length: timedelta) -> Floats:
    """Stretch the orders of 90 days to a longer time, as the model does for a year."""
    shape = btyd.expected_orders(frame, length / DAY) / btyd.expected_orders(frame, DAYS)
    return predicted[EXPECTED_ORDERS_90D].to_numpy(dtype=np.float64) * shape


def journey(home: Path) -> dict[str, float]:
    """Take the figures of the Complete Journey."""
    started = perf_counter()
    spend = value("Complete Journey, its last 90 days", home, JOURNEY - HORIZON)
    rows = rows_of(home, JOURNEY, CHURN)
    model = ChurnModel.fit(rows.learning, now=rows.test, seed=SEED)
    title = "Complete Journey, churn in its last 90 days"
    churn = tell(title, train_churn.contest_of(Settings(home=home), rows, model, None))
    return {
        "journey_spend_gini_low": _low(spend),
        "journey_churn_auc_low": _low(churn),
        "journey_train_both": perf_counter() - started,
    }


def retail(home: Path) -> dict[str, float]:
    """Take the figures of Online Retail; its churn is printed only."""
    spend = value(f"Online Retail, 90 days from {RETAIL:%Y-%m-%d}", home, RETAIL)
    rows = rows_of(home, RETAIL + HORIZON, CHURN)
    model = ChurnModel.fit(rows.learning, now=rows.test, seed=SEED)
    tell("Online Retail, churn", train_churn.contest_of(Settings(home=home), rows, model, None))
    return {"retail_spend_gini": spend.candidate.metrics["gini"]}


def _low(contest: Contest) -> float:
    gains = [contest.gain_over(one.name).low for one in contest.baselines if contest.gain_over]
    return min(gains)


def _corr(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def _rmse(off: Floats) -> float:
    return float(np.sqrt(np.mean(off**2)))


def imported(home: Path, dataset: str, path: Path | None) -> Path:
    """Import a data set into a workspace, unless it is there."""
    if (home / "lake").is_dir():
        return home
    if dataset != "cdnow":
        import_data(Settings(home=home), as_of=AFTER, dataset=dataset, path=path)
        return home
    assert path is not None  # noqa: S101  # given for this set
    home.mkdir(parents=True, exist_ok=True)
    fields = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [f"{one[1]},{one[2]},{one[4]}\n" for one in fields]  # blank-separated, without a header
    inputs = {"lines": home / "lines.csv"}
    inputs["lines"].write_text("".join(["customer,day,dollars\n", *lines]), encoding="utf-8")
    import_data(Settings(home=home), as_of=AFTER, mapping=MAPPING, inputs=inputs)
    return home


def take(data: Path | None, work: Path, only: Sequence[str]) -> Mapping[str, float]:
    """Take the figures of the chosen sets, of those that are there."""
    taken: dict[str, float] = {}
    if data and "cdnow" in only and (data / SAMPLE).is_file():
        taken |= cdnow(imported(work / "cdnow", "cdnow", data / SAMPLE))
    if data and "retail" in only and (data / RETAIL_FILE).is_file():
        taken |= retail(imported(work / "retail", "online-retail", data / RETAIL_FILE))
    if "journey" in only:
        taken |= journey(imported(work / "journey", "complete-journey", None))
    return taken


def run(data: Path | None, work: Path, only: Sequence[str]) -> list[Figure]:
    """Return every figure; of one that was not taken, why."""
    taken = take(data, work, only)
    reason = "not asked for, or its data are not in --data"
    return [replace(one, value=taken.get(one.name), reason=reason) for one in BARS]


def main() -> None:
    """Read the arguments and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sets = ("cdnow", "retail", "journey")
    parser.add_argument("--data", type=Path, help="folder of cdnow and online_retail")
    parser.add_argument("--quick", action="store_true", help="at most ten seconds: nothing at all")
    parser.add_argument("--work", type=Path, help="folder to keep imports in; default: none")
    parser.add_argument("--only", nargs="+", choices=sets, default=sets)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(given.data, given.work or Path(folder), () if given.quick else given.only)
    show("customer_value", figures)


if __name__ == "__main__":
    main()
