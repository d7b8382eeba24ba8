"""Outputs of every customer: what the champions say, and a few facts worth showing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from core import columns as c
from core.errors import SendwiseError
from core.settings import Settings
from features.affinity import affinity, with_shares
from features.engine import feature_frame
from features.feature import Feature, names
from features.reading import with_reading
from features.registry import CHURN, CLUSTERS, ENGAGEMENT, PROPENSITY, SEND_TIME, VALUE
from features.shop import Shop
from models import churn_outputs, registered, value
from models import send_time as send_times
from models.bundles import LoadedModel
from models.clusters import Cluster, Clusters
from models.contributions import reasons_of
from models.feature_words import told as told_of
from models.send_time import SendTime
from pipelines.champions import Champions
from pipelines.told import Told, dates, numbers
from profiles.profile import BUY_AGAIN, NEW_FOR_YOU, Value
from segmentation import lifecycle

TOP_CATEGORIES: Final = 3
NEXT_ORDER_AT: Final = "expected_next_order_at"

# Kept with the customer: what scores on the spot and the drift report read.
FEATURES: Final[tuple[Feature, ...]] = tuple(dict.fromkeys((*PROPENSITY, *CLUSTERS)))
# Everything any champion may want, each once.
ALL_FEATURES: Final[tuple[Feature, ...]] = tuple(
    dict.fromkeys((*FEATURES, *VALUE, *CHURN, *SEND_TIME, *ENGAGEMENT, *lifecycle.FEATURES))
)
_NUMBER, _TEXT, _TEXTS = pa.float64(), pa.string(), pa.list_(pa.string())
_OF_CHURN: Final = (churn_outputs.P_CHURN, churn_outputs.P_ALIVE, churn_outputs.WINDOW)
# The day of the next order, and when nine in ten and one in ten are still to come.
_DAYS_AHEAD: Final = {
    NEXT_ORDER_AT: churn_outputs.NEXT_ORDER,
    f"{NEXT_ORDER_AT}_p10": churn_outputs.NEXT_P10,
    f"{NEXT_ORDER_AT}_p90": churn_outputs.NEXT_P90,
}
_MONTH, _QUARTER, _OPENED, _CLICKED, *_ = map(registered.output_of, registered.PROBABILITIES)
# Who orders within 30 days does so within 90; who clicks has opened.
_HELD: Final = ((_MONTH, _QUARTER), (_CLICKED, _OPENED))
_CLUSTER: Final = ("cluster", "cluster_traits", "cluster_margin", "cluster_outlier")
_KNOWN: Final = (value.HISTORIC_VALUE, value.AVERAGE_ORDER_VALUE, value.AVERAGE_DAYS)  # by anybody
# Why one customer has none, where others have: of outputs that are not defined for everybody.
_UNDEFINED: Final = {
    value.AVERAGE_DAYS: "one order so far: there is no time between orders yet",
    **dict.fromkeys(_DAYS_AHEAD, "more likely gone than not: no next order is expected"),
}


def kinds_of(champions: Champions) -> dict[str, pa.DataType]:
    """Return all outputs that a customer may have, with their types."""
    scores = [registered.output_of(name) for name in champions.probabilities]
    return {
        **dict.fromkeys([*scores, *_OF_CHURN], _NUMBER),
        **dict.fromkeys(_DAYS_AHEAD, _TEXT),
        **dict.fromkeys(value.OUTPUTS, _NUMBER),
        "cluster": _TEXT,
        "cluster_traits": _TEXTS,
        "cluster_margin": _NUMBER,
        "cluster_outlier": pa.bool_(),
        lifecycle.LIFECYCLE_STAGE: _TEXT,
        **dict.fromkeys(send_times.OUTPUTS, _NUMBER),
        "recency_days": _NUMBER,
        "orders_365d": _NUMBER,
        "top_categories": _TEXTS,
    }


def schema_of(champions: Champions) -> pa.Schema:
    """Return the types of features and outputs in scores.parquet."""
    return pa.schema([*(dict.fromkeys(names(FEATURES), _NUMBER) | kinds_of(champions)).items()])


def missing_of(champions: Champions) -> dict[str, str]:
    """Return output or slot -> why it is null for everybody, of models there are not."""
    lacking: dict[str, str] = {}
    for name, outputs in _outputs_by_model(champions).items():
        if why := champions.lacks(name):
            lacking |= {output: why for output in outputs if output not in _KNOWN}
    return lacking


def lacking_of(champions: Champions) -> list[str]:
    """Say which outputs are null for everybody, those for the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for name, why in missing_of(champions).items():
        by_reason.setdefault(why, []).append(name)
    return [
        f"{', '.join(outputs)}: null for everybody: {why}." for why, outputs in by_reason.items()
    ]


