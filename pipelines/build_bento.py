"""Build a bento: the service with its campaigns and champions, for where sendwise is not installed.

BentoML takes only what lies in its build folder, so everything is staged there first: the
rooms at its top (they are top-level packages), `conf/`, and in `shipped/` the compiled
campaigns and the champions that the workspace serves now. Nothing about a customer goes in.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from content.campaign import published
from core.errors import ConfigError, NotReadyError
from core.ids import digest, file_digest
from core.settings import Settings
from models.registered import MODELS
from pipelines.outcome import Outcome
from pipelines.run_service import SERVICE, fetch_champions, has_news, server_environment
from serving.brain import SHIPPED

if TYPE_CHECKING:
    from bentoml import Bento

LOCK = Path("requirements.lock")
# All rooms the service is made of; the others are not shipped.
ROOMS = ("core", "privacy", "ingest", "features", "profiles", "models", "content", "serving")

_NO_CACHES = shutil.ignore_patterns("__pycache__", ".*")


def build_bento(settings: Settings, *, output: Path | None = None) -> Outcome:
    """Stage the service and build a bento in the workspace's `bentoml/` store.

    The bento's version is a digest of all that went in: the same inputs are `unchanged`.

    Args:
        settings: Where the workspace is.
        output: Also export the bento there; a name ending in `.bento` makes one file.

    Raises:
        ConfigError: `output` is there already.
        NotReadyError: No campaign is published, so the service would have nothing to serve.
    """
    campaigns = published(settings.home)
    if not campaigns:
        raise NotReadyError(
            f"no campaign in {settings.home}. Run `sendwise publish weekly_picks` first."
        )
    if output and output.exists():
        raise ConfigError(f"{output} is there already. Remove it, or give another --output.")
    if has_news(settings):
        fetch_champions(settings)
    with tempfile.TemporaryDirectory(prefix="sendwise-bento-") as scratch:
        folder = Path(scratch) / "build"
        models = stage(settings, folder, campaigns=campaigns)
        built, is_new = _build(settings, folder, models)
    exported = built.export(str(output)) if output else None
    return Outcome(
        title=f"Bento {built.tag}",
        status="done" if is_new else "unchanged",
        data={
            "tag": str(built.tag),
            "folder": str(built.path),
            "exported": exported,
            "campaigns": campaigns,
            "models": models,
        },
        columns=("what", "version"),
        rows=[*(("campaign", name) for name in campaigns), *sorted(models.items())],
        notes=_notes(built, exported),
    )


def _build(settings: Settings, folder: Path, models: Mapping[str, str]) -> tuple[Bento, bool]:
    """Return the bento of what is staged in `folder`, and whether it is new."""
    os.environ.update(server_environment(settings, now=settings.now))
    # After the line above: BentoML settles where it keeps its files when it is first used.
    import bentoml
    from bentoml.exceptions import NotFound

    version = _version(folder)
    try:
        return bentoml.get(f"sendwise:{version}"), False
    except NotFound:
        python = {"requirements_txt": "requirements.txt", "lock_packages": False}
        with _quiet():
            built = bentoml.build(
                SERVICE,
                version=version,
                build_ctx=str(folder),
                labels={f"model.{name}": number for name, number in models.items()},
                python=python if (folder / "requirements.txt").is_file() else None,
            )
        return built, True


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep BentoML from warning of large files: a model may be one, and we put it there."""

    def is_ours(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("File size is larger than")

    logger = logging.getLogger("bentoml._internal.bento.bento")
    logger.addFilter(is_ours)
    try:
        yield
    finally:
        logger.removeFilter(is_ours)


def _notes(built: Bento, exported: str | None) -> list[str]:
    run = "Run it: SENDWISE_HOME=/srv/sendwise bentoml serve"
    if not exported:
        return [f"In {built.path}", f"{run} {built.path}"]
    return [
        f"In {built.path}",
        f"Exported to {exported}",
        f"Where it is to run: bentoml import {exported}",
        f"{run} {built.tag}",
    ]


def stage(settings: Settings, folder: Path, *, campaigns: list[str]) -> dict[str, str]:
    """Lay out in `folder` what a bento is made of; return the versions of the champions in it."""
    code = Path(__file__).resolve().parents[1]
    source = code / "src" if (code / "src").is_dir() else code  # a checkout, or site-packages
    for room in ROOMS:
        shutil.copytree(source / room, folder / room, ignore=_NO_CACHES)
    if settings.conf.is_dir():
        shutil.copytree(settings.conf, folder / "conf", ignore=_NO_CACHES)
    if LOCK.is_file():
        shutil.copy(LOCK, folder / "requirements.txt")
    bundles, shipped = settings.home / "bundles", folder / SHIPPED.name / "bundles"
    for name in campaigns:
        shutil.copytree(bundles / "campaigns" / name, shipped / "campaigns" / name)
    models = {}
    for name in MODELS:
        pointer = bundles / "models" / name / "current"
        if pointer.is_file():
            models[name] = pointer.read_text(encoding="utf-8").strip()
            shutil.copytree(pointer.parent / models[name], shipped / "models" / name / models[name])
            shutil.copy(pointer, shipped / "models" / name / "current")
    return models


def _version(folder: Path) -> str:
    """Return a digest of names and contents of all that is staged."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest([str(path.relative_to(folder)) for path in paths], file_digest(*paths))
