"""Labels and names that survive a refit: each new cluster continues the old one it is.

Refitted clusters come in any order, and a name may turn on a hair: without matching, a refit
that finds nearly the same groups would send most customers to a group of another name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from models.clusters import Cluster, Clusters, Floats

# Of the customers in either: below, the old cluster counts as dissolved (Hennig, "Cluster-wise
# assessment of cluster stability", CSDA 2007).
SAME: Final = 0.5


def matched(model: Clusters, previous: Clusters, frame: pd.DataFrame) -> Clusters:
    """Give clusters the labels of those they continue, and their names where these still hold.

    Args:
        model: Freshly fitted.
        previous: The model before it.
        frame: Today's customers, with the features of both models; what the previous one wants
            and nobody has any more, such as a department that shrank, is a gap.

    Returns:
        The same clusters. One that continues none has a label that the previous model does
        not use. A name holds while all it says is true of the cluster and no other has it.

    Source:
        Kuhn, "The Hungarian method for the assignment problem", 1955, on the Jaccard likeness
        of members.
    """
    likeness = overlap(model, previous, frame)
    pairs = zip(*linear_sum_assignment(likeness, maximize=True), strict=True)
    continued = {
        int(new): previous.clusters[old] for new, old in pairs if likeness[new, old] >= SAME
    }
    top = max(cluster.label for cluster in previous.clusters)
    free = iter(range(top + 1, top + 1 + len(model.clusters)))
    labels = [
        continued[new].label if new in continued else next(free)
        for new in range(len(model.clusters))
    ]
    names = _names(model.clusters, continued)
    clusters = tuple(
        replace(cluster, label=label, name=name)
        for cluster, label, name in zip(model.clusters, labels, names, strict=True)
    )
    return replace(model, clusters=clusters)


def overlap(model: Clusters, previous: Clusters, frame: pd.DataFrame) -> Floats:
    """Return the Jaccard likeness of members of each new cluster and each old one.

    Returns:
        Shape (clusters of `model`, clusters of `previous`), in the order of each; 0 to 1.
    """
    new, old = model.predict(frame), previous.predict(with_gaps(frame, previous))
    inside = new[:, None] == [cluster.label for cluster in model.clusters]
    before = old[:, None] == [cluster.label for cluster in previous.clusters]
    both = inside.T.astype(np.float64) @ before
    either = inside.sum(axis=0)[:, None] + before.sum(axis=0) - both
    likeness: Floats = both / np.where(either > 0, either, 1)
    return likeness


def with_gaps(frame: pd.DataFrame, model: Clusters) -> pd.DataFrame:
    """Return the customers as `model` reads them: a feature that is no more is a gap."""
    absent = sorted(set(model.features) - set(frame.columns))
    return frame.assign(**dict.fromkeys(absent, np.nan)) if absent else frame


def _names(clusters: Sequence[Cluster], continued: dict[int, Cluster]) -> list[str]:
    """Keep old names that hold; an old name that another cluster has now is given up."""
    fresh = [cluster.name for cluster in clusters]
    names = list(fresh)
    for new, old in continued.items():
        told = _words(", ".join((*clusters[new].traits, clusters[new].name)))
        if _words(old.name) <= told:
            names[new] = old.name
    while clashes := [
        new for new, name in enumerate(names) if name != fresh[new] and names.count(name) > 1
    ]:
        names[clashes[0]] = fresh[clashes[0]]
    return names


def _words(text: str) -> set[str]:
    return set(text.lower().split(", "))
