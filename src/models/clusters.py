"""Clusters of customers: which one a customer belongs to, and what that means in words.

K-means on ranks: every feature is replaced by its quantile among the customers learnt from,
because raw money and counts have tails so long that k-means would only split off the tail.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import MissingColumnsError
from features.affinity import SHARE_PREFIX
from features.definitions.orders import BASKET_LINES, DISCOUNT_SHARE
from features.registry import ORDER_VALUE, ORDERS

Floats = NDArray[np.float64]

_ARRAYS: Final = "clusters.npz"
_WORDS: Final = "clusters.json"
_KNOTS: Final = 200
_UNKNOWN: Final = 0.5  # the rank of a missing value: in the middle
# Of the orders of the last 90 days: who has none has a default here, which measures nothing.
_OF_LATE: Final = (BASKET_LINES.name, ORDER_VALUE.name, DISCOUNT_SHARE.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster in words and medians."""

    label: int  # from 0, the most valuable first; after a refit that of the cluster it continues
    name: str
    traits: tuple[str, ...]
    share: float  # of the customers learnt from
    profile: Mapping[str, float] = field(default_factory=dict)  # feature -> median


@dataclass(frozen=True, slots=True)
class QuantileScale:
    """Turns values into ranks between 0 and 1, column by column, and weighs the columns.

    Attributes:
        knots: Shape (_KNOTS, n_columns): evenly spaced quantiles of each column, inner ones
            only, so that no single customer's extreme is kept.
        weights: Shape (n_columns,): how far apart the two ends of a column are.
    """

    knots: Floats
    weights: Floats

    @classmethod
    def fit(cls, values: Floats, weights: Floats) -> Self:
        """Learn the quantiles of `values`, shape (n, n_columns); gaps (nan) are left out."""
        steps = (np.arange(_KNOTS) + 0.5) / _KNOTS
        known = [column[~np.isnan(column)] for column in values.T]
        knots = [np.quantile(each, steps) if len(each) else np.zeros(_KNOTS) for each in known]
        return cls(np.stack(knots, axis=1), weights)

    def ranks(self, values: Floats) -> Floats:
        """Return where each value stands among those learnt from; ties stand in their middle."""
        ranks = np.empty_like(values)
        for number, (knots, column) in enumerate(zip(self.knots.T, values.T, strict=True)):
            below = np.searchsorted(knots, column, side="left")
            reached = np.searchsorted(knots, column, side="right")
            ranks[:, number] = (below + reached) / (2 * _KNOTS)
        ranks[np.isnan(values)] = _UNKNOWN
        return ranks

    def scale(self, values: Floats) -> Floats:
        """Return weighted ranks: the space in which distances are taken."""
        return self.ranks(values) * self.weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """The fitted clusters. `predict` needs the columns `features`, in any order."""

    kind: ClassVar[str] = "clusters"
    features: tuple[str, ...]
    scale: QuantileScale
    centres: Floats  # shape (k, n_features), in weighted ranks
    radii: Floats  # shape (k,): how far from its centre a cluster reaches; nan: not known
    clusters: tuple[Cluster, ...]  # in the order of the centres
    shop: Mapping[str, float] = field(default_factory=dict)  # feature -> median of everybody

    @property
    def departments(self) -> list[str]:
        """The departments whose shares the model wants: `features.affinity_shares(keys=...)`."""
        prefixed = (name for name in self.features if name.startswith(SHARE_PREFIX))
        return [name.removeprefix(SHARE_PREFIX) for name in prefixed]

    def predict(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        """Return the label of the nearest cluster for each row; a gap counts as average.

        Raises:
            MissingColumnsError: A feature is not there.
        """
        return self._labels[nearest(self.points(frame), self.centres)]

    def names(self, labels: NDArray[np.int64]) -> list[str]:
        """Return the cluster's name for each label."""
        by_label = {cluster.label: cluster.name for cluster in self.clusters}
        return [by_label[label] for label in labels.tolist()]

    def place(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return which cluster each row belongs to, and how clearly.

        Returns:
            One row per row of `frame`, with its index: `label`; `cluster`, its name;
            `cluster_margin`, how much nearer the own centre is than the second, 0 (on the
            border) to 1 (at the centre); `cluster_outlier`, whether it lies further out than
            99 % of the members learnt from.

        Raises:
            MissingColumnsError: A feature is not there.
        """
        distances = np.sqrt(squared_distances(self.points(frame), self.centres))
        own = distances.argmin(axis=1)
        first, second = np.partition(distances, 1, axis=1)[:, :2].T
        labels = self._labels[own]
        return pd.DataFrame(
            {
                "label": labels,
                "cluster": self.names(labels),
                "cluster_margin": 1 - first / np.where(second > 0, second, 1.0),
                "cluster_outlier": first > self.radii[own],
            },
            index=frame.index,
        )

    def points(self, frame: pd.DataFrame) -> Floats:
        """Return where each row lies in weighted ranks, shape (n, n_features).

        Raises:
            MissingColumnsError: A feature is not there.
        """
        if absent := set(self.features) - set(frame.columns):
            raise MissingColumnsError("models.clusters", absent, map(str, frame.columns))
        return self.scale.scale(measured(frame, self.features))

    @property
    def _labels(self) -> NDArray[np.int64]:
        return np.array([cluster.label for cluster in self.clusters], np.int64)

    def save(self, folder: Path) -> None:
        """Write arrays and words into `folder`."""
        np.savez(
            folder / _ARRAYS,
            knots=self.scale.knots,
            weights=self.scale.weights,
            centres=self.centres,
            radii=self.radii,
        )
        words = {
            "features": self.features,
            "shop": dict(self.shop),
            "clusters": [asdict(cluster) for cluster in self.clusters],
        }
        text = json.dumps(words, indent=1, ensure_ascii=False)
        (folder / _WORDS).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        words = json.loads((folder / _WORDS).read_text(encoding="utf-8"))
        with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
            scale = QuantileScale(arrays["knots"], arrays["weights"])
            centres = arrays["centres"]
            # Versions of before 2026-11-29 flag no outliers.
            radii = arrays.get("radii", np.full(len(centres), np.nan))
        return cls(
            features=tuple(words["features"]),
            scale=scale,
            centres=centres,
            radii=radii,
            clusters=tuple(
                Cluster(**{**entry, "traits": tuple(entry["traits"])})
                for entry in words["clusters"]
            ),
            shop=words["shop"],
        )


def measured(frame: pd.DataFrame, features: Sequence[str]) -> Floats:
    """Return the features as they were measured, shape (n, n_features).

    Baskets and discounts of a customer without an order in the last 90 days are gaps: a basket
    of nothing would make everybody who stays away a buyer of little, at full price.
    """
    values = frame[list(features)].to_numpy(dtype=np.float64, copy=True)
    of_late = np.isin(features, _OF_LATE)
    if of_late.any():
        values[np.ix_(is_quiet(frame), of_late)] = np.nan
    return values


def is_quiet(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Say of each customer whether they ordered nothing in the last 90 days."""
    quiet: NDArray[np.bool_] = frame[ORDERS[1].name].to_numpy(dtype=np.float64) == 0
    return quiet


def nearest(points: Floats, centres: Floats) -> NDArray[np.int64]:
    """Return the number of the nearest centre for each point; the lower one of a tie."""
    labels: NDArray[np.int64] = squared_distances(points, centres).argmin(axis=1)
    return labels


def squared_distances(points: Floats, centres: Floats) -> Floats:
    """Return the squared distance of each point to each centre, shape (n, k)."""
    lengths = (points**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1)
    squared: Floats = np.maximum(lengths - 2 * points @ centres.T, 0.0)
    return squared
