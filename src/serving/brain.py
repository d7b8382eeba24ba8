"""What the service knows: campaigns, snapshot, champions, catalogue, consents, past decisions.

Everything is read from the workspace, so that serving needs no other program. What a pipeline
swaps there (a new snapshot, a published campaign, a promoted model) is taken up within a
second or so, without a restart. What a bento brings along fills in for what the workspace
does not have. Nothing missing stops the start: the service says what, and falls back.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from content.campaign import CompiledCampaign, campaign_folder, load_compiled, published
from core.clock import DAY, parse_as_of
from core.errors import NotReadyError, SendwiseError
from core.files import unwritable
from core.settings import Settings, load_settings, name_workspace, secret_key
from ingest.log import EventLog
from models.registered import P_ORDER, PROPENSITY
from privacy.consent import ConsentLedger
from profiles.decisions import DecisionLog
from profiles.profile import Pick
from profiles.snapshot import Profile, Snapshot, open_snapshot
from serving.catalogue import Catalogue
from serving.marks import champion_pointer, mark
from serving.problems import Problem
from serving.selling import Selling
from serving.sessions import Session, sessions_of
from serving.unsubscribe import Unsubscribe

if TYPE_CHECKING:
    from serving.rescoring import Rescorer

log = logging.getLogger("bentoml.sendwise")  # BentoML shows what is under its own name

SHIPPED: Final = Path(__file__).resolve().parents[1] / "shipped"  # there in a bento only

_WAIT_S: Final = 8.0
_LOOK_S: Final = 1.0  # at most this often, the workspace is looked at for something new


@dataclass(frozen=True, slots=True)
class Versions:
    """Marks of what was loaded; a different mark means there is something new."""

    snapshot: object = None
    campaigns: object = None
    propensity: object = None


@dataclass(slots=True)
class _Choice:
    """One choice of a champion; a thread that loads it fills this in, never a later choice."""

    rescorer: Rescorer | None = None


class Brain:
    """Everything handlers need. Used by one thread, that of the event loop.

    Args:
        settings: Where the workspace is, and the key and address of links.
        clock: Gives the instant that consents and answers go by.
        shipped: Folder of the bundles a bento brings along.
    """

    def __init__(
        self, settings: Settings, *, clock: Callable[[], datetime], shipped: Path = SHIPPED
    ) -> None:
        self.settings = settings
        self.now = clock
        self._shipped = shipped
        self.events = EventLog(settings.home / "events.db")
        self.consents = ConsentLedger(settings.home / "events.db")
        # A connection of its own: while an import holds the file, only unsubscribing waits, and
        # less long than BentoML does, whose answer no reader could make anything of.
        self.withdrawals = ConsentLedger(settings.home / "events.db", wait_s=_WAIT_S)
        self.decisions = DecisionLog(settings.home / "decisions.db", delay=settings.decision_delay)
        self.links = Unsubscribe(secret_key(settings), settings.mail_url)
        self._workspace = name_workspace(settings)
        self.campaigns: Mapping[str, CompiledCampaign] = {}
        self.snapshot: Snapshot | None = None
        self.catalogue = Catalogue(self.events)
        self.popular: Sequence[Pick] = ()  # with everybody, as it sells now
        self._selling = Selling(self.events)
        self._choice = _Choice()
        self._loading: threading.Thread | None = None
        self._versions = Versions()
        self._looked_s = float("-inf")
        self.refresh()
        if self._loading:  # at the start there is nobody to hold up
            self._loading.join()

    def refresh(self) -> None:
        """Take up what is new in the workspace; looks at most once a second."""
        if time.monotonic() - self._looked_s < _LOOK_S:
            return
        self._looked_s = time.monotonic()
        home, before = self.settings.home, self._versions
        now = Versions(
            snapshot=mark([home / "snapshots" / "current"]),
            campaigns=mark(
                campaign_folder(root, name) / "campaign.json"
                for root in (self._shipped, home)
                for name in published(root)
            ),
            propensity=mark(champion_pointer(root) for root in (home, self._shipped)),
        )
        self._versions = now
        if now.snapshot != before.snapshot:
            self._load_snapshot()
        if now.campaigns != before.campaigns:
            self._load_campaigns()
        if (now.snapshot, now.propensity) != (before.snapshot, before.propensity):
            self._choose_rescorer()
        self.catalogue.look(self.snapshot.products if self.snapshot else None)
        self._look_at_sales()

    def _look_at_sales(self) -> None:
        snapshot = self.snapshot
        if snapshot and self._selling.look(snapshot.manifest.as_of, self.now()):
            self.popular = self._selling.popular(snapshot.popular())

    def missing(self) -> list[str]:
        """Return what is not there, each with the command that makes it."""
        return [
            text
            for is_there, text in (
                (
                    self.events.count("catalogue"),
                    "nothing imported, which is the first step: `sendwise import`",
                ),
                (self.campaigns, "no campaign: `sendwise publish weekly_picks`"),
                (self.snapshot, "no snapshot, so nothing personal: `sendwise score`"),
                (self._versions.propensity, "no propensity model: `sendwise train propensity`"),
            )
            if not is_there
        ]

    def campaign(self, name: str) -> CompiledCampaign:
        """Return a published campaign.

        Raises:
            Problem: There is none of that name; the detail names those there are.
        """
        if found := self.campaigns.get(name):
            return found
        known = ", ".join(sorted(self.campaigns)) or "none yet"
        raise Problem(
            "campaign-unknown",
            "Unknown campaign",
            status=404,
            detail=f"No campaign {name!r}. Published: {known}. "
            "Publish it first, or check the id in the ESP template.",
        )

    def picture(self, campaign: str, file: str) -> Path | None:
        """Return where a tile of a published campaign lies."""
        for root in (self.settings.home, self._shipped):
            path = campaign_folder(root, campaign) / "tiles" / file
            if path.is_file():
                return path
        return None

    def profiles(self, customer_ids: Sequence[str]) -> dict[str, Profile]:
        """Return what the snapshot knows of customers; scores are those of the champion."""
        if self.snapshot is None:
            return {}
        try:
            found = self.snapshot.profiles(customer_ids)
        except (sqlite3.Error, LookupError, TypeError, ValueError) as error:
            log.error("snapshot.unreadable id=%s error=%r", self.snapshot.manifest.id, error)  # noqa: TRY400
            return {}  # nobody is left blank: the next rung is what is popular
        choice = self._choice
        if choice.rescorer and found and not choice.rescorer.rescore(found.values()):
            choice.rescorer = None
        return found

    def sessions(self, customer_ids: Collection[str]) -> dict[str, Session]:
        """Return what customers did since the snapshot, as far as the log knows."""
        if self.snapshot is None:
            return {}
        since = self.snapshot.manifest.as_of
        return sessions_of(self.events, customer_ids, since=since, until=self.now())

    def model_versions(self) -> dict[str, str]:
        """Return the versions that answers from the snapshot rest on."""
        versions = dict(self.snapshot.manifest.model_versions) if self.snapshot else {}
        if rescorer := self._choice.rescorer:
            versions[PROPENSITY] = rescorer.version
        return versions

    def identity(self) -> dict[str, str]:
        """Return the headers that say whose customers and which clock an answer goes by."""
        return {
            "X-Sendwise-Workspace": self._workspace,
            "X-Sendwise-Now": self.now().isoformat(),
        }

    def data_as_of(self) -> datetime:
        """Return the instant the data describe: the snapshot's cut-off, else now."""
        return self.snapshot.manifest.as_of if self.snapshot else self.now()

    def data_age_days(self) -> float:
        """Return how old the snapshot is: the days it tells are counted back from itself."""
        return max(0.0, (self.now() - self.data_as_of()) / DAY)

    def close(self) -> None:
        """Write what waits and release the files."""
        self.decisions.close()
        self.events.close()
        self.consents.close()
        self.withdrawals.close()
        if self.snapshot:
            self.snapshot.close()

    def _load_snapshot(self) -> None:
        old = self.snapshot
        if not self._versions.snapshot:
            return
        try:
            self.snapshot = open_snapshot(self.settings.home)
        except NotReadyError as error:
            log.warning("snapshot.not_loaded kept=%s error=%s", old is not None, error)
            return
        if old:
            old.close()
            log.info("snapshot.swapped id=%s", self.snapshot.manifest.id)
        self.popular = self._selling.popular(self.snapshot.popular())

    def _load_campaigns(self) -> None:
        loaded = dict(self.campaigns)
        names = {
            name: root for root in (self._shipped, self.settings.home) for name in published(root)
        }
        for name, root in names.items():  # the workspace's own wins over the shipped one
            try:
                loaded[name] = load_compiled(campaign_folder(root, name))
            except SendwiseError as error:
                log.warning("campaign.not_loaded campaign=%s error=%s", name, error)
        self.campaigns = {name: each for name, each in loaded.items() if name in names}

    def _choose_rescorer(self) -> None:
        """Load the champion if it is another version than the one that scored the snapshot."""
        self._choice = choice = _Choice()
        scored_by = self.snapshot and self.snapshot.manifest.model_versions.get(PROPENSITY)
        for root in (self._shipped, self.settings.home):  # a bento serves what it was built with
            pointer = champion_pointer(root)
            if pointer.is_file():
                if scored_by and scored_by != pointer.read_text(encoding="utf-8").strip():
                    # Importing LightGBM takes seconds: meanwhile the snapshot's scores serve.
                    self._loading = threading.Thread(target=_load, args=(root, choice))
                    self._loading.start()
                return


