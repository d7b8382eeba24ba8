"""Runs in MLflow, and the connection to it. With `experiment`, all of `src` that imports MLflow.

By default everything is in the workspace: SQLite in `mlflow.db`, files in `mlartifacts/`.
`SENDWISE_TRACKING_URI` names any MLflow server; without it `MLFLOW_TRACKING_URI` counts, so
that `mlflow run` and the programs around it see the same registry.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import mlflow.artifacts
import mlflow.pyfunc
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, LoggedModelStatus, Param
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.utils.git_utils import get_git_commit

from core.clock import to_us
from core.errors import UnavailableError
from core.settings import Settings, without_login
from models.artefact import Artefact, save_model
from models.experiment import experiment, forget, leave_note, started_by, tie
from models.reachable import knock

FINGERPRINT: Final = "fingerprint"
COMPLETE: Final = "complete"  # set last: a version without it is what an interruption left behind
_LONGEST_TAG: Final = 5_000  # characters: the least any of MLflow's stores takes
_MISSING: Final = "RESOURCE_DOES_NOT_EXIST"
_DTYPES: Final = {"category": DataType.string, "bool": DataType.boolean}


def address(settings: Settings) -> str:
    """Return the tracking and registry URI: the setting, MLflow's own variable, the workspace."""
    return settings.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or settings.mlflow_uri


def exists(settings: Settings) -> bool:
    """Tell whether there can be anything to read: a local database is made by the first run."""
    uri = address(settings)
    return not uri.startswith("sqlite:///") or Path(uri.removeprefix("sqlite:///")).is_file()


@contextmanager
def server(settings: Settings) -> Iterator[MlflowClient]:
    """Talk to MLflow: quietly, and with one clear error when it does not answer.

    MLflow resolves `models:/` through its process-wide address, so that is set here and put
    back: a notebook's own choice stays as it was.

    Raises:
        UnavailableError: The server or database does not answer, or gives an error.
    """
    uri = address(settings)
    knock(uri)
    was_set: bool = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]
    before = mlflow.get_tracking_uri() if was_set else None
    noisy = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in noisy]
    try:
        for logger in noisy:
            logger.setLevel(logging.ERROR)
        mlflow.set_tracking_uri(uri)
        yield MlflowClient()
    except (MlflowException, OSError) as error:
        if isinstance(error, UnavailableError):
            raise
        first_line = str(error).strip().splitlines()[0][:200]
        raise UnavailableError(
            f"MLflow at {without_login(uri)} does not do its part: {without_login(first_line)}. "
            "Start it, or check SENDWISE_TRACKING_URI."
        ) from error
    finally:
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None means: not set
        for logger, level in zip(noisy, levels, strict=True):
            logger.setLevel(level)


def missing(error: MlflowException) -> bool:
    """Tell whether MLflow answered that what was asked for does not exist."""
    return bool(error.error_code == _MISSING)


@dataclass(frozen=True, slots=True)
class Run:
    """One tracked training; everything it logs is about the model, nothing about a person."""

    settings: Settings
    run_id: str
    experiment_id: str
    name: str

    def params(self, params: Mapping[str, object]) -> None:
        """Log parameters; one that is there already stays (`mlflow run` logs its own)."""
        with server(self.settings) as client:
            known = client.get_run(self.run_id).data.params
            fresh = [Param(key, str(value)) for key, value in params.items() if key not in known]
            client.log_batch(self.run_id, params=fresh)

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Log the last value of each metric."""
        with server(self.settings) as client:
            for key, value in metrics.items():
                client.log_metric(self.run_id, key, float(value))

    def tags(self, tags: Mapping[str, object]) -> None:
        """Set tags on the run."""
        with server(self.settings) as client:
            for key, value in tags.items():
                client.set_tag(self.run_id, key, str(value))

    def describe(self, text: str) -> None:
        """Show `text` (Markdown) at the top of the run's page."""
        self.tags({"mlflow.note.content": text[:_LONGEST_TAG]})

    def figure(self, figure: Figure, file: str) -> None:
        """Keep a plot."""
        with server(self.settings) as client:
            client.log_figure(self.run_id, figure, f"plots/{file}")

    def text(self, text: str, file: str) -> None:
        """Keep a text file, e.g. the model card."""
        with server(self.settings) as client:
            client.log_text(self.run_id, text, file)

    def dataset(self, digest: str, *, cutoffs: Sequence[datetime], rows: int, source: str) -> None:
        """Log what was learnt from: MLflow's dataset entry, which its pages show."""
        profile = {"rows": rows, "cutoffs": [cutoff.isoformat() for cutoff in cutoffs]}
        entry = Dataset(
            name=self.name,
            digest=digest,
            source_type="local",
            source=json.dumps({"uri": source}),
            profile=json.dumps(profile),
        )
        with server(self.settings) as client:
            client.log_inputs(self.run_id, [DatasetInput(entry)])

    def register(
        self,
        model: Artefact,
        *,
        meta: Mapping[str, object],
        features: Mapping[str, str],
        tags: Mapping[str, object],
    ) -> str:
        """Log `model` as a pyfunc and make it the next version of this run's name.

        The version is there whole or not at all, but has no alias and is not complete yet.

        Args:
            model: What is registered.
            meta: Goes into the folder's `meta.json`.
            features: Name to dtype, for the signature; empty leaves the signature out.
            tags: Go onto the version.

        Returns:
            The version, a number as text.
        """
        with server(self.settings) as client, tempfile.TemporaryDirectory() as scratch:
            logged = client.create_logged_model(
                self.experiment_id, name=self.name, source_run_id=self.run_id
            )
            try:
                folder = Path(scratch) / "model"
                save_model(model, folder, meta={**meta, "name": self.name, "run_id": self.run_id})
                mlflow.pyfunc.save_model(
                    Path(scratch) / "pyfunc",
                    loader_module="models.artefact",
                    data_path=folder,
                    # The signature goes in here: as an argument it draws a warning that wants
                    # an example of the input, which would be a customer's row.
                    mlflow_model=Model(model_id=logged.model_id, signature=_signature(features)),
                    pip_requirements=["sendwise"],
                )
                client.log_model_artifacts(logged.model_id, f"{scratch}/pyfunc")
            except BaseException:
                client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
                raise
            client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
            _ensure_name(client, self.name)
            version = client.create_model_version(
                self.name,
                source=f"models:/{logged.model_id}",
                run_id=self.run_id,
                tags={key: str(value) for key, value in tags.items()},
                model_id=logged.model_id,
            )
            return str(version.version)


