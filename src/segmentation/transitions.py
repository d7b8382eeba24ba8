"""Who moved from one lifecycle stage to another between two days, as a table and as events."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from core import columns as c
from core.clock import to_us
from core.errors import DataError, MissingColumnsError
from ingest.contract import EVENTS
from segmentation.lifecycle import LIFECYCLE_STAGE, STAGES

# Ours. The contract allows names of one's own; they count for nothing in features.
STAGE_CHANGED: Final = "Lifecycle Stage Changed"
SOURCE: Final = "sendwise"
FROM, TO, AT_US = "from_stage", "to_stage", "at_us"
NOBODY: Final = ""  # the stage before of who was not there


def transitions(before: pd.DataFrame, after: pd.DataFrame, *, at: datetime) -> pd.DataFrame:
    """Return who is in another stage than before.

    Args:
        before: `customer_id` and `lifecycle_stage` as of an earlier instant.
        after: The same as of `at`.
        at: Timezone-aware instant of the later stages.

    Returns:
        `customer_id`, `from_stage` (empty: was not there), `to_stage`, `at_us`, sorted by
        customer. Who is no longer there has no row.

    Raises:
        MissingColumnsError: A column is not there.
        DataError: A customer is there twice, or a stage is none of `STAGES`.
    """
    earlier, later = _checked(before), _checked(after)
    was = earlier.reindex(later.index).fillna(NOBODY)
    moved = (was != later).to_numpy()
    table = pd.DataFrame(
        {FROM: was[moved], TO: later[moved], AT_US: np.int64(to_us(at))}, index=later.index[moved]
    )
    return table.rename_axis(c.CUSTOMER_ID).sort_index().reset_index()


def transition_events(moved: pd.DataFrame) -> pd.DataFrame:
    """Return transitions as events of the contract, one each; the same move is the same event.

    Args:
        moved: What `transitions` returns.

    Returns:
        The columns of `ingest.contract.EVENTS`; `properties` has `from` and `to` as JSON.
    """
    at = moved[AT_US].astype("int64")
    properties = {
        (was, now): json.dumps({"from": was or None, "to": now}, separators=(",", ":"))
        for was in (NOBODY, *STAGES)
        for now in STAGES
    }
    pairs = pd.MultiIndex.from_frame(moved[[FROM, TO]])
    given = {
        "event_id": "lifecycle-" + at.astype(str) + "-" + moved[c.CUSTOMER_ID].astype(str),
        c.CUSTOMER_ID: moved[c.CUSTOMER_ID],
        "event": STAGE_CHANGED,
        "ts_us": at,
        "received_us": at,
        "source": SOURCE,
        "is_machine": False,
        "properties": pairs.map(properties).to_numpy(dtype=object),
    }
    return pd.DataFrame({name: given.get(name) for name in EVENTS.names}, index=moved.index)


def _checked(frame: pd.DataFrame) -> pd.Series[str]:
    if absent := {c.CUSTOMER_ID, LIFECYCLE_STAGE} - set(frame.columns):
        raise MissingColumnsError("segmentation.transitions", absent, map(str, frame.columns))
    stage = frame.set_index(c.CUSTOMER_ID)[LIFECYCLE_STAGE].astype(object)
    if stage.index.has_duplicates:
        raise DataError("a customer is there twice, and can be in one stage only.")
    if unknown := sorted(set(stage.map(str)) - set(STAGES)):
        raise DataError(f"unknown lifecycle stages {unknown}; there are {', '.join(STAGES)}.")
    return stage
