"""Check a campaign, compile it, and put it where the service finds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from content.campaign import (
    CompiledCampaign,
    Product,
    campaign_folder,
    load_compiled,
    save_compiled,
)
from content.compile import Check, compile_campaign
from content.shelf import is_excluded
from content.sources import read_pictures
from content.spec import SPEC_FILE, CampaignSpec, load_spec
from content.tiles import make_tiles
from core.clock import from_us, to_us
from core.errors import ConfigError, DataError, NotReadyError
from core.ids import digest
from core.settings import Settings, missing_conf
from ingest.contract import ORDER_COMPLETED
from ingest.lake import connect
from models.assortment import read_assortment
from pipelines.outcome import Outcome

if TYPE_CHECKING:
    import duckdb

PRODUCT_COLUMNS: Final = (
    "product_id, name, price_minor, currency, url, image_url, category, available"
)


@dataclass(frozen=True)
class Prepared:
    """A campaign that passed, not yet saved."""

    campaign: CompiledCampaign
    tiles: dict[str, bytes]
    checks: list[Check]


def publish_campaign(settings: Settings, name: str, *, as_of: datetime) -> Outcome:
    """Compile `conf/campaigns/NAME` into the workspace; a failure leaves the old one there.

    Raises:
        ConfigError: The campaign is unknown or not as it should be.
        DataError: The catalogue is empty.
        NotReadyError: Nothing has been imported yet.
    """
    ready = prepare(settings, name, as_of=as_of)
    folder = campaign_folder(settings.home, name)
    before = _published_version(folder)
    save_compiled(ready.campaign, ready.tiles, folder)
    largest = max(check.html_bytes for check in ready.checks)
    pictures = sum(len(picture) for picture in ready.tiles.values())
    return Outcome(
        title=f"Campaign {name} published, version {ready.campaign.version}",
        status="unchanged" if before == ready.campaign.version else "done",
        columns=("rendered for", "ways", "HTML bytes, at most", "text bytes, at most"),
        rows=_by_kind(ready.checks),
        notes=(
            f"{len(ready.checks)} branches pass; the largest is {largest:,} bytes of HTML.",
            f"{len(ready.tiles)} tiles and pictures, {pictures:,} bytes.",
            f"{len(ready.campaign.static_products)} products for when nothing better is known.",
            f"In {folder}. A running service takes it up within a second.",
            *on_reserved_name(ready.campaign.spec),
        ),
        data={
            "campaign": name,
            "version": ready.campaign.version,
            "folder": str(folder),
            "branches": len(ready.checks),
            "largest_html_bytes": largest,
            "tiles": len(ready.tiles),
            "static_products": [p["product_id"] for p in ready.campaign.static_products],
        },
    )


def prepare(settings: Settings, name: str, *, as_of: datetime) -> Prepared:
    """Check and compile a campaign without saving it.

    Raises:
        As `publish_campaign`.
    """
    folder = source_folder(settings.conf, name)
    spec = load_spec(folder)
    with connect(settings.home) as lake:
        categories = [
            row[0] for row in lake.execute("SELECT DISTINCT category FROM catalogue").fetchall()
        ]
        if not categories:
            raise DataError(
                f"the catalogue in {settings.home} is empty, so {name} has nothing to show. "
                "Run `sendwise import --products FILE` first."
            )
        static = _static_products(lake, spec, folder, as_of)
    tiles = {**make_tiles(category or "" for category in categories), **read_pictures(folder)}
    campaign, checks = compile_campaign(
        folder,
        static_products=static,
        tiles=sorted(tiles),
        tiles_digest=digest({name: digest(tile.hex()) for name, tile in tiles.items()}),
    )
    return Prepared(campaign, tiles, checks)


def on_reserved_name(spec: CampaignSpec) -> list[str]:
    """Say so where a campaign still links to, or writes from, a shop that can be nobody's."""
    name = spec.reserved_name()
    if not name:
        return []
    own = f"conf/campaigns/{spec.name}/{SPEC_FILE}"
    return [f"These e-mails lead to {name}, nobody's shop: put your own into {own} before mailing."]


def on_published(campaign: CompiledCampaign, home: Path) -> str:
    """Say whether a campaign just compiled is the version that is published, and if not, why."""
    try:
        known = load_compiled(campaign_folder(home, campaign.name))
    except NotReadyError as error:
        return f"Nothing to compare with: {error}"
    if known.version == campaign.version:
        return "This is the version that is published."
    why = "its pictures are others, or another release of sendwise made it"
    if (known.spec, known.html, known.text) != (campaign.spec, campaign.html, campaign.text):
        why = "its files have changed since"
    elif _ids(known) != _ids(campaign):
        why = "with another --as-of or newer data, other products sell best"
    elif known.static_products != campaign.static_products:
        why = "its products have changed in the catalogue"
    return (
        f"This is version {campaign.version}, not {known.version}, which is published: {why}. "
        f"`sendwise publish {campaign.name}` with the same --as-of publishes this one."
    )


