"""Features of one customer, live: fold an event, merge two customers, read at any instant.

The same definitions as the batch, over the same kinds. Events of one customer may come late,
in any order and in several states that are merged, but each once: the log drops duplicates.
Kinds that depend on order keep a tail in which a late event finds its place; one older than the
tail makes the state `stale`, and then `Stream.replay` over the customer's events mends it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from core.errors import DataError
from core.ids import digest
from features.feature import Feature, checked, facts_of, kinds_of, outside_of
from features.formula import NAMES, Formula, Printer, parts_of
from features.kinds.kind import Fold, Kind, Part
from features.outside import NOTHING, Known, lookup
from features.row import Happening
from features.shop import Shop
from ingest.contract import EVENT_NAMES

Values = tuple[Any, ...]  # numbers and texts
_LEVEL: Final = 1  # of compression: more takes longer and gains little


@dataclass(slots=True)
class State:
    """What is kept of one customer: a part for each kind that has seen an event."""

    parts: dict[int, Part] = field(default_factory=dict)


class Stream:
    """Folds events into states, and reads features from them."""

    def __init__(self, features: Iterable[Feature], shop: Shop | None = None) -> None:
        self.features = checked(features)
        kinds = kinds_of(self.features)
        self._kinds: tuple[Kind, ...] = tuple(kinds)
        self._in_order = [slot for slot, kind in enumerate(self._kinds) if kind.in_order]
        self._shop = shop or Shop()
        self._of_event, self._of_lines = self._folds(self._shop)
        self._facts = facts_of(self.features)
        self._no_facts = (None,) * len(self._facts)
        self._read = self._compiled([(kind, kinds[kind]) for kind in self._kinds])
        self._mark = bytes.fromhex(digest([repr(kind) for kind in self._kinds]))

    def _folds(self, shop: Shop) -> tuple[dict[str, list[_Slot]], dict[str, list[_Slot]]]:
        """Return what to call for an event of each name, and for each of its lines."""
        of_event: dict[str, list[_Slot]] = {name: [] for name in EVENT_NAMES}
        of_lines: dict[str, list[_Slot]] = {name: [] for name in EVENT_NAMES}
        for slot, kind in enumerate(self._kinds):
            fold = kind.folder(shop)
            for event in dict.fromkeys(kind.events):
                of = of_lines if kind.source == "items" else of_event
                of[event].append((slot, fold, kind.init))
        return of_event, of_lines

    def fold(self, state: State, event: Happening) -> None:
        """Add one event, which must not have been added before.

        What a machine did, and events that are none of the contract, count for nothing.
        """
        folds = self._of_event.get(event.event)
        if folds is None or event.is_machine:
            return
        parts = state.parts
        for slot, fold, init in folds:
            part = parts.get(slot)
            if part is None:
                part = parts[slot] = init()
            fold(part, event)
        if event.lines:
            for slot, fold, init in self._of_lines[event.event]:
                part = parts.get(slot)
                if part is None:
                    part = parts[slot] = init()
                for line in event.lines:
                    fold(part, line)

    def replay(self, events: Iterable[Happening]) -> State:
        """Return the state of a customer's events, whatever their order."""
        state = State()
        for event in sorted(events, key=lambda each: each.ts_us):
            self.fold(state, event)
        return state

    def merge(self, state: State, other: State) -> None:
        """Add another customer's events, when two turn out to be one; `other` is left alone."""
        for slot, part in self.unpack(self.pack(other)).parts.items():
            if slot in state.parts:
                self._kinds[slot].merge(state.parts[slot], part)
            else:
                state.parts[slot] = part

    def is_stale(self, state: State) -> bool:
        """Say whether an event came too late for a kind that depends on order: replay."""
        return any(state.parts[slot][0] for slot in self._in_order if slot in state.parts)

    def read(
        self,
        state: State,
        at_us: int,
        facts: Sequence[float | None] = (),
        outside: Known = NOTHING,
    ) -> Values:
        """Return every feature, in order, as of an instant after the last event.

        Args:
            state: Of the customer.
            at_us: Instant, microseconds UTC.
            facts: What is known of the shop, in the order of `facts_of(features)`: from the
                last batch. Without them features that need them have their defaults.
            outside: The customer's traits, and the context; likewise.
        """
        return self._read(state.parts, at_us, facts or self._no_facts, outside)

    def _compiled(
        self, kinds: Sequence[tuple[Kind, Sequence[Any]]]
    ) -> Callable[[dict[int, Part], int, Sequence[float | None], Known], Values]:
        """Write one function that reads all features; a tree of calls takes longer."""
        given: dict[str, Any] = dict(NAMES)
        known: dict[Formula, str] = {}
        lines = []
        for slot, (kind, reads) in enumerate(kinds):
            given[f"read_{slot}"], given[f"none_{slot}"] = kind.reader(reads), kind.init()
            found = []
            for read in reads:
                known[read] = f"r{len(known)}"
                found.append(known[read])
            lines.append(f"{', '.join(found)}, = read_{slot}(parts.get({slot}, none_{slot}), at)")
        for number, fact in enumerate(self._facts):
            known[fact] = f"f{number}"
            lines.append(f"f{number} = facts[{number}]")
        for number, one in enumerate(outside_of(self.features)):
            given[f"look_up_{number}"] = lookup(one, self._shop)
            known[one] = f"o{number}"
            place = "".join(f", {known[read]}" for read in parts_of(one))
            lines.append(f"o{number} = look_up_{number}(outside, at{place})")
        printer = Printer(known)
        values = [printer.name(one.value.or_default(one.default)) for one in self.features]
        body = "\n    ".join([*lines, *printer.lines, f"return ({', '.join(values)},)"])
        exec(f"def read(parts, at, facts, outside):\n    {body}", given)  # noqa: S102  # printed from definitions of ours
        return given["read"]  # type: ignore[no-any-return]  # just defined

    def pack(self, state: State) -> bytes:
        """Return a state as bytes, to be stored."""
        parts = {slot: self._kinds[slot].packed(part) for slot, part in state.parts.items()}
        return self._mark + zlib.compress(msgspec.msgpack.encode(parts), _LEVEL)

    def unpack(self, packed: bytes) -> State:
        """Return the state of `pack`.

        Raises:
            DataError: It was packed with other definitions: replay the customer's events.
        """
        size = len(self._mark)
        if packed[:size] != self._mark:
            raise DataError(
                "a stored state is of other feature definitions. Replay the customer's events."
            )
        stored = _DECODER.decode(zlib.decompress(packed[size:]))
        return State({slot: self._kinds[slot].unpacked(part) for slot, part in stored.items()})


_Slot = tuple[int, Fold, Callable[[], Part]]
_DECODER: Final = msgspec.msgpack.Decoder(dict[int, Any])
