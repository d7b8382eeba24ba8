"""Training sets of mails: features as of the day of each mail, labels from its answers.

The latest fifth of the mails is the test slice, a quarter of those that were answered before it the
validation slice, and training rows are mails answered before that. Answers that reach into a later
slice are purged from what is chosen by, as in `features.dataset`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

import duckdb
import numpy as np
from numpy.typing import NDArray

from core import columns as c
from core.clock import DAY, DAY_US, MICROSECOND, from_us, to_us
from core.errors import NotEnoughDataError
from core.ids import digest
from features.dataset import MIN_OF_A_CLASS, Cutoffs, Dataset, check_classes, sliced
from features.engine import content_digest, features_at
from features.feature import Feature, definitions_digest, names
from features.labels import answers
from features.registry import ENGAGEMENT
from features.shop import Shop

Answer = Literal["opened", "clicked", "redeemed"]
MOST_MAILS: Final = 200_000  # more would hardly teach more
_TEST: Final = 0.2  # of the mails
_VALIDATION: Final = 0.25  # of the mails answered before the test slice
_BLOCKS: Final = 7  # of training, each judged by models of earlier ones
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

Instants = NDArray[np.int64]


def answer_set(
    connection: duckdb.DuckDBPyConnection,
    *,
    answer: Answer,
    as_of: datetime,
    within: timedelta,
    features: Sequence[Feature] = ENGAGEMENT,
    shop: Shop | None = None,
    customers: set[str] | None = None,
    least: int = MIN_OF_A_CLASS,
    seed: int = 0,
    advance: Callable[[int], object] = lambda rows: None,
) -> Dataset:
    """Join each mail's features, as of the midnight before it, to how it was answered.

    Args:
        connection: A database with the lake's views.
        answer: What is foretold; a machine's answer is none.
        as_of: Only mails whose time to answer ended before it.
        within: How long an answer counts.
        features: Columns, in the model's order.
        shop: Time zone and currency rates.
        customers: Who may be learnt from (consent to `model_training`); None: everybody.
        least: How many mails with the answer, and without, the training slice needs.
        seed: Of the mails drawn where there are very many.
        advance: Called with the number of mails whose features are done.

    Returns:
        A dataset with a row per mail: `campaign_id` and `ts_us` besides the usual. `cutoff_us` is
        when its block of mails began.

    Raises:
        NotEnoughDataError: Too few mails, too short a history, or one kind of answer only.
    """
    mails = answers(connection, since=_EVER, before=as_of, within=within)
    if customers is not None:
        mails = mails[mails[c.CUSTOMER_ID].isin(customers)].reset_index(drop=True)
    if len(mails) > MOST_MAILS:
        mails = mails.sample(MOST_MAILS, random_state=seed).sort_index(ignore_index=True)
    at = layout(mails["ts_us"].to_numpy(), within)
    frame = features_at(connection, mails, features=features, shop=shop, advance=advance)
    starts = np.array([to_us(each) for each in at.all])
    block = starts[np.searchsorted(starts, frame["ts_us"].to_numpy(), side="right") - 1]
    frame[c.CUTOFF_US], frame[c.LABEL] = block, frame[answer].astype("int8")
    frame = frame.drop(columns=["opened", "clicked", "redeemed"])
    span = within // MICROSECOND
    named = digest(
        definitions_digest(features), starts.tolist(), [answer, span], content_digest(frame)
    )
    known = frame["ts_us"] + span
    dataset = sliced(
        frame, frame["ts_us"], known, at, features=tuple(names(features)), digest=named
    )
    check_classes(dataset, row="a mail", did=answer, least=least)
    return dataset


def layout(ts_us: Instants, within: timedelta) -> Cutoffs:
    """Lay out slices of mails by when they were delivered, each beginning at a midnight (UTC).

    Args:
        ts_us: When each mail was delivered, in any order.
        within: How long an answer counts.

    Returns:
        When each slice begins; its horizon is that of the longest training block and the time to
        answer its last mail.

    Raises:
        NotEnoughDataError: There are no mails from before an earlier slice was answered.
    """
    span = within // MICROSECOND
    test = _midnight_of_last(ts_us, _TEST)
    answered = ts_us[ts_us + span <= test]
    validation = _midnight_of_last(answered, _VALIDATION)
    early = answered[answered + span <= validation]
    if not len(early):
        days = (int(ts_us.max() - ts_us.min()) // DAY_US) if len(ts_us) else 0
        raise NotEnoughDataError(
            f"{len(ts_us):,} mails of {days} days, each answered within {within // DAY}, are too "
            "few to learn from some, choose by later ones and test on the latest. Import more "
            "e-mail events (Email Delivered or Campaign Sent, with a campaign_id)."
        )
    edges = np.quantile(early, np.arange(_BLOCKS) / _BLOCKS, method="lower") // DAY_US * DAY_US
    starts = np.unique(edges).tolist()
    longest = max(later - start for start, later in pairwise([*starts, validation]))
    return Cutoffs(
        training=tuple(from_us(start) for start in starts),
        validation=from_us(validation),
        test=from_us(test),
        horizon=longest * MICROSECOND + within,
    )


def _midnight_of_last(ts_us: Instants, share: float) -> int:
    """Return the midnight from which on lie so many of the mails; 0 without one."""
    if not len(ts_us):
        return 0
    return int(np.quantile(ts_us, 1 - share, method="lower")) // DAY_US * DAY_US
