"""The last good models on disk, so that serving starts and goes on without MLflow.

`home/bundles/models/NAME/VERSION/` is a copy of a registered model's folder; the file
`current` beside it names the version that was champion when the registry last answered.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.errors import NotReadyError
from core.files import new_file
from models.artefact import META, Artefact, load_model, read_meta

CURRENT: Final = "current"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A champion, ready to predict. `stale` says that the registry did not answer."""

    name: str
    version: str
    model: Artefact
    meta: dict[str, Any]
    stale: bool = False


def folder_of(home: Path, name: str) -> Path:
    """Return where the versions of the model `name` are kept."""
    return home / "bundles" / "models" / name


def last_good(home: Path, name: str) -> LoadedModel:
    """Load the version of `name` that was champion last, without asking the registry.

    Raises:
        NotReadyError: No champion of `name` has been kept yet.
    """
    version = kept_version(home, name)
    if version is None:
        raise NotReadyError(f"no champion of {name} in {home}. Run `sendwise train` first.")
    return load(home, name, version, stale=True)


def load(home: Path, name: str, version: str, *, stale: bool = False) -> LoadedModel:
    """Load one kept version of `name`.

    Raises:
        NotReadyError: That version has not been kept.
    """
    folder = folder_of(home, name) / version
    return LoadedModel(name, version, load_model(folder), read_meta(folder), stale)


def holds(home: Path, name: str, version: str, run_id: str) -> bool:
    """Tell whether exactly this version is kept: another registry numbers its own from 1, too."""
    folder = folder_of(home, name) / version
    return (folder / META).is_file() and read_meta(folder).get("run_id") == run_id


def are_current(home: Path) -> bool:
    """Tell whether the champions of the workspace's own registry are just those that are kept.

    MLflow needs seconds to be imported and to open its database; its table of aliases is read in
    a millisecond. Where it cannot be read so, the answer is no, and MLflow itself is asked.
    """
    query = (
        "SELECT name, version, run_id FROM registered_model_aliases"
        " JOIN model_versions USING (name, version) WHERE alias = 'champion'"
    )
    try:
        with closing(sqlite3.connect(f"file:{home / 'mlflow.db'}?mode=ro", uri=True)) as registry:
            champions = registry.execute(query).fetchall()
    except sqlite3.Error:
        return False
    return all(
        holds(home, name, str(version), run_id) and kept_version(home, name) == str(version)
        for name, version, run_id in champions
    )


def keep(home: Path, name: str, version: str, source: Path) -> None:
    """Move the complete model folder `source` into place as `version`, in one step.

    `source` must be on the same file system: make it with `aside`.
    """
    folder = folder_of(home, name) / version
    if folder.exists():  # of another registry
        old = folder.with_name(f".old-{os.getpid()}")
        folder.rename(old)
        shutil.rmtree(old)
    source.rename(folder)


def aside(home: Path, name: str) -> Path:
    """Make an empty folder to prepare a bundle in; the caller removes it."""
    folder = folder_of(home, name) / f".aside-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def point_at(home: Path, name: str, version: str) -> None:
    """Make `version` the one that `last_good` loads."""
    if kept_version(home, name) == version:
        return
    with new_file(folder_of(home, name) / CURRENT) as aside:
        aside.write_text(f"{version}\n", encoding="utf-8")


def kept_version(home: Path, name: str) -> str | None:
    """Return the version of `name` that was champion last, None where none has been kept."""
    pointer = folder_of(home, name) / CURRENT
    return pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else None


def kept_names(home: Path) -> list[str]:
    """Return the names of the models of which a champion has been kept."""
    pointers = (home / "bundles" / "models").glob(f"*/{CURRENT}")
    return sorted(pointer.parent.name for pointer in pointers)