def _outputs_by_model(champions: Champions) -> dict[str, tuple[str, ...]]:
    return {
        **{name: (registered.output_of(name),) for name in champions.probabilities},
        registered.CHURN: (*_OF_CHURN, *_DAYS_AHEAD),
        registered.VALUE: value.OUTPUTS,
        registered.CLUSTERS: _CLUSTER,
        registered.RECOMMENDER: (BUY_AGAIN, NEW_FOR_YOU),
        registered.SEND_TIME: send_times.OUTPUTS,
    }


def features_of_all(
    connection: duckdb.DuckDBPyConnection, settings: Settings, *, as_of: datetime
) -> pd.DataFrame:
    """Compute the features of every customer with an order strictly before `as_of`."""
    return feature_frame(
        connection, cutoffs=[as_of], features=ALL_FEATURES, shop=Shop.of(settings)
    ).reset_index(drop=True)


def outputs_of(
    connection: duckdb.DuckDBPyConnection,
    frame: pd.DataFrame,
    champions: Champions,
    *,
    as_of: datetime,
    shop: Shop,
) -> Told:
    """Compute all outputs of the customers of `frame`, each in its order.

    A champion that does not fit these features is as if it were not there; the reason says so.
    """
    kinds = kinds_of(champions)
    lacking = missing_of(champions)
    told = Told(
        outputs={name: [None] * len(frame) for name in kinds},
        why={name: [lacking.get(name, "")] * len(frame) for name in kinds},
    )
    made = _Maker(connection, frame, champions, as_of, shop)
    for name, outputs in _outputs_by_model(champions).items():
        if name == registered.RECOMMENDER or name not in champions.models:
            continue
        try:
            told.add(made.by(name, champions.models[name], outputs))
        except SendwiseError as error:
            again = f"train it again: `sendwise train {registered.trained_by(name)}`"
            why = f"the champion cannot be used ({str(error).rstrip('.')}): {again}"
            told.add(Told(why={output: [why] * len(frame) for output in outputs}))
    told.add(made.facts())
    for narrow, wide in _HELD:
        told.hold(narrow, wide)
    return told


