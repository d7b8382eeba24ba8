"""The windows of time that the recommender learns from and is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import duckdb
import numpy as np
from scipy import sparse

from core.errors import NotEnoughDataError
from features.dataset import first_order
from models.als import shared_products
from models.assortment import Assortment, Strings, read_assortment
from models.candidates import Candidate, CandidateParams, fit_candidates
from models.content import Content
from models.evaluation import SCOPES, require_targets
from models.interactions import (
    History,
    Purchases,
    read_orders,
    read_targets,
    require_purchases,
)
from models.recommender import HALF_LIFE
from models.registered import WINDOW
from pipelines.training import SEED

LESSONS: Final = 3  # windows that teach the hybrid, as far as there is history


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was known before an instant, and what was bought in the time after it."""

    before: datetime
    assortment: Assortment
    customers: Strings
    purchases: Purchases
    orders: sparse.csr_matrix
    digest: str
    targets: sparse.csr_matrix | None = None

    def models(self, params: CandidateParams, content: Content) -> Sequence[Candidate]:
        """Fit the candidate models on what was known."""
        return fit_candidates(
            self.purchases,
            self.assortment,
            params,
            orders=self.orders,
            content=content,
            seed=SEED,
        )


def earlier_windows(
    connection: duckdb.DuckDBPyConnection,
    consenting: Strings,
    as_of: datetime,
    length: timedelta = WINDOW,
) -> list[Window]:
    """Return the window to test on and those that teach, the last first.

    They are checked: an error in a trial is a traceback.

    Raises:
        NotEnoughDataError: The test window, or the one before it, has nobody to learn from or to
            be measured by.
    """
    begins, windows = first_order(connection), []
    for number in range(1, LESSONS + 2):
        start = as_of - number * length
        if begins is None or start <= begins:
            break
        window = window_of(connection, consenting, start, until=length)
        try:
            shared_products(window.purchases)
            scopes = SCOPES if number == 1 else ("new",)
            require_targets(window.targets, window.purchases, scopes)
        except NotEnoughDataError:
            if number <= 2:  # the test, and the least that teaches
                raise
            break
        windows.append(window)
    return windows


def window_of(
    connection: duckdb.DuckDBPyConnection,
    consenting: Strings,
    start: datetime,
    *,
    until: timedelta | None = None,
) -> Window:
    """Read what was known before `start` and, if `until` is given, what was bought after it."""
    assortment = read_assortment(connection, before=start)
    history = History(connection, assortment, before=start, half_life=HALF_LIFE)
    customers = np.intersect1d(history.customers(), consenting)
    purchases = history.of(customers)
    require_purchases(purchases, before=start)
    targets = None
    if until is not None:
        targets = read_targets(connection, assortment, customers, start=start, end=start + until)
    return Window(
        before=start,
        assortment=assortment,
        customers=customers,
        purchases=purchases,
        orders=read_orders(connection, assortment, customers, before=start),
        digest=history.digest(customers),
        targets=targets,
    )
