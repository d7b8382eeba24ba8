"""The recommenders against their bars: quality on three sets of real data.

`python -m benchmarks.recommenders --data FOLDER` takes FOLDER/online_retail/online_retail.parquet
and FOLDER/gowalla/{train,test}.txt.gz; the Complete Journey comes with the packages. What is not
there is left out, with the reason. Tables of every model go to standard error, figures to standard
output.

How it is measured: recall is hits over targets, the ideal of NDCG is cut at min(20, targets), the
whole catalogue is ranked. A window of time is tested with models fitted on what was before it; ALS
is tuned by Optuna on the window before, on new products for the hybrid and on all to stand alone:
the figure is against the better one, as it turns out. The hybrid, with its defaults, is taught by
up to three windows before. What is `new` was never bought by that customer, and all they bought is
masked. Gains are paired over customers; "low" is the lower end of their 95 % bootstrap interval.

retail: Online Retail, 30 days from 9 November 2011. earlier: the same from 1 August, 1 September
and 1 October; the worst of the three. journey: the Complete Journey, its last 28 days; and its
customers in one batch, in CPU-seconds of all threads: the best 40 of 50,000 products by factors
of ALS (the median of five times), and both lists of 40 of the whole hybrid, with candidates, facts
and reasons.
gowalla: `sendwise evaluate recommender`, item-KNN, tuned ALS and their blend.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Final, cast

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, bar, show
from core.clock import DAY
from core.settings import Settings
from ingest.lake import connect
from models.als import Als
from models.candidates import CandidateParams
from models.content import Content
from models.evaluation import SCOPES
from models.exposure import Exposure
from models.gate import Interval, mean, paired_bootstrap
from models.hybrid import Hybrid
from models.ranking import Scope, best_products
from models.recommender import Recommender
from pipelines.evaluate_recommender import evaluate_recommender
from pipelines.import_data import import_data
from pipelines.recommender_rivals import (
    ALONE,
    HYBRID,
    RULE,
    Measured,
    fit_hybrid,
    measured,
    rankers_of,
    tune_als,
)
from pipelines.recommender_windows import Window, earlier_windows
from pipelines.training import SEED

RETAIL_FILE: Final = Path("online_retail") / "online_retail.parquet"
RETAIL: Final = datetime(2011, 11, 9, tzinfo=UTC)
EARLIER: Final = tuple(datetime(2011, month, 1, tzinfo=UTC) for month in (8, 9, 10))
JOURNEY: Final = datetime(2017, 12, 4, tzinfo=UTC)
AFTER: Final = datetime(2020, 1, 1, tzinfo=UTC)  # all of the data is imported as of then

PRODUCTS: Final = 50_000  # of the batch from factors; the hybrid has the whole catalogue, 92,000
TOP: Final = 40

console: Final = Console(stderr=True, highlight=False, width=200)  # a table of fifteen columns

BARS: Final = (
    bar("retail_recall_all", "", ">=", 0.280, 0.300),
    bar("retail_recall_new", "", ">=", 0.129, 0.145),
    bar("retail_ndcg_all_vs_rule", "x", ">=", 1.07, 1.15),
    bar("retail_ndcg_all_vs_als", "x", ">=", 1.30, 1.45),
    bar("retail_ndcg_new_vs_ease", "x", ">=", 1.30, 1.45),
    bar("earlier_ndcg_all_vs_rule_low", "", ">", 0.0),
    bar("earlier_ndcg_new_vs_ease_low", "", ">", 0.0),
    bar("journey_ndcg_all_vs_best_low", "", ">", 0.0),
    bar("journey_ndcg_new_vs_best_low", "", ">", 0.0),
    bar("journey_fit", "s", "<=", 180.0),
    bar("journey_peak_memory", "GB", "<=", 4.0),
    bar("batch_from_factors", "customers/s", ">=", 5_000.0),
    bar("batch_hybrid", "customers/s", ">=", 150.0, 500.0),
    bar("gowalla_recall", "", ">=", 0.1811, 0.192),
    bar("gowalla_ndcg", "", ">=", 0.1498, 0.160),
)


@dataclass(frozen=True, slots=True)
class Round:
    """Everybody on one window, and how long the hybrid and its models took to fit."""

    results: Mapping[str, Measured]
    seconds: float
    test: Window
    hybrid: Hybrid

    def mean(self, name: str, scope: Scope, metric: str) -> float:
        """Return the mean over customers."""
        return float(getattr(self.results[name].quality[scope], metric).mean())

    def gain(self, over: str, scope: Scope) -> Interval:
        """Return the hybrid's gain in NDCG."""
        own, other = (self.results[name].quality[scope].ndcg for name in (HYBRID, over))
        return paired_bootstrap(own, other, metric=mean, seed=SEED)

    def best(self, scope: Scope) -> str:
        """Return the best single model."""
        names = [name for name in self.results if name not in (HYBRID, RULE)]
        return max(names, key=lambda name: self.mean(name, scope, "ndcg"))


