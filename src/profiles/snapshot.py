"""Snapshots: features, scores and product lists of every customer as of one instant.

A snapshot is a folder that never changes. It is written aside, renamed into place, and then
the pointer file `current` is swapped, so a reader sees the old one or the new one, never a
half. Its ID is made of `as_of` and a digest of what went in: the same inputs, the same ID.

    snapshots/current            the ID that counts
    snapshots/ID/manifest.json   what this is: versions, clusters, lists for everybody
    snapshots/ID/scores.parquet  one row per customer, for people and reports
    snapshots/ID/lists.parquet   one row per customer, slot and rank
    snapshots/ID/serving.db      customer -> profile, product -> neighbours: indexed reads
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import orjson
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import DataError, NotReadyError
from core.files import new_file, new_folder
from core.ids import digest
from profiles.filling import fill
from profiles.products import Item, Products
from profiles.profile import (
    BUY_AGAIN,
    NEW_ARRIVALS,
    NEW_FOR_YOU,
    TRENDING,
    Pick,
    Profile,
    Value,
    unpack,
)

__all__ = [
    "BUY_AGAIN",
    "NEW_FOR_YOU",
    "Manifest",
    "Pick",
    "Profile",
    "Snapshot",
    "Value",
    "current_id",
    "find_snapshot",
    "open_snapshot",
    "point_to",
    "prune",
    "snapshot_id",
    "write_snapshot",
]

_MAPPED: Final = 2**32  # bytes of a snapshot that are read without copying
KEPT: Final = 3  # snapshots: the current one, and some to go back to


class Manifest(BaseModel):
    """What a snapshot is and what it was made from."""

    model_config = ConfigDict(frozen=True)

    id: str
    as_of: datetime
    model_versions: dict[str, str] = Field(description="Registered name -> version used.")
    customers: int
    outputs: tuple[str, ...] = Field(description="Names of the outputs profiles may have.")
    clusters: dict[str, dict[str, object]] = Field(
        default_factory=dict, description="Cluster name -> its traits, size and medians."
    )
    popular: tuple[Pick, ...] = Field(default=(), description="Best first, for everybody.")
    popular_by_cluster: dict[str, tuple[Pick, ...]] = Field(default_factory=dict)
    trending: tuple[Pick, ...] = Field(default=(), description="Sells better than it did.")
    new_arrivals: tuple[Pick, ...] = Field(default=(), description="Of late in the shop.")


def snapshot_id(as_of: datetime, inputs: Mapping[str, object]) -> str:
    """Return the name of the snapshot that `inputs` (JSON-able) make as of `as_of`."""
    return f"{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest(as_of.astimezone(UTC), inputs)}"


def find_snapshot(home: Path, identity: str) -> Manifest | None:
    """Return the manifest of the snapshot `identity`, or None if it was never finished."""
    path = home / "snapshots" / identity / "manifest.json"
    return _read_manifest(path) if path.is_file() else None


def write_snapshot(
    home: Path,
    manifest: Manifest,
    profiles: Iterable[Profile],
    *,
    scores_schema: pa.Schema | None = None,
    items: Iterable[Item] = (),
) -> Manifest:
    """Write a snapshot under `home` and make it the current one.

    Memory stays flat: `profiles` is read in batches. A snapshot of this ID that is there
    already is kept, and only becomes current again. Old ones are removed: see `prune`.

    Args:
        home: The workspace.
        manifest: Its `customers` is counted here; the rest is taken as given.
        profiles: Every customer once, in any order.
        scores_schema: Types of features and outputs in scores.parquet (without
            `customer_id`). Without it, those of the first batch.
        items: Every product once, what sells best first.

    Returns:
        The manifest as written.

    Raises:
        DataError: A customer or product comes twice, or a value does not fit its column.
    """
    root = home / "snapshots"
    target = root / manifest.id
    if (known := find_snapshot(home, manifest.id)) is None:
        with new_folder(target) as aside:
            known = _fill(aside, manifest, profiles, scores_schema, items)
    point_to(home, manifest.id)
    prune(home)
    return known


def point_to(home: Path, identity: str) -> None:
    """Make the finished snapshot `identity` the current one, at once and for all readers."""
    if find_snapshot(home, identity) is None:
        raise NotReadyError(f"no snapshot {identity} in {home}. Run `sendwise score` first.")
    with new_file(home / "snapshots" / "current") as aside:
        aside.write_text(f"{identity}\n", encoding="utf-8")


def prune(home: Path, *, keep: int = KEPT) -> list[str]:
    """Remove old snapshots, which are personal data, and return their IDs.

    The current one and the newest others stay, `keep` in all. A service that still reads a
    removed one goes on doing so: an open file outlives its name (on POSIX systems).
    """
    root, current = home / "snapshots", current_id(home)
    others = [path for path in root.glob("[!.]*") if path.is_dir() and path.name != current]
    others.sort(key=lambda path: (_written_ns(path), path.name), reverse=True)
    removed = others[keep - 1 :]
    for path in removed:
        # First of all: a folder that was removed by half must not pass for a snapshot.
        (path / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(path)
    return [path.name for path in removed]


def current_id(home: Path) -> str:
    """Return the ID of the current snapshot.

    Raises:
        NotReadyError: There is none yet, or the pointer is damaged.
    """
    pointer = home / "snapshots" / "current"
    try:
        text = pointer.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise NotReadyError(f"no snapshot in {home}. Run `sendwise score` first.") from None
    except UnicodeDecodeError:
        text = ""
    if not re.fullmatch(r"[\w-]+", text) or not (pointer.parent / text).is_dir():
        raise NotReadyError(f"{pointer} names no snapshot that is there. Run `sendwise score`.")
    return text


def open_snapshot(home: Path) -> Snapshot:
    """Open the current snapshot of the workspace `home`.

    Raises:
        NotReadyError: There is none yet, or its pointer or files are damaged.
    """
    return Snapshot(home / "snapshots" / current_id(home))


class Snapshot:
    """Reads one snapshot. May be shared by threads; stays valid when a newer one is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = _read_manifest(folder / "manifest.json")
        path = (folder / "serving.db").absolute()
        try:
            # Immutable: SQLite takes no locks and looks for no journal, so reads never wait.
            self._store = sqlite3.connect(
                f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            # The system keeps what is read often; a file that never changes may be shared so.
            self._store.execute(f"PRAGMA mmap_size = {_MAPPED}")
            self._store.execute("SELECT customer_id, body FROM profile LIMIT 1").fetchone()
            self.products = Products(self._store)
        except sqlite3.Error as error:
            raise NotReadyError(
                f"{path} cannot be read ({error}). Delete {folder} and run `sendwise score` again."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._store.close()

    def profile(self, customer_id: str) -> Profile | None:
        """Return what is known of a customer, or None if the snapshot does not know them."""
        row = self._store.execute(
            "SELECT body FROM profile WHERE customer_id = ?", (customer_id,)
        ).fetchone()
        return unpack(customer_id, row[0]) if row else None

    def profiles(self, customer_ids: Iterable[str]) -> dict[str, Profile]:
        """Return the profiles of those customers the snapshot knows, in one read."""
        rows = self._store.execute(
            "SELECT customer_id, body FROM profile"
            " WHERE customer_id IN (SELECT value FROM json_each(?))",
            (orjson.dumps(list(customer_ids)).decode(),),
        )
        return {customer_id: unpack(customer_id, body) for customer_id, body in rows}

    def customer_ids(self) -> Iterator[str]:
        """Return every customer of the snapshot, in order."""
        rows = self._store.execute("SELECT customer_id FROM profile ORDER BY customer_id")
        return (customer_id for (customer_id,) in rows)

    def common(self, slot: str) -> Sequence[Pick]:
        """Return one of the lists for everybody, trending or new arrivals; else nothing."""
        if slot not in (TRENDING, NEW_ARRIVALS):
            return ()
        picks: tuple[Pick, ...] = getattr(self.manifest, slot)
        return picks

    def popular(self, cluster: str | None = None) -> list[Pick]:
        """Return what is popular in a cluster, nothing for an unknown one; None: with everybody."""
        by_cluster = self.manifest.popular_by_cluster
        return list(self.manifest.popular if cluster is None else by_cluster.get(cluster, ()))


def _fill(
    folder: Path,
    manifest: Manifest,
    profiles: Iterable[Profile],
    schema: pa.Schema | None,
    items: Iterable[Item],
) -> Manifest:
    try:
        count = fill(folder, profiles, outputs=manifest.outputs, schema=schema, items=items)
    except DataError as error:
        raise DataError(f"snapshot {manifest.id} cannot be written: {error}") from None
    written = manifest.model_copy(update={"customers": count})
    (folder / "manifest.json").write_bytes(
        orjson.dumps(written.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    )
    return written


def _written_ns(folder: Path) -> int:
    try:
        return (folder / "manifest.json").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _read_manifest(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise NotReadyError(f"{path} is missing. Run `sendwise score` again.") from None
    except ValidationError as error:
        raise NotReadyError(
            f"{path} is damaged ({error.error_count()} errors). "
            f"Delete {path.parent} and run `sendwise score` again."
        ) from None