def _ids(campaign: CompiledCampaign) -> list[str]:
    return [product["product_id"] for product in campaign.static_products]


def source_folder(conf: Path, name: str) -> Path:
    """Return the folder a campaign is written in.

    Raises:
        ConfigError: There is none of that name; the message names those there are.
    """
    written = (conf / "campaigns").absolute()
    known = sorted(path.parent.name for path in written.glob(f"*/{SPEC_FILE}"))
    if name not in known:
        there = ", ".join(known) or "none yet"
        raise ConfigError(
            f"no campaign {name!r} in {written}. There is: {there}.{missing_conf(conf)}"
        )
    return conf / "campaigns" / name


def products_of(rows: list[tuple[Any, ...]]) -> list[Product]:
    """Return rows of `PRODUCT_COLUMNS` as products."""
    names = PRODUCT_COLUMNS.split(", ")
    return [Product(**dict(zip(names, row, strict=True))) for row in rows]  # type: ignore[typeddict-item]


def best_sellers(
    lake: duckdb.DuckDBPyConnection, spec: CampaignSpec, as_of: datetime, n: int
) -> list[Product]:
    """Return what may be recommended and sold best in the month up to the last sale.

    Each name comes once. Up to the last sale before `as_of`, not up to `as_of`: the same data
    make the same campaign on any day, and data of the past have best sellers too.
    """
    assortment = read_assortment(lake, before=_after_last_sale(lake, as_of))
    popular = pa.table(
        {
            "product_id": pa.array(assortment.product_ids[assortment.allowed].tolist()),
            "sold": assortment.sold[assortment.allowed],
        },
        schema=pa.schema({"product_id": pa.string(), "sold": pa.float32()}),
    )
    lake.register("popular", popular)
    rows = lake.execute(
        f"""
        SELECT {PRODUCT_COLUMNS} FROM catalogue JOIN popular USING (product_id)
        WHERE available AND name <> '' AND price_minor > 0
        ORDER BY sold DESC, product_id LIMIT 1000
        """  # noqa: S608  # names are ours
    ).fetchall()
    chosen: dict[str, Product] = {}
    for product in products_of(rows):
        if not is_excluded(product["category"], spec.exclude):
            chosen.setdefault(product["name"].casefold(), product)
    return list(chosen.values())[:n]


def _after_last_sale(lake: duckdb.DuckDBPyConnection, as_of: datetime) -> datetime:
    row = lake.execute(
        "SELECT max(ts_us) FROM items WHERE event = ? AND ts_us < ?",
        [ORDER_COMPLETED, to_us(as_of)],
    ).fetchone()
    last_us = row[0] if row else None
    return as_of if last_us is None else from_us(last_us + 1)


def _static_products(
    lake: duckdb.DuckDBPyConnection, spec: CampaignSpec, folder: Path, as_of: datetime
) -> list[Product]:
    if not spec.static.products:
        places = sum(slot.products.n for slot in spec.slots if slot.products)
        return best_sellers(lake, spec, as_of, places + 4)  # a few to spare, for what sells out
    wanted = list(dict.fromkeys(spec.static.products))
    rows = lake.execute(
        f"SELECT {PRODUCT_COLUMNS} FROM catalogue WHERE product_id IN (SELECT unnest(?))",  # noqa: S608  # names are ours
        [wanted],
    ).fetchall()
    found = {product["product_id"]: product for product in products_of(rows)}
    if missing := [product_id for product_id in wanted if product_id not in found]:
        raise ConfigError(
            f"{folder / SPEC_FILE}: static.products: no product {missing[0]!r} in the catalogue."
        )
    return [found[product_id] for product_id in wanted]


def _by_kind(checks: list[Check]) -> list[tuple[object, ...]]:
    kinds: dict[str, list[Check]] = {}
    for check in checks:
        kinds.setdefault(check.branch.partition(";")[0], []).append(check)
    return [
        (kind, len(all_), max(c.html_bytes for c in all_), max(c.text_bytes for c in all_))
        for kind, all_ in kinds.items()
    ]


def _published_version(folder: Path) -> str | None:
    try:
        return load_compiled(folder).version
    except NotReadyError:
        return None
