"""Affinity: what a customer turns to most, and turned to lately."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import ibis
from ibis import Table

from core.clock import DAY_US
from core.errors import ConfigError
from features.formula import Column, Read
from features.keys import Key
from features.kinds.decayed import checked_half_life, fading, grown, is_far
from features.kinds.kind import EXACT, SMALL, Fold, Keyed, Keys, Move, Part, Reader, Rows
from features.row import Row
from features.shop import Shop

_RANKED: Final = ("key", "share")
CAP: Final = 24  # keys of a part after pruning; it prunes at twice as many
_WEIGHTS: Final = "decimal(38, 16)"  # a sum of these may be any number
_MOST_WEIGHT: Final = 100  # SMALL holds what is below
_GRAIN: Final = 2.0**30  # steps a doubling; weights of one step are a tie, broken by the key
_NOTHING: Final = -1e15  # below the step of any weight


@dataclass(frozen=True, slots=True)
class Taste(Keyed):
    """Affinity for the values of a key: weights of events, halved after every half-life.

    A part keeps each key's weight, and that of all, as of a landmark: shares do not change as
    time passes. It is exact below `2 * CAP` keys. Above, the smallest go, and `lost` bounds what
    any key may be short by: at each pruning no more than the greatest weight that went (after
    Misra and Gries, 1982). Number and entropy are then of the keys that are left.
    """

    key: Key
    weights: tuple[tuple[str, float], ...]  # event -> what it counts
    half_life_days: float

    def __post_init__(self) -> None:
        checked_half_life(self.half_life_days)
        for event, weight in self.weights:
            if not 0 < weight < _MOST_WEIGHT:
                raise ConfigError(
                    f"a weight of a taste is a number above 0 and below {_MOST_WEIGHT}, "
                    f"not {weight} ({event})."
                )
        if not self.weights:
            raise ConfigError("a taste counts at least one event: give it weights.")

    @property
    def events(self) -> tuple[str, ...]:  # type: ignore[override]  # made of other fields
        """Names of the events that count."""
        return tuple(event for event, _ in self.weights)

    @property
    def source(self) -> Literal["events", "items"]:  # type: ignore[override]  # the key's own
        """Where the key is."""
        return self.key.source

    def top(self, place: int) -> Read:
        """Return the key in a place, 1 for the strongest."""
        return Read(self, "key", place, text=True)

    def share(self, place: int) -> Read:
        """Return the share of all affinity that the key in a place has."""
        return Read(self, "share", place, nullable=False)

    @property
    def strength(self) -> Read:
        """Affinity for all keys, in units of a weight of 1 given at the cut-off."""
        return Read(self, "strength", nullable=False)

    @property
    def keys(self) -> Read:
        """How many different keys there are."""
        return Read(self, "keys", nullable=False)

    @property
    def entropy(self) -> Read:
        """Entropy of the shares, in nats; 0: one key only."""
        return Read(self, "entropy", nullable=False)

    @property
    def weighing(self) -> Hashable:  # type: ignore[override]  # made of other fields
        """What the weight of a row depends on, besides the row."""
        return (self.weights, self.half_life_days)

    def weight(self, rows: Rows) -> Column:
        """Return the weight of each row's event, faded."""
        weights = {weight for _, weight in self.weights}
        weight = weights.pop() if len(weights) == 1 else rows.table.event.cases(*self.weights)
        return (weight * fading(rows, self.half_life_days)).cast(SMALL)

    def faded(self, weight: Column, since: Column, at_us: int) -> Column:
        """Let weights fade."""
        age = (at_us - since) / float(DAY_US)
        left = ibis.literal(2.0, "float64") ** (-age / self.half_life_days)
        return (_double(weight) * left).cast(_WEIGHTS)

    def ranked(self, pairs: Table, keys: Keys, reads: Sequence[Read]) -> Table:
        """Rank the keys of each customer, and put the first in columns."""
        if {read.what for read in reads} & {*_RANKED}:
            order = [ibis.desc(_grain(pairs.weight)), ibis.asc(pairs.code)]
            place = ibis.row_number().over(ibis.window(group_by=keys, order_by=order)) + 1
            pairs = pairs.mutate(place=place)
        return pairs.group_by(keys).agg(
            **{read.part: self._aggregate(pairs, read) for read in reads}
        )

    def advance(self, move: Move, reads: Sequence[Read]) -> dict[str, Column]:
        """Return what was ranked anew; of all others only the strength fades."""
        fade = 2.0 ** (-move.days / self.half_life_days)
        old = {name: part * fade if name == "strength" else part for name, part in move.old.items()}
        return {name: part.fill_null(old[name]) for name, part in move.came.items()}

    def _aggregate(self, pairs: Table, read: Read) -> Column:
        match read.what:
            case "key":
                return pairs.code.max(where=pairs.place == read.argument)
            case "share":
                weight = _double(pairs.weight.max(where=pairs.place == read.argument))
                return weight / _double(pairs.weight.sum()).nullif(0.0)
            case "strength":
                return _double(pairs.weight.sum())
            case "keys":
                return pairs.count().cast("float64")
        weight, total = _double(pairs.weight), _double(pairs.weight.sum())
        logs = ibis.cases((pairs.weight > 0, weight * weight.ln())).cast(EXACT).sum()
        has_several = (total > 0.0) & (pairs.count() > 1)  # of one it is 0, and no rounding
        nats = ibis.cases((has_several, total.ln() - _double(logs) / total))
        return ibis.ifelse(nats > 0.0, nats, 0.0)

    def init(self) -> Part:
        """Return a landmark that the first event sets, no keys, nothing lost, no weight."""
        return [None, {}, 0.0, 0.0]

    def folder(self, shop: Shop) -> Fold:
        """Return the function that adds to a key."""
        of, unit, weights = self.key.python(shop), self.half_life_days * DAY_US, dict(self.weights)

        def fold(part: Part, row: Row) -> None:
            if (key := of(row)) is None:
                return
            if part[0] is None:
                part[0] = row.ts_us
            elif is_far(part, row.ts_us, unit):
                self._move(part, row.ts_us)
            kept = part[1]
            weight = weights[row.event] * grown(part, row.ts_us, unit)
            kept[key] = kept.get(key, 0.0) + weight
            part[3] += weight
            if len(kept) > 2 * CAP:
                _prune(part)

        return fold

    def _move(self, part: Part, ts_us: int) -> None:
        """Give weights as of a later landmark."""
        shrink = grown(part, ts_us, self.half_life_days * DAY_US)
        kept = {key: weight / shrink for key, weight in part[1].items()}
        part[:] = [ts_us, kept, part[2] / shrink, part[3] / shrink]

    def merge(self, part: Part, other: Part) -> None:
        """Add the other's keys, as of the later landmark."""
        if other[0] is None:
            return
        if part[0] is None:
            part[:] = [other[0], dict(other[1]), *other[2:]]
            return
        if other[0] > part[0]:
            self._move(part, other[0])
        shrink = grown(part, other[0], self.half_life_days * DAY_US)
        kept = part[1]
        for key, weight in other[1].items():
            kept[key] = kept.get(key, 0.0) + weight * shrink
        part[2] += other[2] * shrink
        part[3] += other[3] * shrink
        if len(kept) > 2 * CAP:
            _prune(part)

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return keys, their shares, or what is said of all of them."""
        unit = self.half_life_days * DAY_US
        wanted = [(read.what, (read.argument or 1) - 1) for read in reads]
        most = max((place + 1 for what, place in wanted if what in _RANKED), default=0)

        def read(part: Part, at: int) -> list[Any]:
            ranked = _ranked(part, most) if most else []
            found: list[Any] = []
            for what, place in wanted:
                if what in _RANKED:
                    key, share = ranked[place] if place < len(ranked) else (None, 0.0)
                    found.append(key if what == "key" else share)
                elif what == "keys":
                    found.append(float(len(part[1])))
                elif what == "entropy":
                    found.append(_entropy(part))
                else:
                    strength = part[3] * 2.0 ** ((part[0] - at) / unit) if part[1] else 0.0
                    found.append(strength)
            return found

        return read


def _double(column: Column) -> Column:
    return column.cast("float64")


def _grain(weight: Column) -> Column:
    """Return what keys are ranked by: weights that differ in the ninth digit only are a tie."""
    return ibis.ifelse(weight > 0, (_double(weight).log2() * _GRAIN).round(), _NOTHING)


def bound(part: Part) -> float:
    """Return how much of all affinity any key's share may be short by; 0 below the cap."""
    return float(part[2] / part[3]) if part[2] else 0.0


def _prune(part: Part) -> None:
    kept = sorted(part[1].items(), key=lambda pair: (-pair[1], pair[0]))
    part[2] += kept[CAP][1]
    part[1] = dict(kept[:CAP])


def _ranked(part: Part, most: int) -> list[tuple[str, float]]:
    kept, total = part[1], part[3] or 1.0
    if len(kept) > most:  # only what may be among the first is worth a logarithm
        least = sorted(kept.values())[-most] * (1.0 - 1e-6)
        candidates = [(key, weight) for key, weight in kept.items() if weight >= least]
    else:
        candidates = list(kept.items())
    ranked = sorted(
        (-math.floor(math.log2(weight) * _GRAIN + 0.5) if weight else -_NOTHING, key)
        for key, weight in candidates
    )
    return [(key, kept[key] / total) for _, key in ranked[:most]]


def _entropy(part: Part) -> float:
    total = part[3] if len(part[1]) > 1 else 0.0  # of one it is 0, and no rounding
    shares = (weight / total for weight in part[1].values() if weight) if total else ()
    return float(-sum(share * math.log(share) for share in shares))
