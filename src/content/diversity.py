"""An order that trades what is best for what is unlike the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush


class Diverse:
    """Hands out numbers of candidates one by one: far up in the order, and unlike what is taken.

    Source:
        Carbonell & Goldstein, "The use of MMR, diversity-based reranking", SIGIR 1998. What is
        relevant is told by the place in the order, since scores of different rungs do not
        compare; what is alike, by the path of the category. So among the products of one category
        the first is always the best: only the heads of as many queues compete.
    """

    def __init__(
        self, categories: Sequence[str], diversity: float, beside: Iterable[str] = ()
    ) -> None:
        """Take the categories of candidates, best first, and of what is in the list already.

        Args:
            categories: Paths.
            diversity: 0 keeps the order; at 1 only likeness counts.
            beside: Paths.
        """
        self._diversity = diversity
        self._size = max(len(categories), 1)
        self._queues: dict[str, deque[int]] = {}
        for number, category in enumerate(categories):
            self._queues.setdefault(category, deque()).append(number)
        self._taken: dict[str, list[str]] = {}  # by what all that is alike begins with
        for category in beside:
            self.take(category)
        # The likeness to what is taken, and to how many that is known.
        self._nearest = dict.fromkeys(self._queues, (0.0, 0))
        self._heap = [(self._cost(each), self._queues[each][0], each) for each in self._queues]
        heapify(self._heap)

    def pop(self) -> int | None:
        """Return the next; None when there are no more."""
        while self._heap:
            known, number, category = heappop(self._heap)
            # A cost only grows: what is cheapest when looked at anew is the cheapest of all.
            if (cost := self._cost(category)) > known:
                heappush(self._heap, (cost, number, category))
                continue
            queue = self._queues[category]
            queue.popleft()
            if queue:
                heappush(self._heap, (self._cost(category), queue[0], category))
            return number
        return None

    def take(self, category: str) -> None:
        """Say that something of a category is in the list now."""
        self._taken.setdefault(_head(category), []).append(category)

    def _cost(self, category: str) -> float:
        near, known = self._nearest[category]
        others = self._taken.get(_head(category), ())
        if known < len(others):
            near = max(near, *(alike(category, other) for other in others[known:]))
            self._nearest[category] = near, len(others)
        place = self._queues[category][0] / self._size
        return (1 - self._diversity) * place + self._diversity * near


@lru_cache(maxsize=65_536)
def alike(one: str, other: str) -> float:
    """Return how much of two category paths is the same, 0 to 1; an unknown one is unlike all."""
    if not one or not other:
        return 0.0
    left, right = one.casefold().split("/"), other.casefold().split("/")
    same = 0
    for here, there in zip(left, right, strict=False):
        if here != there:
            break
        same += 1
    return 2 * same / (len(left) + len(right))


@lru_cache(maxsize=4_096)
def _head(category: str) -> str:
    return category.partition("/")[0].casefold()