@contextmanager
def start_run(
    settings: Settings,
    *,
    model: str,
    as_of: datetime,
    params: Mapping[str, object],
    tags: Mapping[str, object],
    started: datetime | None = None,
) -> Iterator[Run]:
    """Track one training; the run ends as finished, failed or killed as the block does.

    Inside `mlflow run` its run is taken over, once, if it is in our experiment. Another one may
    keep its files anywhere, so then the run is one of our own, and the two name each other.
    `started` is for a run that is tracked once its model is fitted; None: now.
    """
    run = _begin(settings, model, as_of, started)
    status = "FAILED"
    try:
        commit = get_git_commit(str(Path(__file__).parent))
        source = {"mlflow.source.git.commit": commit} if commit else {}
        own = {"model": model, "as_of": as_of.isoformat(), "cutoff_us": to_us(as_of)}
        run.tags({**own, **source, **tags})
        run.params(params)
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        with suppress(UnavailableError), server(settings) as client:  # the first error counts
            client.set_terminated(run.run_id, status)


def _begin(settings: Settings, model: str, as_of: datetime, started: datetime | None) -> Run:
    """Take over the run of `mlflow run`, or create one."""
    uri = address(settings)
    with server(settings) as client:
        ours = experiment(settings, client, local=uri.startswith("sqlite:"))
        parent = started_by(uri)
        forget()
        if parent and client.get_run(parent).info.experiment_id == ours:
            return Run(settings, parent, ours, model)
        ms = to_us(started) // 1_000 if started else None
        run = client.create_run(ours, start_time=ms, run_name=f"{model} {as_of:%Y-%m-%d}")
        run_id = run.info.run_id
        if parent:
            tie(client, parent=parent, run_id=run_id, experiment_id=ours)
        return Run(settings, run_id, ours, model)


def say_unchanged(settings: Settings, name: str, version: str) -> None:
    """Put on the run of `mlflow run`, if any, that it trained nothing, and why."""
    if parent := started_by(address(settings)):
        text = f"Unchanged: {name} version {version} was learnt from the same inputs."
        with server(settings) as client:
            leave_note(client, parent, {"sendwise.unchanged": f"{name} v{version}"}, text)


def download(settings: Settings, name: str, version: str, to: Path) -> Path:
    """Copy the model folder of one version under `to` and return where it is."""
    with server(settings) as client:
        uri = client.get_model_version_download_uri(name, version)
        mlflow.artifacts.download_artifacts(artifact_uri=f"{uri}/data/model", dst_path=str(to))
    return to / "model"


def read_text(settings: Settings, run_id: str, file: str) -> str:
    """Read a text file that a run kept."""
    with server(settings), tempfile.TemporaryDirectory() as scratch:
        path = mlflow.artifacts.download_artifacts(
            run_id=run_id, artifact_path=file, dst_path=scratch
        )
        return Path(path).read_text(encoding="utf-8")


def _ensure_name(client: MlflowClient, name: str) -> None:
    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if not missing(error):
            raise
        client.create_registered_model(name)


def _signature(features: Mapping[str, str]) -> ModelSignature | None:
    if not features:
        return None
    columns: list[ColSpec | TensorSpec] = [
        ColSpec(_DTYPES.get(dtype, DataType.double), name) for name, dtype in features.items()
    ]
    return ModelSignature(inputs=Schema(columns))
