"""A tiny shop, made by the real parts, for tests of the service."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pyarrow as pa

from content.campaign import Product, campaign_folder, save_compiled
from content.compile import compile_campaign
from content.sources import read_pictures
from content.tiles import make_tiles
from core.clock import DAY, to_us
from features.registry import PROPENSITY
from ingest.contract import CATALOGUE, CUSTOMERS
from ingest.log import EventLog
from privacy.consent import EMAIL_MARKETING, PERSONALISATION, Consent, ConsentLedger
from profiles.products import Item, pack_kin
from profiles.snapshot import Manifest, Pick, Profile, snapshot_id, write_snapshot
from tests.ports import free_port

CONF = Path(__file__).parents[2] / "conf"
NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
CATEGORIES = ("GROCERY/MILK", "GROCERY/BREAD", "DRUG GM/SOAP")

# ann: everything; bob: mail, but nothing personal; cid: no mail; new: agreed, never bought.
ODD = "Žofie 🛒/%?&#"
AGREED = {
    "ann": (EMAIL_MARKETING, PERSONALISATION),
    "bob": (EMAIL_MARKETING,),
    "cid": (PERSONALISATION,),
    "new": (EMAIL_MARKETING, PERSONALISATION),
    ODD: (EMAIL_MARKETING, PERSONALISATION),
}


def products(count: int = 60, *, gone: frozenset[str] = frozenset()) -> pa.Table:
    rows = [
        {
            "product_id": f"p{number}",
            "name": f"Product {number}",
            "category": CATEGORIES[number % 3],
            "price_minor": 100 + number,
            "currency": "USD",
            "available": f"p{number}" not in gone,
            "attributes": "{}",
        }
        for number in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=CATALOGUE)


def picks(numbers: range, source: str) -> list[Pick]:
    return [
        Pick(f"p{number}", 1 / (1 + number), source, f"because of {source}") for number in numbers
    ]


def profile(customer_id: str) -> Profile:
    return Profile(
        customer_id,
        outputs={
            "p_order_30d": 0.25,
            "cluster": "regulars",
            "cluster_traits": ["frequent"],
            "recency_days": 3.0,
            "churn": None,
        },
        why_null={"churn": "no churn model has been trained"},
        reasons={"p_order_30d": "raises: last order 3 days ago", "cluster": "frequent"},
        features={each.name: 3.0 for each in PROPENSITY},
        lists={
            "buy_again": picks(range(6), "frequency"),
            "new_for_you": picks(range(20, 40), "als"),
        },
        bought={f"p{number}": 7 * number for number in range(8)},
    )


def items() -> list[Item]:
    """Products in the order they sell: p10 to p59 are popular, p0 to p9 are not.

    Like p0: p33, p30. Bought with p1: p34, p10. Who bought p2 buys p35, p36. Nothing is known of
    p9, but that others buy p10 too.
    """
    order = [*range(10, 60), *range(10)]
    known = {
        0: {"similar_to": ((33, 0.5), (30, 0.25))},
        1: {"goes_with": ((34, 8.0), (10, 2.0))},
        2: {"bought_too": ((35, 0.1), (36, 0.08))},
        9: {"bought_too": ((10, 0.3),)},
    }

    def packed(near: tuple[tuple[int, float], ...]) -> bytes:
        numbers = array("I", [order.index(number) for number, _ in near])
        return pack_kin(numbers.tobytes(), array("f", [score for _, score in near]).tobytes())

    return [
        Item(
            f"p{number}",
            CATEGORIES[number % 3].casefold(),
            100 + number,
            has_image=False,
            score=float(60 - place),
            reason="it sells",
            **{kind: packed(near) for kind, near in known.get(number, {}).items()},
        )
        for place, number in enumerate(order)
    ]


def snapshot(home: Path, *customer_ids: str, day: int = 0) -> None:
    as_of = NOW - DAY + day * DAY
    manifest = Manifest(
        id=snapshot_id(as_of, {"customers": customer_ids}),
        as_of=as_of,
        model_versions={"propensity-order-30d": "1", "recommender": "4"},
        customers=0,
        outputs=("p_order_30d", "cluster", "cluster_traits", "recency_days", "churn"),
        clusters={"regulars": {}},
        popular=tuple(picks(range(10, 60), "popularity")),
        popular_by_cluster={"regulars": tuple(picks(range(40, 50), "popularity"))},
        trending=tuple(picks(range(50, 53), "trending")),
        new_arrivals=tuple(picks(range(53, 56), "new_arrivals")),
    )
    write_snapshot(home, manifest, map(profile, customer_ids), items=items())


def publish(home: Path, folder: Path = CONF / "campaigns" / "weekly_picks") -> None:
    shelf = [
        Product(
            product_id=f"p{number}",
            name=f"Product {number}",
            price_minor=100 + number,
            currency="USD",
            url=None,
            image_url=None,
            category=CATEGORIES[number % 3],
            available=True,
        )
        for number in range(50, 60)
    ]
    tiles = {**make_tiles(CATEGORIES), **read_pictures(folder)}
    campaign, _ = compile_campaign(folder, static_products=shelf, tiles=sorted(tiles))
    save_compiled(campaign, tiles, campaign_folder(home, "weekly_picks"))


def make_shop(home: Path) -> None:
    """Fill an empty workspace."""
    log = EventLog(home / "events.db")
    log.put_products(products())
    people = [
        {
            "customer_id": key,
            "email": f"{number}@example.test",
            "traits": json.dumps({"first_name": "Zelmira"}),
        }
        for number, key in enumerate(AGREED)
    ]
    log.put_customers(pa.Table.from_pylist(people, schema=CUSTOMERS))
    log.close()
    ledger = ConsentLedger(home / "events.db")
    ledger.record(
        Consent(
            key,
            purpose,
            granted=True,
            lawful_basis="consent",
            source="test",
            policy_version="1",
            ts_us=to_us(NOW - 30 * DAY),
        )
        for key, purposes in AGREED.items()
        for purpose in purposes
    )
    ledger.close()
    publish(home)
    snapshot(home, "ann", "bob", "cid", ODD)


@dataclass
class Server:
    """A real server in a process group of its own."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str
    ready_s: float

    def client(self) -> httpx.Client:
        """Return a caller of this server."""
        return httpx.Client(base_url=self.url, timeout=30)

    def stop(self) -> int:
        """End it as Ctrl-C does; return the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise

    def text(self) -> str:
        """Return what it printed."""
        return self.log.read_text(encoding="utf-8")


def start(command: list[str], log: Path, port: int, **environment: str) -> Server:
    """Start a server and wait until it is ready."""
    began = time.monotonic()
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
            start_new_session=True,
            cwd=log.parent,
        )
    server = Server(process, log, f"http://127.0.0.1:{port}", 0.0)
    while time.monotonic() < began + 90:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{server.url}/readyz", timeout=5).status_code == 200:
                server.ready_s = time.monotonic() - began
                return server
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    server.stop()
    raise AssertionError(f"the server did not get ready:\n{server.text()}")


def serve(home: Path, *options: str) -> Server:
    """Start `sendwise serve` on a free port, on the shop's clock."""
    port = free_port()
    sendwise = str(Path(sys.executable).with_name("sendwise"))
    command = [sendwise, "--home", str(home), "serve", "--port", str(port)]
    command += ["--as-of", NOW.isoformat(), *options]
    public_url = f"http://127.0.0.1:{port}"  # where e-mails point is a setting
    return start(
        command,
        home.parent / "server.log",
        port,
        SENDWISE_CONF=str(CONF),
        SENDWISE_PUBLIC_URL=public_url,
    )
