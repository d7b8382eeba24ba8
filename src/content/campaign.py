"""A compiled campaign: everything that rendering needs, and the folder it is kept in.

bundles/campaigns/NAME/campaign.json   the specification, version, facts, static products
bundles/campaigns/NAME/email.html      MiniJinja; CSS inlined
bundles/campaigns/NAME/email.txt       MiniJinja
bundles/campaigns/NAME/static.json     the e-mail already rendered, for when all else fails
bundles/campaigns/NAME/tiles/*.png     pictures of products that have none
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, TypedDict

import orjson
from minijinja import Environment
from pydantic import ValidationError

from content.spec import CampaignSpec
from content.templates import RenderError, environment, plain
from core.errors import NotReadyError
from core.files import new_folder

HTML: Final = "email.html"
TEXT: Final = "email.txt"
SUBJECT: Final = "subject.txt"
PREHEADER: Final = "preheader.txt"
# Addresses in the pre-rendered static e-mail, replaced by the real ones when it is sent.
STATIC_PUBLIC_URL: Final = "https://assets.sendwise.invalid"
STATIC_UNSUBSCRIBE_URL: Final = "https://unsubscribe.sendwise.invalid/"


class Product(TypedDict):
    """A row of the catalogue, as far as content needs it."""

    product_id: str
    name: str
    price_minor: int | None
    currency: str
    url: str | None
    image_url: str | None
    category: str
    available: bool


class StaticBlock(TypedDict):
    """A block of the pre-rendered e-mail."""

    slot: str
    block: str
    html: str


class StaticEmail(TypedDict):
    """The e-mail that cannot fail: already rendered, with placeholder addresses."""

    subject: str
    preheader: str
    html: str
    text: str
    blocks: list[StaticBlock]


@dataclass(frozen=True)
class CompiledCampaign:
    """A campaign that passed its checks. Read-only, safe to share between threads."""

    spec: CampaignSpec
    version: str  # digest of all that decides how the e-mail looks
    html: str
    text: str
    facts: tuple[str, ...]  # variables of `spec.defaults` that the templates read
    static_products: tuple[Product, ...]
    context_names: tuple[str, ...] = ()  # NAME of each `context.NAME` they or the rules read
    static: StaticEmail | None = None  # None only while it is being compiled
    tiles: frozenset[str] = field(default_factory=frozenset)  # file names

    @property
    def name(self) -> str:
        """The campaign's id, as in URLs and decisions."""
        return self.spec.name

    @cached_property
    def env(self) -> Environment:
        """The templates, parsed once."""
        return environment(self.templates())

    def context(self, said: Mapping[str, object]) -> dict[str, object]:
        """Return what templates see as `context`: names that nobody `said` are empty."""
        values = {name: plain(said.get(name)) for name in self.context_names}
        return {name: "" if value is None else value for name, value in values.items()}

    def templates(self) -> dict[str, str]:
        """Return every template by its name in the environment."""
        rules = {
            rule_name(slot.name, number): f"{{% if {rule.when} %}}1{{% endif %}}"
            for slot in self.spec.slots
            for number, rule in enumerate(slot.blocks)
            if rule.when
        }
        return {
            HTML: self.html,
            TEXT: self.text,
            SUBJECT: self.spec.subject,
            PREHEADER: self.spec.preheader,
            **rules,
        }


def rule_name(slot: str, number: int) -> str:
    """Return the template name of the condition of a slot's block."""
    return f"slots.{slot}.blocks.{number}.when"


def campaign_folder(home: Path, name: str) -> Path:
    """Return where the compiled campaign lives in a workspace."""
    return home / "bundles" / "campaigns" / name


def save_compiled(campaign: CompiledCampaign, tiles: Mapping[str, bytes], folder: Path) -> None:
    """Write the campaign aside, then swap the link `folder` to it.

    A reader sees the old campaign or the new one, never a half; a failure leaves the old.
    The version before stays on disk, for readers that are still on it.
    """
    versions = folder.parent / ".versions" / folder.name
    before = folder.readlink().name if folder.is_symlink() else None
    if before != campaign.version or not _is_whole(folder):
        with new_folder(versions / campaign.version) as aside:
            _write(campaign, tiles, aside)
        link = versions / f".current.{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(".versions") / folder.name / campaign.version)
        if folder.is_dir() and not folder.is_symlink():  # of a workspace copied without its links
            shutil.rmtree(folder)
        link.replace(folder)
    for version in versions.iterdir():
        if version.name not in (campaign.version, before):
            shutil.rmtree(version, ignore_errors=True)


def load_compiled(folder: Path) -> CompiledCampaign:
    """Read a compiled campaign; its templates are parsed here, not at the first customer.

    Raises:
        NotReadyError: It has not been published, or its folder is damaged.
    """
    if not (folder / "campaign.json").is_file():
        raise NotReadyError(
            f"campaign {folder.name!r} is not published. Run `sendwise publish {folder.name}`."
        )
    try:
        kept = orjson.loads((folder / "campaign.json").read_bytes())
        campaign = CompiledCampaign(
            spec=CampaignSpec.model_validate(kept["spec"]),
            version=kept["version"],
            html=(folder / HTML).read_text(encoding="utf-8"),
            text=(folder / TEXT).read_text(encoding="utf-8"),
            facts=tuple(kept["facts"]),
            static_products=tuple(kept["static_products"]),
            context_names=tuple(kept.get("context_names", ())),  # published before there were any
            static=orjson.loads((folder / "static.json").read_bytes()),
            tiles=frozenset(kept["tiles"]),
        )
        _ = campaign.env
    except (OSError, ValueError, KeyError, TypeError, ValidationError, RenderError) as error:
        raise NotReadyError(
            f"{folder} is damaged ({type(error).__name__}). "
            f"Run `sendwise publish {folder.name}` again."
        ) from None
    return campaign


def published(home: Path) -> list[str]:
    """Return the names of the campaigns published in a workspace."""
    found = (home / "bundles" / "campaigns").glob("*/campaign.json")
    return sorted(path.parent.name for path in found if not path.parent.name.startswith("."))


def _is_whole(folder: Path) -> bool:
    try:
        campaign = load_compiled(folder)
    except NotReadyError:
        return False
    return all((folder / "tiles" / name).is_file() for name in campaign.tiles)


def _write(campaign: CompiledCampaign, tiles: Mapping[str, bytes], folder: Path) -> None:
    (folder / "tiles").mkdir()
    (folder / HTML).write_text(campaign.html, encoding="utf-8")
    (folder / TEXT).write_text(campaign.text, encoding="utf-8")
    (folder / "static.json").write_bytes(orjson.dumps(campaign.static))
    kept = {
        "spec": campaign.spec.model_dump(mode="json", by_alias=True),
        "version": campaign.version,
        "facts": campaign.facts,
        "static_products": campaign.static_products,
        "context_names": campaign.context_names,
        "tiles": sorted(campaign.tiles),
    }
    (folder / "campaign.json").write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
    for name, picture in tiles.items():
        (folder / "tiles" / name).write_bytes(picture)
