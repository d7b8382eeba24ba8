"""Clusters of Online Retail by recency, frequency and money, against their bars.

`python -m benchmarks.customer_clusters --data FOLDER` takes the Online Retail of FOLDER. It goes to
the table of `benchmarks.customer_models` too.

How it is measured: customers as of 2011-09-10, clustered by the product's own `fit_clusters`, which
chooses algorithm and k by stability on that day and by what clusters of 90 days earlier told about
the 90 days since. Its choice is then measured anew: the mean adjusted Rand index of 100 refits on
resamples that had no part in it, and eta squared of who ordered in the 90 days that follow, which
nothing had seen. Beside it stands what boosted trees on the same three features explain of that,
each customer told by trees that others taught: a ceiling for groups made without the future.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from scipy.stats import rankdata
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import cross_val_predict

from benchmarks.figures import Figure, bar, show
from core.settings import Settings
from features.feature import names
from features.registry import CLUSTERS, RFM
from features.shop import Shop
from ingest.lake import connect
from models.cluster_trials import eta_squared, try_algorithm
from models.clustering import RECENCY_FREQUENCY_MONEY, Fitted, fit_clusters
from models.clusters import Floats
from pipelines.import_data import import_data
from pipelines.train_clusters import LATER, past_at
from pipelines.training import SEED

RETAIL_FILE: Final = Path("online_retail") / "online_retail.parquet"
RETAIL: Final = datetime(2011, 9, 10, tzinfo=UTC)
AFTER: Final = datetime(2020, 1, 1, tzinfo=UTC)  # all of the data is imported as of then
REFITS: Final = 100

console: Final = Console(stderr=True, highlight=False, width=120)

BARS: Final = (
    bar("clusters_bootstrap_ari", "", ">=", 0.90, 0.94),
    bar("clusters_smallest_share", "", ">=", 0.05, 0.08),
    bar("clusters_eta_squared", "", ">=", 0.15, 0.18),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """The clusters of a day, measured by what had no part in choosing them."""

    fitted: Fitted
    ari: float
    smallest: float
    eta_ordered: float
    eta_spent: float
    ceiling: float  # R squared of who ordered, by boosted trees on the same features

    @property
    def figures(self) -> dict[str, float]:
        """The figures that have bars, by name."""
        values = (self.ari, self.smallest, self.eta_ordered)
        return dict(zip((one.name for one in BARS), values, strict=True))


def measure(home: Path, at: datetime = RETAIL, *, refits: int = REFITS) -> Measured:
    """Cluster the customers of a workspace as of `at`, and look what they did after it."""
    features = tuple(dict.fromkeys((*CLUSTERS, *RFM)))  # words come from all habits
    with connect(home) as lake:
        now, past = (
            past_at(lake, when, [], shop=Shop(), features=features) for when in (at, at - LATER)
        )
    fitted = fit_clusters(now.frame, seed=SEED, past=past, blocks=RECENCY_FREQUENCY_MONEY)
    labels = fitted.model.predict(now.frame)
    (anew,) = try_algorithm(
        fitted.chosen.algorithm,
        fitted.model.points(now.frame),
        [fitted.chosen.k],
        seed=SEED + 1_000,
        refits=refits,
    )
    return Measured(
        fitted=fitted,
        ari=anew.stability,
        smallest=min(cluster.share for cluster in fitted.model.clusters),
        eta_ordered=eta_squared(labels, now.ordered),
        eta_spent=eta_squared(labels, rankdata(now.spent_minor)),
        ceiling=_explained(now.frame[names(RFM)].to_numpy(), now.ordered.astype(float)),
    )


def tell(found: Measured) -> None:
    """Print all contenders, and what the chosen clusters are."""
    table = Table(
        *("contender", "ARI", "worst", "smallest", "noise", "eta ordered", "eta spent"),
        *("silhouette", ""),
        title="Online Retail, chosen on what was known before 2011-09-10",
    )
    for one in (*found.fitted.trials, found.fitted.naive):
        figures = (one.stability, one.worst, one.smallest, one.noise, one.eta_ordered)
        row = [f"{value:.3f}" for value in (*figures, one.eta_spent, one.silhouette)]
        table.add_row(one.name, *row, "chosen" if one == found.fitted.chosen else "")
    console.print(table)
    for cluster in found.fitted.model.clusters:
        console.print(f"{cluster.share:4.0%}  {cluster.name}")
    console.print(
        f"Of the 90 days after: eta squared of who ordered {found.eta_ordered:.3f} (boosted trees "
        f"on the same features explain {found.ceiling:.3f}), of the rank of spend "
        f"{found.eta_spent:.3f}; seed {SEED}"
    )


def clusters(home: Path) -> dict[str, float]:
    """Take the figures of a workspace that holds Online Retail."""
    found = measure(home)
    tell(found)
    return found.figures


def taken(figures: Mapping[str, float]) -> list[Figure]:
    """Set figures beside their bars; none where the data are not there."""
    reason = "Online Retail is not in --data"
    return [replace(one, value=figures.get(one.name), reason=reason) for one in BARS]


def _explained(values: Floats, ordered: Floats) -> float:
    trees = GradientBoostingRegressor(
        n_estimators=60, max_depth=2, learning_rate=0.1, random_state=SEED
    )
    told = cross_val_predict(trees, values, ordered, cv=10)
    return float(1 - ((ordered - told) ** 2).mean() / ordered.var())


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the arguments and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of online_retail/")
    given = parser.parse_args(arguments)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        if (path := given.data / RETAIL_FILE).is_file():
            import_data(
                Settings(home=Path(folder)), as_of=AFTER, dataset="online-retail", path=path
            )
            figures = clusters(Path(folder))
    show("customer_clusters", taken(figures))


if __name__ == "__main__":
    main()
