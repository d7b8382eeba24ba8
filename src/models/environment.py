"""What a model was made with: Python and the libraries that its figures may depend on."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Final

LIBRARIES: Final = (
    "sendwise",
    "lightgbm",
    "scikit-learn",
    "optuna",
    "numpy",
    "scipy",
    "pandas",
    "duckdb",
    "mlflow",
)


def environment() -> dict[str, str]:
    """Return name -> version of Python and of the libraries, and the kind of machine."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in LIBRARIES},
    }
