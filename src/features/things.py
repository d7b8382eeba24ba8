"""Pairs of customer and key, behind tastes: found once for all keys that count the same rows.

A thing is what a row says of the keys of several kinds together, such as a product with its
category, brand and price. Weights are added up by customer and thing; the pairs of each key are
sums of these, which is the same, as they are exact. Things are few beside rows: they are numbered,
and keys are made of texts, once for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import ibis
from ibis import Table

from core import columns as c
from core.errors import ConfigError
from features.columns import Source
from features.formula import Column
from features.kinds.kind import Keyed, Keys, Kind, Rows

CUSTOMER: Final = "customer"  # a customer's number in a batch: shorter than an id
_NUMBER: Final = "int32"
_OF: Final = "of_"  # a column that keys are made of
_WEIGHT: Final = "weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """Keyed kinds, by number, that give the same weight to the same rows of a source.

    Rows are weighed: they have columns that keys are made of, `of_...`, and a `weight`.
    """

    name: str
    source: Source
    kinds: dict[int, Keyed] = field(default_factory=dict)

    @classmethod
    def among(cls, kinds: Iterable[Kind]) -> list[Things]:
        """Return the keyed ones of all kinds, those together that weigh rows alike."""
        found: dict[Any, Things] = {}
        for number, kind in enumerate(kinds):
            if isinstance(kind, Keyed):
                alike = (kind.source, kind.events, kind.weighing)
                new = cls(name=f"things_{number}", source=kind.source)
                found.setdefault(alike, new).kinds[number] = kind
        return list(found.values())

    @property
    def first(self) -> Keyed:
        """The first of the kinds, for what they have in common."""
        return next(iter(self.kinds.values()))

    def weighed(self, rows: Rows) -> Table:
        """Add up the weights of the contract's rows, by who and what.

        Raises:
            ConfigError: Two keys have one name for what they are made of, which differs.
        """
        made_of: dict[str, Any] = {}
        for key in (kind.key for kind in self.kinds.values()):
            raw: Any = key.raw(rows.table, rows.clock)
            if not made_of.setdefault(_OF + key.of, raw).equals(raw):
                raise ConfigError(
                    f"the key {key.name!r} is made of something else than another key that names "
                    f"it {key.of!r}, too: give it a name of its own."
                )
        weighed = rows.table.select(*rows.keys, **made_of, weight=self.first.weight(rows))
        return _summed(weighed, [*rows.keys, *made_of])

    def numbered(self, weighed: Table) -> Table:
        """Return the things of weighed rows: their number, their keys and the codes of these.

        A code is the number of a key, in order of the keys.
        """
        things = weighed.select(*_made_of(weighed)).distinct()
        things = things.mutate(**{_key(number): self._key(number, things) for number in self.kinds})
        things = things.mutate(**_filled(things)).distinct()  # once more: null is an empty text
        codes = {
            _code(number): ibis.cases((things[_key(number)].notnull(), _rank([_key(number)])))
            for number in self.kinds
        }
        return things.mutate(thing=_rank(_made_of(things)), **codes)

    def _key(self, number: int, rows: Table) -> Column:
        kept = f"{_OF}{number}"
        if kept in rows.columns:
            return rows[kept].nullif("")
        key = self.kinds[number].key
        return key.refined(rows[_OF + key.of])

    def paired(self, weighed: Table, things: Table, keys: Keys) -> Table:
        """Return weighed rows by the columns `keys` and `thing`."""
        made_of = _made_of(weighed)
        rows = weighed.mutate(**_filled(weighed))
        paired = rows.join(things.select(*made_of, "thing"), made_of)
        return paired.select(*keys, "thing", _WEIGHT)

    def pairs(self, number: int, paired: Table, things: Table, keys: Keys) -> Table:
        """Add up weights by the columns `keys` and the `code` of one kind's key."""
        codes = things.select("thing", code=things[_code(number)])
        rows = paired.join(codes.filter(codes.code.notnull()), "thing")
        return _summed(rows, [*keys, "code"])

    def worded(self, number: int, ranked: Table, things: Table, names: Sequence[str]) -> Table:
        """Return what has been ranked with keys in place of the codes in some columns."""
        texts = things.select(code=things[_code(number)], key=things[_key(number)])
        texts = texts.filter(texts.code.notnull()).distinct()
        columns = {name: f"text_{name}" if name in names else name for name in ranked.columns}
        for name in names:
            ranked = ranked.left_join(
                texts.select(**{name: texts.code, f"text_{name}": texts.key}), name
            )
        return ranked.select(**{name: ranked[of] for name, of in columns.items()})

    def kept(self, paired: Table, things: Table, customers: Table) -> Table:
        """Return pairs as weighed rows of customers, which mean the same in every batch."""
        texts = things.select("thing", **{f"{_OF}{n}": things[_key(n)] for n in self.kinds})
        rows = paired.join(texts, "thing").join(customers, CUSTOMER)
        return rows.select(c.CUSTOMER_ID, *_made_of(texts), _WEIGHT)

    def came(self, weighed: Table) -> Table:
        """Return weighed rows of customers as such pairs."""
        keys = {f"{_OF}{number}": self._key(number, weighed) for number in self.kinds}
        rows = weighed.select(c.CUSTOMER_ID, _WEIGHT, **keys)
        return _summed(rows, [c.CUSTOMER_ID, *keys])

    def moved(self, came: Table, old: Table, at_us: int) -> Table:
        """Return such pairs of who came, and the old ones, which are as of their `end_us`."""
        old = old.semi_join(came, c.CUSTOMER_ID)
        faded = self.first.faded(old.weight, old.end_us, at_us)
        names = _made_of(came)
        before = old.select(c.CUSTOMER_ID, *names, weight=faded)
        since = came.select(c.CUSTOMER_ID, *names, weight=came.weight.cast(faded.type()))
        return before.union(since)


def _made_of(rows: Table) -> list[str]:
    return [name for name in rows.columns if name.startswith(_OF)]


def _filled(rows: Table) -> dict[str, Column]:
    """Return what keys are made of as texts without nulls, which no join would find."""
    return {name: rows[name].cast("string").fill_null("") for name in _made_of(rows)}


def _summed(rows: Table, keys: Sequence[str]) -> Table:
    return rows.group_by(list(keys)).agg(weight=rows.weight.sum())


def _key(number: int) -> str:
    return f"key_{number}"


def _code(number: int) -> str:
    return f"code_{number}"


def _rank(names: Sequence[str]) -> Column:
    return ibis.dense_rank().over(ibis.window(order_by=list(names))).cast(_NUMBER)
