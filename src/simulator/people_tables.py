"""Customers and consents as the contract has them, and the truth about both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.clock import DAY_US
from ingest.contract import CONSENTS, CUSTOMERS
from simulator.arrays import Codes, Ints, mixed
from simulator.assortment import BRANDS, CATEGORY_NAMES
from simulator.people import DEVICES, PURPOSES, People
from simulator.places import PLACES
from simulator.tables import anonymous_ids, customer_ids
from simulator.texts import text_column

SOURCE: Final = "simulator"
_POLICY: Final = "1"
_AT_A_TIME: Final = 50_000
_FIRST_NAMES: Final = (
    *("Ada", "Ben", "Cleo", "Dina", "Emil", "Femke", "Greta", "Hugo", "Irma", "Jonas", "Klara"),
    *("Luis", "Marta", "Nils", "Olga", "Paul", "Rosa", "Sami", "Tilda", "Ugo", "Vera", "Zoe"),
)
_LAST_NAMES: Final = (
    *("Adler", "Bakker", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Hansen", "Ivanov"),
    *("Jensen", "Kowalski", "Lopez", "Moreau", "Novak", "Olsen", "Papas", "Rossi", "Silva"),
    *("Taylor", "Urban", "Virtanen", "Weber", "Young", "Ziegler"),
)
# Told as it is, column by column.
_PLAIN: Final = (
    *("birth_year", "arrival_us", "identified_us", "lapse_us", "brand_lean", "band"),
    *("price_sensitivity", "loyalty", "basket", "visit_rate", "order_propensity", "gap_days"),
    *("regularity", "browse_hour", "browse_spread", "weekday", "weekday_habit", "read_hour"),
    *("read_spread", "open_rate", "click_rate", "mail_order_rate", "prefetched", "scanned"),
    "bounces",
)


def customers(people: People, until_us: int) -> Iterator[pa.Table]:
    """Yield those who said who they are before `until_us`, by id."""
    for who in _blocks(np.flatnonzero(people.identified_us < until_us)):
        ids = text_column(customer_ids(who))
        email = pc.binary_join_element_wise(ids, pa.scalar("mail.example"), "@")
        yield pa.table([ids, email, _traits(people, who)], schema=CUSTOMERS)


def _blocks(who: Ints) -> Iterator[Ints]:
    """Yield customers in parts of bounded size; of none one empty part, which has columns too."""
    for first in range(0, max(len(who), 1), _AT_A_TIME):
        yield who[first : first + _AT_A_TIME]


def _traits(people: People, who: Ints) -> pa.Array:
    draws = mixed(who.astype(np.uint64), 1)
    names = pa.array([f"{first} {last}" for first in _FIRST_NAMES for last in _LAST_NAMES])
    homes = pa.array(
        [
            f'","locale":"{each.locale}","timezone":"{each.timezone}","country":"{each.country}",'
            f'"region":"{each.region}","city":"{each.city}","birth_year":'
            for each in PLACES
        ]
    )
    signup = pa.array((people.identified_us[who] // DAY_US).astype(np.int32), pa.date32())
    return pc.binary_join_element_wise(
        pa.scalar('{"name":"'),
        names.take(pa.array(draws % np.uint64(len(names)))),
        homes.take(pa.array(people.place[who])),
        pa.array(people.birth_year[who]).cast(pa.string()),
        pa.scalar(',"signup":"'),
        signup.cast(pa.string()),
        pa.scalar('"}'),
        "",
    )


def consents(people: People, left: list[tuple[Codes, Ints]], until_us: int) -> Iterator[pa.Table]:
    """Yield what was granted or denied before `until_us`: at first by customer, then withdrawals.

    Args:
        people: The customers.
        left: Who withdrew `email_marketing`, and when.
        until_us: The end of the simulation.
    """
    for who in _blocks(np.flatnonzero(people.identified_us < until_us)):
        owner = np.repeat(who, len(PURPOSES))
        purpose = np.tile(np.arange(len(PURPOSES)), len(who))
        granted = (people.consents[owner] >> purpose) & 1 == 1
        yield _entries(owner, purpose, granted, people.identified_us[owner], "consent")
    gone = np.concatenate([np.empty(0, np.int32), *(who for who, _ in left)])
    when = np.concatenate([np.empty(0, np.int64), *(instants for _, instants in left)])
    order = np.lexsort((gone, when))
    order = order[when[order] < until_us]
    first = np.zeros(len(order), np.int64)
    yield _entries(gone[order], first, first > 0, when[order], "withdrawn")


def _entries(
    who: NDArray[Any], purpose: Ints, granted: NDArray[np.bool_], ts_us: Ints, basis: str
) -> pa.Table:
    columns = [
        text_column(customer_ids(who)),
        pa.array(PURPOSES).take(pa.array(purpose)),
        granted,
        pa.repeat(basis, len(who)),
        pa.repeat(SOURCE, len(who)),
        pa.repeat(_POLICY, len(who)),
        ts_us,
    ]
    return pa.table(columns, schema=CONSENTS)


def people_truth(people: People, seed: int) -> Iterator[pa.Table]:
    """Yield what is true of each customer, identified or not, by id."""
    for who in _blocks(np.arange(len(people))):
        columns = {
            "customer_id": text_column(customer_ids(who)),
            "anonymous_id": text_column(anonymous_ids(who, seed)),
            "country": pa.array([each.country for each in PLACES]).take(
                pa.array(people.place[who])
            ),
            "timezone": pa.array([p.timezone for p in PLACES]).take(pa.array(people.place[who])),
            "device": pa.array(DEVICES).take(pa.array(people.device[who])),
            "brand": pa.array(BRANDS).take(pa.array(people.brand[who])),
            "campaign_effect": people.campaign_effect(who),
            **{name: getattr(people, name)[who] for name in _PLAIN},
            **{
                f"taste_{name.lower()}": people.tastes[who, number]
                for number, name in enumerate(CATEGORY_NAMES)
            },
        }
        yield pa.table(columns)
