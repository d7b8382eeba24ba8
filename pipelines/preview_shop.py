"""Whom a preview shows a campaign to, and what may be shown: as in serving, from the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from content.campaign import CompiledCampaign, Product
from content.decide import decide
from content.decision import Candidates, Person
from core.clock import DAY
from core.errors import DataError, NotReadyError
from ingest.lake import connect
from ingest.log import EventLog
from pipelines.publish_campaign import PRODUCT_COLUMNS, best_sellers, products_of
from profiles.profile import BUY_AGAIN, NEW_FOR_YOU, Pick, Profile
from profiles.snapshot import Snapshot, open_snapshot
from serving.catalogue import Catalogue
from serving.offers import Offers

_LOOKED_AT: Final = 500  # customers of the snapshot among whom examples are looked for


class Reader(NamedTuple):
    """Somebody, and what else may be shown to them."""

    person: Person
    candidates: Candidates


@dataclass(frozen=True)
class Shop:
    """Where examples come from: the snapshot when there is one, else best sellers."""

    people: list[Reader]
    anybody: Candidates  # what may be shown to somebody unknown
    source: str
    as_of: datetime | None = None  # of the snapshot


def preview_shop(
    home: Path, campaign: CompiledCampaign, as_of: datetime, customers: Sequence[str]
) -> Shop:
    """Return people to show a campaign to, and products.

    Args:
        home: The workspace.
        campaign: What is looked at.
        as_of: The instant it is looked at.
        customers: Whom to show. Empty: one for each combination of blocks that comes up.

    Raises:
        DataError: A customer is not in the snapshot.
        NotReadyError: `customers` need a snapshot and there is none.
    """
    try:
        snapshot = open_snapshot(home)
    except NotReadyError:
        if customers:
            raise
        return _sample_shop(home, campaign, as_of)
    with closing(snapshot):
        return _snapshot_shop(home, campaign, snapshot, as_of, customers)


def _sample_shop(home: Path, campaign: CompiledCampaign, as_of: datetime) -> Shop:
    """Without a snapshot: somebody who buys the best sellers, so that there is something to see."""
    with connect(home) as lake:
        products = best_sellers(lake, campaign.spec, as_of, 40)
    picks = [Pick(p["product_id"], 0.0, "sample", "a sample: no snapshot yet") for p in products]
    person = Person(
        customer_id="sample",
        first_name="Ann",
        outputs={"sample": True},
        lists={BUY_AGAIN: picks[:12], NEW_FOR_YOU: picks[12:24]},
    )
    popular = [
        pick._replace(source="popularity", reason="Popular this month") for pick in picks[24:]
    ]
    candidates = Candidates(products=_by_id(products), popular=popular)
    return Shop([Reader(person, candidates)], candidates, "the catalogue (no snapshot yet)")


def _snapshot_shop(
    home: Path,
    campaign: CompiledCampaign,
    snapshot: Snapshot,
    as_of: datetime,
    customers: Sequence[str],
) -> Shop:
    manifest = snapshot.manifest
    with closing(EventLog(home / "events.db")) as events, connect(home) as lake:
        catalogue = Catalogue(events)
        catalogue.look(snapshot.products)
        age_days = max(0.0, (as_of - manifest.as_of) / DAY)
        popular = snapshot.popular()
        offers = Offers(campaign, catalogue, snapshot, popular=popular, age_days=age_days)
        profiles = [offers.with_kin(each) for each in _looked_at(snapshot, customers)]
        rows = lake.execute(
            f"SELECT {PRODUCT_COLUMNS} FROM catalogue WHERE product_id IN (SELECT unnest(?))",  # noqa: S608  # names are ours
            [sorted(offers.product_ids(profiles))],
        ).fetchall()
    products = _by_id(products_of(rows))
    people = [
        Reader(
            Person(
                customer_id=profile.customer_id,
                outputs=profile.outputs,
                lists=profile.lists,
                bought=offers.bought(profile),
            ),
            offers.candidates(profile, products),
        )
        for profile in profiles
    ]
    return Shop(
        people if customers else _one_per_choice(campaign, people),
        offers.candidates(None, products),
        f"snapshot {manifest.id}",
        manifest.as_of,
    )


def _looked_at(snapshot: Snapshot, customers: Sequence[str]) -> list[Profile]:
    """Return those asked for, else some among whom examples are looked for."""
    wanted = customers or [*islice(snapshot.customer_ids(), _LOOKED_AT)]
    found = snapshot.profiles(wanted)
    if unknown := [each for each in wanted if each not in found]:
        raise DataError(f"no customer {unknown[0]!r} in snapshot {snapshot.manifest.id}.")
    return [found[each] for each in wanted]


def _one_per_choice(campaign: CompiledCampaign, people: Sequence[Reader]) -> list[Reader]:
    """Return somebody for each combination of blocks that comes up, those with most to show."""
    nothing = Candidates(products={})
    found: dict[tuple[str, ...], Reader] = {}
    for each in sorted(people, key=lambda one: -sum(map(len, one.person.lists.values()))):
        decision = decide(campaign, each.person, candidates=nothing)
        found.setdefault(tuple(choice.block for choice in decision.slots), each)
    return list(found.values())


def _by_id(products: Sequence[Product]) -> dict[str, Product]:
    return {product["product_id"]: product for product in products}