@dataclass(frozen=True, slots=True)
class _Maker:
    """Lets one champion after the other say its outputs."""

    connection: duckdb.DuckDBPyConnection
    frame: pd.DataFrame
    champions: Champions
    as_of: datetime
    shop: Shop

    def by(self, name: str, loaded: LoadedModel, outputs: Sequence[str]) -> Told:
        """Return what the champion of this registered name says."""
        makers: dict[str, Callable[[LoadedModel], Told]] = {
            registered.CHURN: self._churn,
            registered.VALUE: self._value,
            registered.CLUSTERS: self._clusters,
            registered.SEND_TIME: self._send_time,
        }
        if name in makers:
            return makers[name](loaded)
        (output,) = outputs
        predicted = np.asarray(loaded.model.predict(self.frame), dtype=np.float64)
        told = numbers(pd.DataFrame({output: predicted}), {})
        said = reasons_of(loaded.model, self.frame, shop=self.shop)
        told.reasons[output] = ["; ".join(each) for each in said]
        return told

    def facts(self) -> Told:
        """Return what needs no model."""
        stages = lifecycle.stages(self.frame)
        rules = lifecycle.rules()
        tops = _top_categories(self.connection, self.frame, as_of=self.as_of)
        nothing = [""] * len(self.frame)
        stage = lifecycle.LIFECYCLE_STAGE
        told = numbers(self.frame[["recency_days", "orders_365d"]], {})
        told.outputs[stage], told.outputs["top_categories"] = [*stages], tops
        told.why.update({stage: nothing, "top_categories": nothing})
        told.reasons[stage] = [rules[each] for each in stages]
        if registered.VALUE not in self.champions.models:
            known = numbers(value.known_of(self.frame), _UNDEFINED)
            told.add(known)
        return told

    def _churn(self, loaded: LoadedModel) -> Told:
        found = loaded.model.predict(self.frame)
        told = numbers(found[list(_OF_CHURN)], {})
        windows = found[churn_outputs.WINDOW].tolist()
        silence = self._said("recency_days", "gap_mean_days")
        told.reasons[churn_outputs.P_CHURN] = [
            f"{said}; gone after {window:.0f} days without an order"
            for said, window in zip(silence, windows, strict=True)
        ]
        for output, column in _DAYS_AHEAD.items():
            days = found[column].to_numpy(dtype=np.float64)
            told.outputs[output] = dates(self.as_of, days)
            told.why[output] = np.where(np.isnan(days), _UNDEFINED[output], "").tolist()
        return told

    def _value(self, loaded: LoadedModel) -> Told:
        told = numbers(loaded.model.predict(self.frame), _UNDEFINED)
        said = self._said("orders_365d", "order_value_minor_365d", "recency_days")
        told.reasons[value.EXPECTED_SPEND_90D] = said
        return told

    def _said(self, *features: str) -> list[str]:
        """Return what these features say of each customer, in words."""
        columns = [
            [told_of(name, each, self.shop) for each in self.frame[name].tolist()]
            for name in features
        ]
        return ["; ".join(words) for words in zip(*columns, strict=True)]

    def _clusters(self, loaded: LoadedModel) -> Told:
        model = loaded.model
        if not isinstance(model, Clusters):
            return Told()
        frame = self.frame[[c.CUSTOMER_ID, *names(CLUSTERS)]]
        wide = with_shares(self.connection, frame, as_of=self.as_of, keys=model.departments)
        placed = model.place(wide)
        traits = {each.name: list(each.traits) for each in model.clusters}
        told = numbers(placed[["cluster_margin"]], {})
        clusters = placed["cluster"].tolist()
        told.outputs["cluster"] = clusters
        told.outputs["cluster_traits"] = [traits[name] for name in clusters]
        told.outputs["cluster_outlier"] = [*placed["cluster_outlier"].astype(bool).tolist()]
        told.why.update(dict.fromkeys(_CLUSTER, [""] * len(frame)))
        told.reasons["cluster"] = [", ".join(traits[name]) for name in clusters]
        return told

    def _send_time(self, loaded: LoadedModel) -> Told:
        model = loaded.model
        if not isinstance(model, SendTime):
            return Told()
        frame = with_reading(
            self.connection, self.frame, as_of=self.as_of, shop=self.shop, delays=model.delays
        )
        told = numbers(model.predict(frame), {})
        told.why.update({str(n): each.tolist() for n, each in model.reasons(frame).items()})
        return told


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


def _described(champions: Champions) -> tuple[Cluster, ...]:
    loaded = champions.models.get(registered.CLUSTERS)
    model = loaded.model if loaded else None
    return model.clusters if isinstance(model, Clusters) else ()


def _top_categories(
    connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, *, as_of: datetime
) -> list[Value]:
    pairs = affinity(connection, by="department", as_of=as_of)  # sorted, strongest first
    best = pairs[pairs.groupby(c.CUSTOMER_ID, sort=False).cumcount() < TOP_CATEGORIES]
    lists = best.groupby(c.CUSTOMER_ID, sort=False)["department"].agg(list).to_dict()
    return [lists.get(customer_id, []) for customer_id in frame[c.CUSTOMER_ID]]
