"""What no event says: traits of the customer, and the context of their place and day.

For SQL and for Python, side by side. A trait is the customer's of today, whatever the cut-off, as
traits have no history. The context is of the day of the cut-off, on the shop's clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import ibis
from ibis import Table

from core import columns as c
from core.clock import DAY_US
from features.formula import Around, Column, Formula, Outside, Trait
from features.shop import Shop
from ingest.contract import TABLES

# By day (since 1970), country, region and city; a side that is empty is the whole of it.
Surroundings = Mapping[tuple[int, str, str, str], Mapping[str, float | str]]
SIDES: Final = ("country", "region", "city")
# The rows that say something of a place: whether they name its region and its city. The first wins.
_NAMED: Final = ((True, True), (False, True), (True, False), (False, False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known besides a customer's events, when their features are read."""

    traits: Mapping[str, object] = field(default_factory=dict)
    context: Surroundings = field(default_factory=dict)


NOTHING: Final = Known()


# How engines read a text of a JSON object: the function, the path, the type it takes.
_JSON: Final = {
    "duckdb": ("json_extract_string", "$.{}", "string"),
    "snowflake": ("json_extract_path_text", "{}", "string"),
    "bigquery": ("json_value", "$.{}", "string"),
    "postgres": ("json_extract_path_text", "{}", "json"),
    "databricks": ("get_json_object", "$.{}", "string"),
}


def outside_table(
    reads: Table,
    names: Mapping[Outside, str],
    known: Mapping[Formula, Any],
    *,
    keys: tuple[str, ...],
    days: Mapping[int, int],
    dialect: str,
) -> Table:
    """Return the keys of `reads`, and a column for each of `names`.

    Traits are read from the contract's table `customers`, the rest from the table `context`:
    `day` (since 1970), `country`, `region`, `city`, of which the latter two may be empty, and
    the columns named; it has one row for each of these at most.

    Args:
        reads: One row for each of `keys`.
        names: What to look up, and how to name it.
        known: The columns of `reads` that say where somebody is.
        keys: The customer, after the cut-off where there are several.
        days: The day of each cut-off, on the shop's clock.
        dialect: Of SQL.
    """
    around = [each for each in names if isinstance(each, Around)]
    traits = {each: name for each, name in names.items() if isinstance(each, Trait)}
    places = dict.fromkeys(each.place for each in around)
    sides = {
        f"at{number}_{side}": known[read]
        for number, place in enumerate(places)
        for side, read in zip(SIDES, place, strict=True)
    }
    found = reads.select(*keys, **sides)
    if traits:
        found = found.left_join(_traits(traits, dialect), c.CUSTOMER_ID).drop("customer_id_right")
    for number, place in enumerate(places):
        here = {each: names[each] for each in around if each.place == place}
        found = _surrounded(found, here, f"at{number}_", days)
    return found.select(*keys, *names.values())


def _traits(names: Mapping[Trait, str], dialect: str) -> Table:
    people = ibis.table(ibis.schema(TABLES["customers"]), name="customers")
    found = {}
    for each, name in names.items():
        text = _json_text(people.traits, each.name, dialect)
        found[name] = ibis.cases((text.re_search(f"^({each.like})$"), text))
    return people.select(c.CUSTOMER_ID, **found)


def _json_text(column: Column, name: str, dialect: str) -> Column:
    """Return a text of a JSON object: Ibis itself asks for types that not all engines have."""
    function, path, given = _JSON[dialect]
    return _of_json(function, given)(column.cast(given), path.format(name))


@cache
def _of_json(function: str, given: str) -> Callable[[Column, str], Column]:
    def text_of(column, path): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # the engine's

    signature = ((given, "string"), "string")
    return ibis.udf.scalar.builtin(text_of, name=function, signature=signature)  # type: ignore[no-any-return]


def _surrounded(
    found: Table, names: Mapping[Around, str], mark: str, days: Mapping[int, int]
) -> Table:
    """Add columns of the context, each of the most specific row that has a value."""
    types = {"day": "int64", **dict.fromkeys(SIDES, "string")}
    types |= {each.column: "string" if each.text else "float64" for each in names}
    context = ibis.table(types, name="context")
    context = context.filter(context.day.isin(sorted({*days.values()})))
    kept = found.columns
    day = found.cutoff_us.cases(*days.items()) if len(days) > 1 else next(iter(days.values()))
    found = found.mutate(day=day)
    for nth, named in enumerate(_NAMED):
        columns = {name: context[name] for name in types}
        row = context.select(**{f"{name}_{nth}": column for name, column in columns.items()})
        joined = [found.day == row[f"day_{nth}"]]
        for side, is_named in zip(SIDES, (True, *named), strict=True):
            wanted = found[f"{mark}{side}"].fill_null("") if is_named else ""
            joined.append(row[f"{side}_{nth}"] == wanted)
        found = found.left_join(row, joined)
    nths = range(len(_NAMED))
    values = {
        name: ibis.coalesce(*(found[f"{each.column}_{nth}"] for nth in nths))
        for each, name in names.items()
    }
    return found.select(*kept, **values)


def lookup(one: Outside, shop: Shop) -> Callable[..., float | str | None]:
    """Return the function that looks up what no event says.

    It is given a `Known`, the instant (microseconds), and of `Around` the three sides of the place.
    """
    if isinstance(one, Trait):
        return _trait(one)
    return _around(one.column, shop)


def _trait(one: Trait) -> Callable[..., str | None]:
    name, is_like = one.name, re.compile(one.like).fullmatch

    def of(known: Known, at_us: int) -> str | None:
        value = known.traits.get(name)
        return value if isinstance(value, str) and is_like(value) else None

    return of


def _around(column: str, shop: Shop) -> Callable[..., float | str | None]:
    def of(
        known: Known, at_us: int, country: str | None, region: str | None, city: str | None
    ) -> float | str | None:
        day = shop.local_us(at_us) // DAY_US
        for of_region, of_city in _NAMED:
            place = (
                day,
                country or "",
                region or "" if of_region else "",
                city or "" if of_city else "",
            )
            value = known.context.get(place, {}).get(column)
            if value is not None:
                return value
        return None

    return of
