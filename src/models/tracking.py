"""Runs, versions and champions in MLflow. The only module of `src` that knows MLflow."""

from __future__ import annotations

from dataclasses import dataclass

from core.settings import Settings
from models.artefact import Artefact


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A champion, ready to predict. `stale` says that the registry did not answer."""

    name: str
    version: str
    model: Artefact
    meta: dict[str, object]
    stale: bool = False


def champion(settings: Settings, name: str) -> LoadedModel:
    """Load the champion of `name`; NotReadyError when there is none."""
    raise NotImplementedError
