"""Train the clusters of customers, and put them through the gate of stability and size."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import isnan
from typing import Final

import duckdb
import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from core import columns as c
from core.clock import DAY
from core.ids import digest
from core.settings import Settings
from features.affinity import departments, with_shares
from features.dataset import first_order
from features.engine import content_digest, feature_frame
from features.feature import Feature, definitions_digest
from features.labels import spent
from features.registry import CLUSTERS
from features.shop import Shop
from ingest.lake import connect
from models import registered
from models.bundles import LoadedModel
from models.cluster_algorithms import ALGORITHMS
from models.cluster_matching import matched, with_gaps
from models.cluster_pictures import cluster_map
from models.cluster_plots import cluster_sizes, profile_heat_map, stability_by_k
from models.cluster_trials import REFITS, Trial
from models.clustering import MIN_CUSTOMERS, Fitted, Past, fit_clusters, require_customers
from models.clusters import Clusters
from models.gate import decide_clusters
from models.sufficiency import require
from pipelines.learnable import facts_of
from pipelines.outcome import Outcome, progress_bar
from pipelines.training import SEED, Contender, Contest, LearntFrom, finish, learners

LATER: Final = 90 * DAY  # how far clusters are asked to say something about the future
RESAMPLES: Final = len(ALGORITHMS) * REFITS
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
    "`eta_...` are of clusters found a quarter earlier, on what customers did in that quarter.",
    "A cluster that a retrain finds again keeps its label, and its name while that is true.",
    "An outlier is an odd combination for its cluster: in ranks no amount is extreme by itself.",
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
    shop = Shop.of(settings)
    connection = connect(settings.home)
    try:
        allowed = learners(settings, connection, as_of=as_of)
        require(facts_of(settings, connection, allowed, as_of=as_of), "clusters")
        biggest = departments(connection, as_of=as_of, k=DEPARTMENTS)
        frame = customers_at(connection, as_of, biggest, shop=shop)
        begins = first_order(connection)
        past = None
        if begins and begins + 2 * LATER <= as_of:  # a quarter to know them by, and one to see
            past = past_at(connection, as_of - LATER, biggest, shop=shop, customers=allowed.ids)
    finally:
        connection.close()
    frame = frame[frame[c.CUSTOMER_ID].isin(set(allowed.ids))].reset_index(drop=True)
    with allowed.named():
        require_customers(frame)  # here: a run once started leaves its trace in the workspace
    if past and len(past.frame) < MIN_CUSTOMERS:
        past = None
    data = _learnt_from(frame, past, as_of=as_of, left_out=allowed.left_out)

    def fit(champion: LoadedModel | None) -> Contest:
        with allowed.named(), progress_bar("clustering", total=RESAMPLES) as advance:
            fitted = fit_clusters(
                frame, seed=SEED, past=past, incumbent=_recipe(champion), advance=advance
            )
        return _contest(frame, fitted, champion)

    return finish(settings, data=data, params={"seed": SEED}, fit=fit, register=register)


def customers_at(
    connection: duckdb.DuckDBPyConnection,
    at: datetime,
    keys: list[str],
    *,
    shop: Shop,
    features: Sequence[Feature] = CLUSTERS,
) -> pd.DataFrame:
    """Return the features of who ordered before `at`, and shares of the departments `keys`."""
    frame = feature_frame(connection, cutoffs=[at], features=features, shop=shop)
    return with_shares(connection, frame, as_of=at, keys=keys)


def past_at(
    connection: duckdb.DuckDBPyConnection,
    at: datetime,
    keys: list[str],
    *,
    shop: Shop,
    customers: Sequence[str] | None = None,
    features: Sequence[Feature] = CLUSTERS,
) -> Past:
    """Return customers as they were at `at`, and what they did in the `LATER` from then on."""
    frame = customers_at(connection, at, keys, shop=shop, features=features)
    if customers is not None:
        frame = frame[frame[c.CUSTOMER_ID].isin(set(customers))].reset_index(drop=True)
    came = spent(connection, cutoffs=[at], horizon=LATER, shop=shop).set_index(c.CUSTOMER_ID)
    minor = frame[c.CUSTOMER_ID].map(came["revenue_minor"])
    return Past(
        frame=frame,
        ordered=minor.notna().to_numpy(),
        spent_minor=minor.fillna(0.0).to_numpy(np.float64),
    )


def _learnt_from(
    frame: pd.DataFrame, past: Past | None, *, as_of: datetime, left_out: int
) -> LearntFrom:
    read = content_digest(frame)
    if past:
        before = past.frame.assign(spent_minor=past.spent_minor, ordered=past.ordered)
        read = digest(read, content_digest(before))
    features = [name for name in frame.columns if name not in {c.CUSTOMER_ID, c.CUTOFF_US}]
    return LearntFrom(
        name=registered.CLUSTERS,
        as_of=as_of,
        digest=read,
        cutoffs=(as_of - LATER, as_of) if past else (as_of,),
        rows=len(frame),
        left_out=left_out,
        features=dict.fromkeys(features, "float64"),
        features_digest=definitions_digest(CLUSTERS),
    )


def _contest(frame: pd.DataFrame, fitted: Fitted, champion: LoadedModel | None) -> Contest:
    chosen, model = fitted.chosen, fitted.model
    previous = champion.model if champion and isinstance(champion.model, Clusters) else None
    if previous:
        model = matched(model, previous, frame)
    return Contest(
        candidate=_contender(chosen, model),
        baselines=[_contender(fitted.naive)],
        tried=[_contender(trial) for trial in fitted.trials if trial != chosen],
        champion=_champion(frame, model, champion),
        headline="stability",
        verdict=decide_clusters(stability=chosen.stability, smallest=chosen.smallest),
        slice=f"{len(frame):,} customers with an order; likeness of refits on resampled customers",
        purpose=PURPOSE,
        limits=LIMITS,
        figures={
            "profiles.png": profile_heat_map(model),
            "sizes.png": cluster_sizes(model),
            "stability.png": stability_by_k(fitted.trials, chosen),
            "map.png": cluster_map(model, frame),
        },
        params={"algorithm": chosen.algorithm, "k": chosen.k},
        notes=_notes(fitted, model, champion),
    )


def _contender(trial: Trial, model: Clusters | None = None) -> Contender:
    figures = {
        "stability": trial.stability,
        "least_alike": trial.worst,
        "smallest_share": trial.smallest,
        "eta_ordered": trial.eta_ordered,
        "eta_spent": trial.eta_spent,
        "silhouette": trial.silhouette,
    }
    if trial.noise:
        figures["noise"] = trial.noise
    known = {name: value for name, value in figures.items() if not isnan(value)}
    return Contender(name=trial.name, model=model, metrics=known)


def _notes(fitted: Fitted, model: Clusters, champion: LoadedModel | None) -> list[str]:
    notes = [f"{cluster.share:4.0%}  {cluster.name}" for cluster in model.clusters]
    if isnan(fitted.chosen.eta_ordered):
        notes.append(
            f"Chosen by stability alone: with less than {2 * LATER.days} days of orders nothing "
            "says how much clusters tell of what comes."
        )
    if not any(trial.algorithm == "hdbscan" for trial in fitted.trials):
        notes.append("hdbscan finds no two dense places among the customers.")
    if champion and isinstance(champion.model, Clusters):
        if fitted.chosen.name == _recipe(champion):
            notes.append(f"As before, {fitted.chosen.name}: nothing stable says more.")
        before = {cluster.label: cluster.name for cluster in champion.model.clusters}
        kept = [cluster for cluster in model.clusters if cluster.label in before]
        same = sum(before[cluster.label] == cluster.name for cluster in kept)
        notes.append(
            f"{len(kept)} of {len(model.clusters)} clusters continue one of the champion's "
            f"{len(before)}; {same} keep its name."
        )
    return notes


def _recipe(champion: LoadedModel | None) -> str:
    """Return which contender the champion was, "" where there is none."""
    return str(champion.meta.get("contender", "")) if champion else ""


def _champion(
    frame: pd.DataFrame, model: Clusters, champion: LoadedModel | None
) -> Contender | None:
    """Look at the champion on today's customers: sizes now, and how far the two agree."""
    if champion is None or not isinstance(champion.model, Clusters):
        return None
    labels = champion.model.predict(with_gaps(frame, champion.model))
    sizes = [(labels == cluster.label).mean() for cluster in champion.model.clusters]
    fresh = model.predict(frame)
    return Contender(
        name=f"champion v{champion.version}",
        model=champion.model,
        metrics={
            "smallest_share": float(min(sizes)),
            "agreement": float(adjusted_rand_score(labels, fresh)),
            "same_label": float((labels == fresh).mean()),
        },
    )
