"""A small model, and a training that registers it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from core.settings import Settings
from models import registry, tracking
from models.clusters import Cluster, Clusters, QuantileScale

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
FRAME = pd.DataFrame({"orders_90d": [90.0, 5.0]})


def small_model() -> Clusters:
    """Two clusters: of `FRAME`, the first customer is in 0, the second in 1."""
    return Clusters(
        features=("orders_90d",),
        scale=QuantileScale.fit(np.arange(100.0)[:, None], np.array([1.0])),
        centres=np.array([[0.8], [0.2]]),
        radii=np.array([0.2, 0.2]),
        clusters=(
            Cluster(label=0, name="Frequent", traits=("frequent",), share=0.5),
            Cluster(label=1, name="Occasional", traits=("occasional",), share=0.5),
        ),
    )


def register(
    settings: Settings,
    name: str,
    *,
    promote: bool,
    fingerprint: str = "f",
    tags: Mapping[str, object] | None = None,
) -> str:
    """Register the small model in a run of its own; return the version."""
    with tracking.start_run(
        settings, model=name, as_of=AS_OF, params={"trials": 2}, tags={}
    ) as run:
        version = run.register(
            small_model(),
            meta={"as_of": AS_OF.isoformat()},
            features={"orders_90d": "float64"},
            tags={"fingerprint": fingerprint, **(tags or {})},
        )
        registry.admit(settings, name, version, promote=promote)
    return version
