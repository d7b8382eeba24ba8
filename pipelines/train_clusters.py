"""Train the clusters of customers, and put them through the gate of stability and size."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from core import columns as c
from core.settings import Settings
from features.affinity import with_shares
from features.engine import content_digest, feature_frame
from features.feature import definitions_digest
from features.registry import CLUSTERS
from features.shop import Shop
from ingest.lake import connect
from models import registered
from models.bundles import LoadedModel
from models.cluster_plots import cluster_sizes, profile_heat_map, stability_by_k
from models.clustering import KS, Fitted, Trial, fit_clusters, require_customers
from models.clusters import Clusters
from models.gate import decide_clusters
from models.sufficiency import require
from pipelines.learnable import facts_of
from pipelines.outcome import Outcome, progress_bar
from pipelines.training import SEED, Contender, Contest, LearntFrom, finish, learners

DEPARTMENTS: Final = 5  # the biggest ones; shares of small ones are mostly zero
PURPOSE: Final = (
    "Says which of a few kinds a customer is: how often they order, how much at a time, how "
    "keen on discounts, what they love. For texts and blocks that differ by kind of customer, "
    "and for seeing who the shop's customers are."
)
LIMITS: Final = (
    "Kinds are made by cutting a continuum: customers near a border resemble both sides.",
    "A customer with one or two orders has little to be placed by.",
    "A word such as `frequent` compares with this shop's customers, not with other shops'.",
    "`z-scores` is the usual recipe, its k chosen by silhouette: shown beside, never registered.",
    "Names follow what the clusters are; after a retrain a name may mean other customers.",
)


def run(settings: Settings, *, as_of: datetime, trials: int, register: bool) -> Outcome:
    """Train, judge and register `clusters`.

    Args:
        settings: The workspace.
        as_of: Only what was known strictly before counts.
        trials: Not used: k is found by trying all, and nothing else is tuned.
        register: False evaluates only.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: `as_of` is before the first order, or there are too few customers.
    """
    del trials
    connection = connect(settings.home)
    try:
        allowed = learners(settings, connection, as_of=as_of)
        require(facts_of(settings, connection, allowed, as_of=as_of), "clusters")
        frame = feature_frame(
            connection, cutoffs=[as_of], features=CLUSTERS, shop=Shop.of(settings)
        )
        frame = with_shares(connection, frame, as_of=as_of, k=DEPARTMENTS)
    finally:
        connection.close()
    frame = frame[frame[c.CUSTOMER_ID].isin(set(allowed.ids))].reset_index(drop=True)
    with allowed.named():
        require_customers(frame)  # here: a run once started leaves its trace in the workspace
    features = [name for name in frame.columns if name not in {c.CUSTOMER_ID, c.CUTOFF_US}]
    data = LearntFrom(
        name=registered.CLUSTERS,
        as_of=as_of,
        digest=content_digest(frame),
        cutoffs=(as_of,),
        rows=len(frame),
        left_out=allowed.left_out,
        features=dict.fromkeys(features, "float64"),
        features_digest=definitions_digest(CLUSTERS),
    )

    def fit(champion: LoadedModel | None) -> Contest:
        with allowed.named(), progress_bar("clustering", total=len(KS)) as advance:
            fitted = fit_clusters(frame, seed=SEED, advance=advance)
        return _contest(frame, fitted, champion)

    return finish(settings, data=data, params={"seed": SEED}, fit=fit, register=register)


def _contest(frame: pd.DataFrame, fitted: Fitted, champion: LoadedModel | None) -> Contest:
    chosen, model = fitted.chosen, fitted.model
    naive = Contender(
        name=f"z-scores, k={fitted.naive.k}", model=None, metrics=_metrics(fitted.naive)
    )
    return Contest(
        candidate=Contender(name=f"k-means, k={chosen.k}", model=model, metrics=_metrics(chosen)),
        baselines=[naive],
        champion=_champion(frame, fitted, champion),
        headline="stability",
        verdict=decide_clusters(stability=chosen.stability, smallest=chosen.smallest),
        slice=f"{len(frame):,} customers with an order; likeness of refits on resampled customers",
        purpose=PURPOSE,
        limits=LIMITS,
        figures={
            "profiles.png": profile_heat_map(model),
            "sizes.png": cluster_sizes(model),
            "stability.png": stability_by_k(fitted.trials, chosen),
        },
        params={"k": chosen.k, "tried": [trial.k for trial in fitted.trials]},
        notes=[f"{cluster.share:4.0%}  {cluster.name}" for cluster in model.clusters],
    )


def _metrics(trial: Trial) -> dict[str, float]:
    return {
        "stability": trial.stability,
        "least_alike": trial.worst,
        "smallest_share": trial.smallest,
        "silhouette": trial.silhouette,
    }


def _champion(
    frame: pd.DataFrame, fitted: Fitted, champion: LoadedModel | None
) -> Contender | None:
    """Look at the champion on today's customers: sizes now, and how far the two agree."""
    if champion is None or not isinstance(champion.model, Clusters):
        return None
    if absent := set(champion.model.features) - set(frame.columns):
        frame = frame.assign(**dict.fromkeys(absent, np.nan))  # a department that shrank
    labels = champion.model.predict(frame)
    sizes = np.bincount(labels, minlength=len(champion.model.clusters))
    return Contender(
        name=f"champion v{champion.version}",
        model=champion.model,
        metrics={
            "smallest_share": float(sizes.min() / len(labels)),
            "agreement": float(adjusted_rand_score(labels, fitted.labels)),
        },
    )
