"""Products at the moment of sending: how long one customer takes, with everything asked for.

`python -m benchmarks.recommend` makes a workspace of 50,000 products and some thousand customers,
and asks the service's own function for one customer at a time: a session, every filter, a cap,
diversity and promotions, all slots in turn. Time is that of the thread on the processor, from the
bytes that were sent to the bytes of the answer. Lists and neighbours are drawn by chance: how good
they are says benchmarks.recommenders.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import thread_time
from typing import Final, get_args

import numpy as np
import orjson
import pyarrow as pa

from benchmarks.figures import Figure, bar, show
from core.clock import DAY
from core.settings import load_settings
from ingest.contract import CATALOGUE
from ingest.log import EventLog
from privacy.consent import PERSONALISATION, Consent, ConsentLedger
from profiles.products import Item, pack_kin
from profiles.profile import BUY_AGAIN, NEW_FOR_YOU, Pick, Profile
from profiles.snapshot import Manifest, snapshot_id, write_snapshot
from serving.brain import Brain
from serving.messages import Slot
from serving.routes import post

NOW: Final = datetime(2024, 7, 1, tzinfo=UTC)
PRODUCTS: Final = 50_000
CUSTOMERS: Final = 3_000
SEED: Final = 7
N: Final = 10

_DEPARTMENTS: Final = 20
_SHELVES: Final = 20  # of a department
_LIST, _NEAR, _BOUGHT = 40, 40, 100

BARS: Final = (
    bar("recommend_p50", "ms", "<=", 2.5, 0.5),
    bar("recommend_p99", "ms", "<=", 5.0, 1.0),
    bar("recommend_short_lists", "", "<=", 0.0),
)


def category(number: int) -> str:
    """Return the category of a product: 400 shelves in 20 departments."""
    return f"Department {number % _DEPARTMENTS}/Shelf {number // _DEPARTMENTS % _SHELVES}"


def price(number: int) -> int:
    """Return a price in minor units, from 1.00 to 50.99."""
    return 100 + number * 7919 % 5_000


def make_shop(home: Path, products: int, customers: int) -> None:
    """Fill an empty workspace with a catalogue, consents and a snapshot."""
    log = EventLog(home / "events.db")
    rows = [
        {
            "product_id": f"sku-{number:06}",
            "name": f"Product number {number}",
            "category": category(number),
            "price_minor": price(number),
            "currency": "EUR",
            "image_url": f"https://shop.test/{number}.jpg" if number % 4 else None,
            "available": number % 10 > 0,
            "attributes": '{"colour": "red"}',
        }
        for number in range(products)
    ]
    log.put_products(pa.Table.from_pylist(rows, schema=CATALOGUE))
    log.close()
    ledger = ConsentLedger(home / "events.db")
    ledger.record(
        Consent(f"c{number}", PERSONALISATION, True, "consent", "benchmark", "1", 0)  # noqa: FBT003
        for number in range(customers)
    )
    ledger.close()
    manifest = Manifest(
        id=snapshot_id(NOW, {"products": products, "customers": customers}),
        as_of=NOW - DAY,
        model_versions={"recommender": "1"},
        customers=0,
        outputs=("cluster",),
        popular=tuple(_picks(range(_LIST), "popularity")),
        popular_by_cluster={"one": tuple(_picks(range(_LIST, 2 * _LIST), "popularity"))},
        trending=tuple(_picks(range(100, 100 + _LIST), "trending")),
        new_arrivals=tuple(_picks(range(200, 200 + _LIST), "new_arrivals")),
    )
    write_snapshot(home, manifest, _profiles(products, customers), items=_items(products))


def _picks(numbers: range | list[int], source: str) -> list[Pick]:
    return [
        Pick(f"sku-{number:06}", 1 / (place + 1), source, f"Because of {source}")
        for place, number in enumerate(numbers)
    ]


def _profiles(products: int, customers: int) -> Iterator[Profile]:
    rng = np.random.default_rng(SEED)
    for number in range(customers):
        drawn = rng.choice(products, 2 * _LIST + _BOUGHT, replace=False).tolist()
        yield Profile(
            f"c{number}",
            outputs={"cluster": "one"},
            features={f"feature_{each}": each / 7 for each in range(40)},
            lists={
                BUY_AGAIN: _picks(drawn[:_LIST], "frequency"),
                NEW_FOR_YOU: _picks(drawn[_LIST : 2 * _LIST], "als"),
            },
            bought={
                f"sku-{each:06}": 3 * place
                for place, each in enumerate(drawn[:_LIST] + drawn[2 * _LIST :])
            },
        )


def _items(products: int) -> Iterator[Item]:
    rng = np.random.default_rng(SEED)
    scores = array("f", [1 / (1 + place) for place in range(_NEAR)]).tobytes()
    for number in range(products):
        near = [
            pack_kin(rng.integers(products, size=_NEAR, dtype=np.uint32).tobytes(), scores)
            for _ in range(3)
        ]
        path, sells = category(number).casefold(), float(products - number)
        has_image = number % 4 > 0
        key = f"sku-{number:06}"
        yield Item(key, path, price(number), has_image, sells, "Popular this month", *near)


def bodies(products: int, customers: int, count: int) -> Iterator[bytes]:
    """Give requests for one customer each, with everything that may be asked for."""
    rng = np.random.default_rng(SEED)
    slots = get_args(Slot)
    for number in range(count):
        drawn = [f"sku-{each:06}" for each in rng.choice(products, 20, replace=False).tolist()]
        recipient = {
            "customer_id": f"c{rng.integers(customers)}",
            "viewed": drawn[:5],
            "cart": drawn[5:8],
            "bought": drawn[8:10],
        }
        wanted = {
            "category": [f"Department {each}" for each in range(15)],
            "min_price_minor": 200,
            "max_price_minor": 4_500,
            "has_image": True,
            "not_bought_days": 30,
        }
        yield orjson.dumps(
            {
                "recipients": [recipient],
                "slot": slots[number % len(slots)],
                "n": N,
                "exclude": drawn[10:15],
                "filter": wanted,
                "max_per_category": 2,
                "diversity": 0.3,
                "promote": [{"product_id": each, "place": 3} for each in drawn[15:17]],
            }
        )


async def _asked(brain: Brain, given: Iterator[bytes]) -> tuple[list[float], int]:
    taken, short = [], 0
    for body in given:
        started = thread_time()
        answer = await post(brain, "recommend", body)
        taken.append((thread_time() - started) * 1_000)
        (result,) = orjson.loads(answer.body)["results"]
        short += len(result["products"]) != N
    return taken, short


def run(home: Path, *, products: int, customers: int, requests: int) -> list[Figure]:
    """Take the figures on a new workspace in `home`."""
    make_shop(home, products, customers)
    brain = Brain(load_settings(home=home), clock=lambda: NOW)
    try:
        asyncio.run(_asked(brain, bodies(products, customers, 50)))  # what is compiled once
        gc.freeze()  # as the service does when it starts
        taken, short = asyncio.run(_asked(brain, bodies(products, customers, requests)))
    finally:
        gc.unfreeze()
        brain.close()
    values = (float(np.quantile(taken, 0.5)), float(np.quantile(taken, 0.99)), float(short))
    return [replace(one, value=value) for one, value in zip(BARS, values, strict=True)]


def main() -> None:
    """Take the figures and print them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="at most ten seconds: a small shop")
    quick = parser.parse_args().quick
    products, customers, requests = (2_000, 100, 200) if quick else (PRODUCTS, CUSTOMERS, 5_000)
    with tempfile.TemporaryDirectory() as folder:
        show(
            "recommend",
            run(Path(folder), products=products, customers=customers, requests=requests),
        )


if __name__ == "__main__":
    main()
