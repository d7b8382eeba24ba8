"""What was left in the cart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
from ibis import Table

from core.clock import DAY_US
from features.formula import Read
from features.kinds.kind import Brief, Fold, Part, Reader, Rows
from features.measures import Measure
from features.row import Happening
from features.shop import Shop
from ingest.contract import ORDER_COMPLETED, PRODUCT_ADDED, PRODUCT_REMOVED


@dataclass(frozen=True, slots=True)
class Cart(Brief):
    """What was put into the cart and not taken out since the last order, for so many days."""

    measure: Measure
    days: int

    @property
    def events(self) -> tuple[str, ...]:  # type: ignore[override]  # made of other fields
        """Names of the events that count."""
        return (PRODUCT_ADDED, PRODUCT_REMOVED, ORDER_COMPLETED)

    @property
    def left(self) -> Read:
        """The sum of the measure over what is in the cart; never below 0."""
        return Read(self, "left", nullable=False)

    def table(self, events: Rows, items: Rows, reads: Sequence[Read]) -> Table:
        """Sum what came after each customer's last order."""
        since, keys = items.since(self.days), list(items.keys)
        amount = self.measure.column(items.table, items.clock)
        put = items.table.mutate(
            amount=ibis.ifelse(items.of((PRODUCT_ADDED,)), amount, -amount)
        ).filter(items.of((PRODUCT_ADDED, PRODUCT_REMOVED)), items.table.ts_us >= since)
        bought = events.table.filter(
            events.of((ORDER_COMPLETED,)), events.table.ts_us >= events.since(self.days)
        )
        last = bought.group_by(keys).agg(last_us=bought.ts_us.max())
        put = put.select(*keys, "ts_us", "amount").left_join(last, keys)
        put = put.filter(put.last_us.isnull() | (put.ts_us > put.last_us))
        total = put.amount.sum().cast("float64").fill_null(0.0)
        return put.group_by(keys).agg(left=ibis.ifelse(total > 0.0, total, 0.0))

    def init(self) -> Part:
        """Return no last order, and nothing put in."""
        return [None, []]

    def folder(self, shop: Shop) -> Fold:
        """Return the function that puts in, takes out, and empties."""
        of, span = self.measure.python(shop), (self.days + 1) * DAY_US

        def fold(part: Part, event: Happening) -> None:
            if event.event == ORDER_COMPLETED:
                _emptied(part, event.ts_us)
                return
            sign = 1 if event.event == PRODUCT_ADDED else -1
            amount = sum(of(line) or 0 for line in event.lines)
            if amount and (part[0] is None or event.ts_us > part[0]):
                part[1].append([event.ts_us, sign * amount])
                if part[1][0][0] < event.ts_us - span:
                    part[1] = [each for each in part[1] if each[0] >= event.ts_us - span]

        return fold

    def merge(self, part: Part, other: Part) -> None:
        """Put both carts together, and empty them at the later order."""
        part[1] += [list(each) for each in other[1]]
        for last in (part[0], other[0]):
            if last is not None:
                _emptied(part, last)

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return the sum over what was put in within the days."""
        number = len(reads)

        def read(part: Part, at: int) -> list[float]:
            since = at - at % DAY_US - self.days * DAY_US
            total = sum(amount for ts_us, amount in part[1] if ts_us >= since)
            return [float(max(total, 0))] * number

        return read


def _emptied(part: Part, ts_us: int) -> None:
    part[0] = ts_us if part[0] is None else max(part[0], ts_us)
    part[1] = [each for each in part[1] if each[0] > part[0]]
