"""What models are registered as, what propensity looks ahead, and the output it fills.

Named once, in a module that imports nothing heavy: serving reads it before any model.
"""

from __future__ import annotations

from typing import Final

from core.clock import DAY

HORIZON: Final = 30 * DAY  # another horizon would be another model, under another name
WINDOW: Final = 30 * DAY  # that the recommender is tested on
PROPENSITY: Final = f"propensity-order-{HORIZON.days}d"
CLUSTERS: Final = "clusters"
RECOMMENDER: Final = "recommender"
MODELS: Final = (PROPENSITY, CLUSTERS, RECOMMENDER)

P_ORDER: Final = f"p_order_{HORIZON.days}d"