def measure(home: Path, start: datetime, length: timedelta, *, trials: int) -> Round:
    """Measure everybody on one window of a workspace."""
    with connect(home) as connection:
        found = connection.execute("SELECT DISTINCT customer_id FROM items").fetchnumpy()
        everybody = np.sort(np.array([each for each in found["customer_id"] if each], np.str_))
        windows = earlier_windows(connection, everybody, start + length, length)
    tuned = tune_als(windows[1], trials)
    params = CandidateParams(als=tuned.params)
    started = perf_counter()
    content = Content(windows[0].assortment)
    models = [each.models(params, content) for each in windows]
    hybrid, _ = fit_hybrid(windows, models)
    seconds = perf_counter() - started
    results = measured(rankers_of(hybrid, windows[0], tuned.alone), windows[0])
    return Round(results, seconds, windows[0], hybrid)


def tell(title: str, found: Round) -> None:
    """Print everybody's figures, and the hybrid's gain over each."""
    columns = [f"{metric} {scope}" for scope in SCOPES for metric in ("recall", "NDCG")]
    together = [each.name for each in fields(Exposure)]  # of the lists of new products
    gained = ("gain all (95 %)", "gain new (95 %)")
    table = Table("model", *columns, *together, *gained, title=title)
    for name, one in found.results.items():
        row = [
            f"{found.mean(name, scope, metric):.4f}"
            for scope in SCOPES
            for metric in ("recall", "ndcg")
        ]
        gains = [] if name == HYBRID else [str(found.gain(name, each)) for each in ("all", "new")]
        table.add_row(name, *row, *(f"{each:.3g}" for each in astuple(one.shown)), *gains)
    console.print(table)
    customers = len(found.results[HYBRID].quality["all"].ndcg)
    console.print(f"{customers:,} customers; fitted in {found.seconds:.0f} s; seed {SEED}")


def retail(home: Path, trials: int) -> dict[str, float]:
    """Take the figures of Online Retail."""
    last = measure(home, RETAIL, 30 * DAY, trials=trials)
    tell(f"Online Retail, 30 days from {RETAIL:%Y-%m-%d}", last)
    lows: dict[Scope, list[float]] = {"all": [], "new": []}
    for start in EARLIER:
        found = measure(home, start, 30 * DAY, trials=trials)
        tell(f"Online Retail, 30 days from {start:%Y-%m-%d}", found)
        lows["all"].append(found.gain(RULE, "all").low)
        lows["new"].append(found.gain("ease", "new").low)

    def times(over: str, scope: Scope) -> float:
        return last.mean(HYBRID, scope, "ndcg") / last.mean(over, scope, "ndcg")

    return {
        "retail_recall_all": last.mean(HYBRID, "all", "recall"),
        "retail_recall_new": last.mean(HYBRID, "new", "recall"),
        "retail_ndcg_all_vs_rule": times(RULE, "all"),
        "retail_ndcg_all_vs_als": min(
            times(name, "all") for name in ("als", ALONE) if name in last.results
        ),
        "retail_ndcg_new_vs_ease": times("ease", "new"),
        "earlier_ndcg_all_vs_rule_low": min(lows["all"]),
        "earlier_ndcg_new_vs_ease_low": min(lows["new"]),
    }


