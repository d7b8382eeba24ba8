"""Outputs of every customer: what the champions say, and a few facts worth showing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from core import columns as c
from core.errors import NotReadyError
from core.settings import Settings
from features.affinity import affinity, with_shares
from features.engine import feature_frame
from features.feature import Feature, names
from features.registry import CLUSTERS, PROPENSITY
from features.shop import Shop
from models import registered, registry
from models.bundles import LoadedModel
from models.clusters import Cluster, Clusters
from models.recommender import Recommender
from models.registered import P_ORDER
from profiles.profile import BUY_AGAIN, NEW_FOR_YOU, Value

TOP_CATEGORIES: Final = 3

# Everything any champion may want, each once, and kept with the customer.
FEATURES: Final[tuple[Feature, ...]] = tuple(dict.fromkeys((*PROPENSITY, *CLUSTERS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Champions:
    """The models there are, and for each output that lacks its model: what to run."""

    propensity: LoadedModel | None
    clusters: LoadedModel | None
    recommender: LoadedModel | None

    @property
    def loaded(self) -> tuple[LoadedModel, ...]:
        """The models there are."""
        return tuple(each for each in (self.propensity, self.clusters, self.recommender) if each)

    @property
    def versions(self) -> dict[str, str]:
        """Registered name -> version."""
        return {each.name: each.version for each in self.loaded}

    @property
    def stale(self) -> list[str]:
        """Registered names of those kept last, which the registry did not confirm."""
        return [each.name for each in self.loaded if each.stale]

    @property
    def missing(self) -> dict[str, str]:
        """Output or slot -> why it is null for everybody."""
        lacking: dict[str, str] = {}
        if not self.propensity:
            lacking[P_ORDER] = "no champion yet: run `sendwise train propensity`"
        if not self.clusters:
            no_clusters = "no champion yet: run `sendwise train clusters`"
            lacking |= {"cluster": no_clusters, "cluster_traits": no_clusters}
        if not self.recommender:
            no_lists = "no champion yet: run `sendwise train recommender`"
            lacking |= {BUY_AGAIN: no_lists, NEW_FOR_YOU: no_lists}
        return lacking

    @property
    def kinds(self) -> dict[str, pa.DataType]:
        """All outputs a customer may have, with their types."""
        words, number = pa.list_(pa.string()), pa.float64()
        return {
            P_ORDER: number,
            "cluster": pa.string(),
            "cluster_traits": words,
            "recency_days": number,
            "orders_365d": number,
            "top_categories": words,
        }

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of all outputs a customer may have."""
        return tuple(self.kinds)

    @property
    def schema(self) -> pa.Schema:
        """Types of features and outputs in scores.parquet."""
        return pa.schema([*(dict.fromkeys(names(FEATURES), pa.float64()) | self.kinds).items()])


def load_champions(settings: Settings) -> Champions:
    """Load the champions there are; a model that is not there yet is not an error."""

    def champion(name: str) -> LoadedModel | None:
        try:
            return registry.champion(settings, name)
        except NotReadyError:
            return None

    return Champions(
        propensity=champion(registered.PROPENSITY),
        clusters=champion(registered.CLUSTERS),
        recommender=champion(registered.RECOMMENDER),
    )


def features_of_all(
    connection: duckdb.DuckDBPyConnection, settings: Settings, *, as_of: datetime
) -> pd.DataFrame:
    """Compute the features of every customer with an order strictly before `as_of`."""
    return feature_frame(
        connection, cutoffs=[as_of], features=FEATURES, shop=Shop.of(settings)
    ).reset_index(drop=True)


def outputs_of(
    connection: duckdb.DuckDBPyConnection,
    frame: pd.DataFrame,
    champions: Champions,
    *,
    as_of: datetime,
) -> dict[str, list[Value]]:
    """Compute all outputs of the customers of `frame`, each in its order; None without a model."""
    clusters = _clusters(connection, frame, champions, as_of=as_of)
    traits = {each.name: each.traits for each in _described(champions)}
    probability: list[Value] = [None] * len(frame)
    if champions.propensity:
        predicted = np.asarray(champions.propensity.model.predict(frame), dtype=np.float64)
        probability = predicted.tolist()
    return {
        P_ORDER: probability,
        "cluster": [*clusters],
        "cluster_traits": [None if name is None else list(traits[name]) for name in clusters],
        "recency_days": frame["recency_days"].tolist(),
        "orders_365d": frame["orders_365d"].tolist(),
        "top_categories": _top_categories(connection, frame, as_of=as_of),
    }


def describe_clusters(
    champions: Champions, members: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, object]]:
    """Return traits, medians and the number of customers of each cluster."""
    return {
        each.name: {
            "traits": list(each.traits),
            "customers": len(members.get(each.name, ())),
            "medians": dict(each.profile),
        }
        for each in _described(champions)
    }


def recommender_of(champions: Champions) -> Recommender | None:
    """Return the champion recommender, if there is one."""
    model = champions.recommender.model if champions.recommender else None
    return model if isinstance(model, Recommender) else None


def _described(champions: Champions) -> tuple[Cluster, ...]:
    model = champions.clusters.model if champions.clusters else None
    return model.clusters if isinstance(model, Clusters) else ()


def _clusters(
    connection: duckdb.DuckDBPyConnection,
    frame: pd.DataFrame,
    champions: Champions,
    *,
    as_of: datetime,
) -> list[str | None]:
    model = champions.clusters.model if champions.clusters else None
    if not isinstance(model, Clusters):
        return [None] * len(frame)
    wide = with_shares(connection, frame, as_of=as_of, keys=model.departments)
    return [*model.names(model.predict(wide))]


def _top_categories(
    connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, *, as_of: datetime
) -> list[Value]:
    pairs = affinity(connection, by="department", as_of=as_of)  # sorted, strongest first
    best = pairs[pairs.groupby(c.CUSTOMER_ID, sort=False).cumcount() < TOP_CATEGORIES]
    lists = best.groupby(c.CUSTOMER_ID, sort=False)["department"].agg(list).to_dict()
    return [lists.get(customer_id, []) for customer_id in frame[c.CUSTOMER_ID]]
