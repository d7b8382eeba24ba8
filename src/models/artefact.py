"""A registered model is a folder of open files: `meta.json` plus what its class writes.

No pickle: a folder holds LightGBM text, arrays (`.npz`) and JSON, so that opening one can
never run foreign code, and no customer rows. MLflow finds the folder through `_load_pyfunc`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, Self, cast

import pandas as pd

from core.errors import DataError, NotReadyError, SendwiseError

META: Final = "meta.json"

# Named, not imported: loading a rule must not load LightGBM, nor serving the trainers' needs.
# The table is closed, so that a tampered meta.json cannot name a class of its own.
KINDS: Final[Mapping[str, str]] = {
    "propensity": "models.propensity:PropensityModel",
    "recency": "models.rules:Recency",
    "rfm-sum": "models.rules:RfmSum",
    "logistic": "models.rules:Logistic",
    "past-answers": "models.rules:PastAnswers",
    "bg-nbd": "models.bg_nbd:BgNbdRule",
    "clusters": "models.clusters:Clusters",
    "recommender": "models.recommender:Recommender",
    "send-time": "models.send_time:SendTime",
    "value": "models.value:ValueModel",
    "past-spend": "models.value_rules:PastSpend",
    "rfm-value": "models.value_rules:RfmValue",
    "churn": "models.churn:ChurnModel",
    "churn-rule": "models.churn_rules:ChurnRule",
}


class Artefact(Protocol):
    """What every model that can be registered is able to do."""

    kind: ClassVar[str]

    def save(self, folder: Path) -> None:
        """Write the model's files into the existing `folder`, in open formats."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        ...

    def predict(self, frame: pd.DataFrame) -> Any:  # noqa: ANN401  # probabilities, labels or lists
        """Answer one row of output per row of `frame`."""
        ...


def save_model(model: Artefact, folder: Path, *, meta: Mapping[str, object]) -> None:
    """Write `model` and its `meta.json` into `folder`, which is made when it is not there.

    Args:
        model: A model whose `kind` is in `KINDS`.
        folder: Empty or absent.
        meta: What a reader wants to know: registered name, features, cut-off. JSON-able.

    Raises:
        DataError: The kind is unknown, or `folder` already holds something.
    """
    if model.kind not in KINDS:
        raise DataError(f"no model of kind {model.kind!r}; known are {sorted(KINDS)}.")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise DataError(f"{folder} is not empty; a model is saved into a folder of its own.")
    model.save(folder)
    text = json.dumps({**meta, "kind": model.kind}, indent=1, sort_keys=True, default=str)
    (folder / META).write_text(text + "\n", encoding="utf-8")


def read_meta(folder: Path) -> dict[str, Any]:
    """Read what a model's folder says about itself.

    Raises:
        NotReadyError: There is no model in `folder`.
        DataError: Its `meta.json` cannot be read.
    """
    path = folder / META
    if not path.is_file():
        raise NotReadyError(f"no model in {folder}. Train one: `sendwise train`.")
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}). Train the model again.") from None
    return cast("dict[str, Any]", meta)


def load_model(folder: Path) -> Artefact:
    """Read the model in `folder`, whatever its kind.

    Raises:
        NotReadyError: There is no model in `folder`.
        DataError: Its kind is unknown to this version of sendwise, or its files cannot be read:
            they are damaged, or of another version.
    """
    kind = str(read_meta(folder).get("kind"))
    if kind not in KINDS:
        raise DataError(
            f"{folder} holds a model of kind {kind!r}; this version knows {sorted(KINDS)}. "
            "Update sendwise, or train the model again."
        )
    module, _, name = KINDS[kind].partition(":")
    model_class: type[Artefact] = getattr(import_module(module), name)
    try:
        return model_class.load(folder)
    except SendwiseError:
        raise
    except Exception as error:  # JSON, arrays, LightGBM's text: each reader has errors of its own
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DataError(
            f"the {kind} model in {folder} cannot be read ({reason}): it is damaged, or of another "
            "version of sendwise. Train it again."
        ) from error


def _load_pyfunc(data_path: str) -> Artefact:
    """Open a logged model for `mlflow.pyfunc.load_model`, which calls `.predict(frame)`."""
    return load_model(Path(data_path))
