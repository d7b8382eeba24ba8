"""Files of the workspace whose change says that there is something new to serve."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from models.registered import PROPENSITY


def champion_pointer(root: Path) -> Path:
    """Return the file that names the propensity champion kept under `root` (`models.bundles`)."""
    return root / "bundles" / "models" / PROPENSITY / "current"


def mark(paths: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a file is replaced: cheap to take, never read."""
    marks = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        marks.append((str(path), status.st_mtime_ns, status.st_ino))
    return tuple(marks)