def journey(home: Path, trials: int) -> dict[str, float]:
    """Take the figures of the Complete Journey."""
    found = measure(home, JOURNEY, 28 * DAY, trials=trials)
    tell(f"Complete Journey, 28 days from {JOURNEY:%Y-%m-%d}", found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    lows = {scope: found.gain(found.best(scope), scope).low for scope in ("all", "new")}
    return {
        **speed(found),
        "journey_ndcg_all_vs_best_low": lows["all"],
        "journey_ndcg_new_vs_best_low": lows["new"],
        "journey_fit": found.seconds,
        "journey_peak_memory": peak,
    }


def speed(found: Round) -> dict[str, float]:
    """Take how many customers a CPU-second serves, in one batch of everybody."""
    test = found.test
    als = next(each for each in found.hybrid.rankers if isinstance(each, Als))
    queries = als.customers(test.purchases)
    factors = np.resize(als.factors, (PRODUCTS, als.factors.shape[1]))
    recommender = Recommender(test.assortment, found.hybrid)

    def seconds(work: Callable[[], object]) -> float:
        started = process_time()
        work()
        return process_time() - started

    columns = np.arange(PRODUCTS)
    by_factors = median(
        seconds(lambda: best_products(queries, factors, TOP, columns=columns)) for _ in range(5)
    )
    by_hybrid = seconds(lambda: [*recommender.picks(test.purchases, TOP)])
    return {
        "batch_from_factors": len(queries) / by_factors,
        "batch_hybrid": len(queries) / by_hybrid,
    }


def gowalla(folder: Path, trials: int) -> dict[str, float]:
    """Take the figures of Gowalla's standard split: of the best of the models."""
    train, test = (folder / f"{part}.txt.gz" for part in ("train", "test"))
    outcome = evaluate_recommender(train=train, test=test, k=20, trials=trials)
    outcome.show(as_json=False)
    models = cast("dict[str, dict[str, float]]", outcome.data["models"])
    best = max(models.values(), key=lambda one: one["recall"])
    return {"gowalla_recall": best["recall"], "gowalla_ndcg": best["ndcg"]}


def _imported(home: Path, dataset: str, path: Path | None) -> Path:
    if not (home / "lake").is_dir():
        import_data(Settings(home=home), as_of=AFTER, dataset=dataset, path=path)
    return home


def run(data: Path | None, work: Path, only: Sequence[str], trials: int) -> list[Figure]:
    """Take the figures of the chosen sets; of one that is not there, say so."""
    taken: dict[str, float] = {}
    if "journey" in only:  # first: the peak of memory is the process's
        taken |= journey(_imported(work / "journey", "complete-journey", None), trials)
    if data and "retail" in only and (data / RETAIL_FILE).is_file():
        taken |= retail(_imported(work / "retail", "online-retail", data / RETAIL_FILE), trials)
    if data and "gowalla" in only and (data / "gowalla").is_dir():
        taken |= gowalla(data / "gowalla", trials)
    return [
        replace(
            one, value=taken.get(one.name), reason="not asked for, or its data are not in --data"
        )
        for one in BARS
    ]


def main() -> None:
    """Read the arguments and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sets = ("journey", "retail", "gowalla")
    parser.add_argument("--data", type=Path, help="folder of retail and gowalla")
    parser.add_argument("--quick", action="store_true", help="at most ten seconds: nothing at all")
    parser.add_argument("--work", type=Path, help="folder to keep imports in; default: none")
    parser.add_argument("--only", nargs="+", choices=sets, default=sets)
    parser.add_argument("--trials", type=int, default=12, help="Optuna trials for ALS")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(
            given.data, given.work or Path(folder), () if given.quick else given.only, given.trials
        )
    show("recommenders", figures)


if __name__ == "__main__":
    main()