def _load(root: Path, choice: _Choice) -> None:
    # Here, because pandas and LightGBM take longer to import than all the rest together,
    # and most services never need them: the snapshot holds the champion's scores.
    from serving.rescoring import load_rescorer

    try:
        choice.rescorer = load_rescorer(root, PROPENSITY, output=P_ORDER)
    except Exception as error:  # noqa: BLE001  # however a bundle is broken, the snapshot serves
        log.warning("propensity.not_loaded error=%r", error)


def open_brain() -> Brain:
    """Return the brain that the settings of this process ask for, and log what it lacks."""
    settings = load_settings()
    brain = Brain(settings, clock=_clock(settings.now))
    if lacking := brain.missing():
        log.warning("service.incomplete home=%s %s", settings.home, "; ".join(lacking))
    home = settings.home
    if locked := unwritable((home, home / "events.db", home / "decisions.db")):
        log.error(
            "service.read_only files=%s unsubscribing fails, and no decision is kept: a repeated "
            "call may give other content. Give this user the right to write there.",
            ", ".join(map(str, locked)),
        )
    return brain


def _clock(fixed: str) -> Callable[[], datetime]:
    """Return the service's clock: the real one, or always the instant the settings name."""
    if not fixed.strip():
        return lambda: parse_as_of("")
    instant = parse_as_of(fixed)
    return lambda: instant
