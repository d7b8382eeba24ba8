"""What a feature is: one line of data that training, serving, export and erasure all read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from core import columns as c
from core.errors import ConfigError
from core.ids import digest
from features.formula import Fact, Formula, Outside, Read, leaves
from features.kinds.kind import Kind
from ingest.contract import EVENT_NAMES

# Part of the definitions' hash: raise it when a kind or measure changes what it means.
_MEANING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What a feature means, and how stale it may be when an e-mail is rendered."""

    name: str
    value: Formula
    unit: str
    description: str
    default: float | str = 0.0  # where the customer's events leave the value undefined
    max_age: timedelta = timedelta(days=1)  # older than this at send time: compute anew
    personal_data: bool = True  # included in exports and erasure of a person

    @property
    def dtype(self) -> Literal["float64", "string"]:
        """Type of its column; numbers have no gaps, a text that is not known is empty."""
        return "string" if isinstance(self.default, str) else "float64"

    @property
    def reads(self) -> tuple[Read, ...]:
        """What it reads of the customer's events, each once."""
        return tuple(dict.fromkeys(one for one in leaves(self.value) if isinstance(one, Read)))

    @property
    def window_days(self) -> int | None:
        """How far back it looks at most, None: over the whole history."""
        days = [read.kind.reach(read) for read in self.reads]
        return None if None in days else max((day for day in days if day is not None), default=0)


def names(features: Iterable[Feature]) -> list[str]:
    """Return the features' names, in order: the columns of a frame of them."""
    return [feature.name for feature in features]


def kinds_of(features: Iterable[Feature]) -> dict[Kind, list[Read]]:
    """Return the kinds behind features, each with what is read of it, each once and in order."""
    found: dict[Kind, dict[Read, None]] = {}
    for feature in features:
        for read in feature.reads:
            found.setdefault(read.kind, {})[read] = None
    return {kind: list(reads) for kind, reads in found.items()}


def facts_of(features: Iterable[Feature]) -> tuple[Fact, ...]:
    """Return what features need to know of the shop's other customers, each once, in order."""
    found = (leaf for one in features for leaf in leaves(one.value))
    return tuple(dict.fromkeys(leaf for leaf in found if isinstance(leaf, Fact)))


def outside_of(features: Iterable[Feature]) -> tuple[Outside, ...]:
    """Return what features need to know that no event says, each once, in order."""
    found = (leaf for one in features for leaf in leaves(one.value))
    return tuple(dict.fromkeys(leaf for leaf in found if isinstance(leaf, Outside)))


def checked(features: Iterable[Feature]) -> tuple[Feature, ...]:
    """Return features after checking that they can live together.

    Raises:
        ConfigError: Two have one name, one has that of a key, or one counts an event that the
            contract does not know.
    """
    listed = tuple(features)
    seen: set[str] = set()
    for feature in listed:
        if feature.name.casefold() in seen:  # engines do not tell capitals apart
            raise ConfigError(f"two features have the name {feature.name!r}: rename one.")
        if feature.name.casefold() in (c.CUSTOMER_ID, c.CUTOFF_US):
            raise ConfigError(f"a feature cannot have the name {feature.name!r}: rows have it.")
        seen.add(feature.name.casefold())
        for read in feature.reads:
            for event in read.kind.events:
                if event not in EVENT_NAMES:
                    raise ConfigError(
                        f"feature {feature.name!r} counts the event {event!r}, which is none of "
                        f"the contract (ingest.contract): {', '.join(EVENT_NAMES)}."
                    )
    return listed


def definitions_digest(features: Iterable[Feature]) -> str:
    """Return a hash that changes whenever the meaning of one of `features` may have changed."""
    return digest(_MEANING, [repr(feature) for feature in features])
