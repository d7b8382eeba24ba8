"""Who moved from one lifecycle stage to another since the snapshot before."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from core import columns as c
from core.errors import NotReadyError
from core.files import new_file
from core.settings import Settings
from pipelines.outcome import Sheet
from profiles.snapshot import Manifest, current_id, find_snapshot
from segmentation.lifecycle import LIFECYCLE_STAGE
from segmentation.transitions import FROM, TO, transition_events, transitions

FOLDER: Final = "transitions"
_NEWCOMERS: Final = "(not there)"


def snapshot_before(settings: Settings) -> Manifest | None:
    """Return the current snapshot, before another takes its place; None without one."""
    try:
        return find_snapshot(settings.home, current_id(settings.home))
    except NotReadyError:
        return None


def stage_moves(settings: Settings, before: Manifest | None, after: Manifest) -> list[Sheet]:
    """Write who moved as events of the contract, and return a table of them, if it can be told.

    The events, "Lifecycle Stage Changed", go to `transitions/` in the workspace, one file for each
    pair of snapshots: for a sender's flows, and for whoever imports them.

    Args:
        settings: The workspace.
        before: The snapshot before.
        after: The one that took its place.
    """
    if before is None or before.as_of >= after.as_of:
        return []
    earlier, later = (_stages(settings.home / "snapshots" / one.id) for one in (before, after))
    if earlier is None or later is None:
        return []
    moved = transitions(earlier, later, at=after.as_of)
    target = settings.home / FOLDER / f"{before.as_of:%Y%m%dT%H%M%S}-{after.as_of:%Y%m%dT%H%M%S}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with new_file(target.with_suffix(".parquet")) as aside:
        transition_events(moved).to_parquet(aside, index=False)
    counts = moved.value_counts([FROM, TO]).reset_index(name="customers")
    counts[FROM] = counts[FROM].replace("", _NEWCOMERS)
    title = f"Who moved since {before.as_of:%Y-%m-%d} (events: {target}.parquet)"
    return [
        Sheet(title=title, columns=("from", "to", "customers"), rows=counts.to_numpy().tolist())
    ]


def _stages(folder: Path) -> pd.DataFrame | None:
    """Return the stages of who has one: a snapshot of an earlier version may have none."""
    path = folder / "scores.parquet"
    try:
        stages = pd.read_parquet(path, columns=[c.CUSTOMER_ID, LIFECYCLE_STAGE])
    except (OSError, ValueError, KeyError):
        return None
    return stages.dropna().reset_index(drop=True)
