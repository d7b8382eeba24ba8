"""Train the hour and weekday to send at, and let it meet the shop's best hour."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

import duckdb
import numpy as np
import pandas as pd

from core import columns as c
from core.clock import DAY
from core.ids import digest
from core.settings import Settings
from features.engine import content_digest, feature_frame
from features.feature import definitions_digest
from features.reading import HALF_LIFE, first_read, mail_answers, mail_reads
from features.registry import SEND_TIME
from features.shop import Shop
from ingest.lake import connect
from models import registered
from models.bundles import LoadedModel
from models.gate import Verdict, decide, mean, paired_bootstrap
from models.send_time import FEATURES, WITHIN, SendTime, groups_of
from models.send_time_fit import choose, fit_send_time
from models.send_time_measures import Later, Past, Readers, hits, log_likelihood
from models.send_time_plots import best_hours, later_hits
from models.sufficiency import require
from pipelines.learnable import facts_of
from pipelines.outcome import Outcome
from pipelines.training import SEED, Contender, Contest, LearntFrom, finish, learners

LONGEST: Final = 90 * DAY  # of a slice
CANDIDATE: Final = "own hour"
RULE: Final = "shop's best hour"
PURPOSE: Final = (
    "Says at which hour, and on which weekday, to send to a customer so that the mail is read "
    f"within {WITHIN} hours. For handing over to the e-mail service provider, mail by mail."
)
LIMITS: Final = (
    "It says when mail is read, not whether more is read if it comes then: that is an experiment.",
    "Opens that a mailbox makes by itself count for nothing, so of its owner only clicks tell.",
    "A weekday can only be compared with others that the shop mails on.",
    "The hour is on the clock of the customer's trait `timezone`, else on the shop's.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slices:
    """Cut at `validation` and at `test`: two pasts, and what was read after each."""

    early: Past
    between: Later
    past: Past
    later: Later
    validation: datetime
    test: datetime
    first: datetime  # read


def run(settings: Settings, *, as_of: datetime, trials: int, register: bool) -> Outcome:
    """Train, compare and register `send-time`.

    Args:
        settings: The workspace.
        as_of: Only what was known strictly before counts.
        trials: Not used: all pseudo-counts are tried.
        register: False evaluates only.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Less than 90 days of opens and clicks by people, or too few readers.
    """
    del trials
    connection = connect(settings.home)
    try:
        allowed = learners(settings, connection, as_of=as_of)
        require(facts_of(settings, connection, allowed, as_of=as_of), "send-time")
        first = first_read(connection) or as_of
        slices = _slices(connection, first, as_of, set(allowed.ids), Shop.of(settings))
    finally:
        connection.close()
    with allowed.named():  # here: a run once started leaves its trace in the workspace
        Readers.of(slices.early, slices.between)
        readers = Readers.of(slices.past, slices.later)
    data = LearntFrom(
        name=registered.SEND_TIME,
        as_of=as_of,
        digest=_digest(slices),
        cutoffs=(slices.validation, slices.test),
        rows=len(slices.past.frame),
        left_out=allowed.left_out,
        features=dict.fromkeys(FEATURES, "float64"),
        features_digest=definitions_digest(SEND_TIME),
    )

    def fit(champion: LoadedModel | None) -> Contest:
        shrinkage, corrects = choose(slices.early, slices.between, seed=SEED)
        model = fit_send_time(slices.past, shrinkage, corrects=corrects)
        return _contest(settings, slices, readers, model, champion)

    return finish(settings, data=data, params={"seed": SEED}, fit=fit, register=register)


def _test_cutoff(first: datetime, as_of: datetime) -> tuple[datetime, timedelta]:
    """Return where the slice begins that judges, and its length: a third of the history at most."""
    length = min(LONGEST, (as_of - first) / 3)
    return as_of - length, length


def _slices(
    connection: duckdb.DuckDBPyConnection,
    first: datetime,
    as_of: datetime,
    allowed: set[str],
    shop: Shop,
) -> _Slices:
    test, length = _test_cutoff(first, as_of)
    validation = test - length

    def of_allowed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame[c.CUSTOMER_ID].isin(allowed)].reset_index(drop=True)

    def past(at: datetime) -> Past:
        frame = feature_frame(connection, cutoffs=[at], features=SEND_TIME, shop=shop, who="seen")
        reads = mail_reads(connection, before=at, shop=shop, half_life=HALF_LIFE)
        answers = mail_answers(connection, before=at, shop=shop, half_life=HALF_LIFE)
        return Past(frame=of_allowed(frame), reads=of_allowed(reads), answers=of_allowed(answers))

    def later(since: datetime, before: datetime) -> Later:
        reads = mail_reads(connection, since=since, before=before, shop=shop)
        answers = mail_answers(connection, since=since, before=before, shop=shop)
        return Later(reads=of_allowed(reads), answers=of_allowed(answers))

    return _Slices(
        early=past(validation),
        between=later(validation, test),
        past=past(test),
        later=later(test, as_of),
        validation=validation,
        test=test,
        first=first,
    )


def _digest(slices: _Slices) -> str:
    pasts, laters = (slices.early, slices.past), (slices.between, slices.later)
    return digest(
        definitions_digest(SEND_TIME),
        [content_digest(past.frame) for past in pasts],
        [content_digest(part) for one in (*pasts, *laters) for part in (one.reads, one.answers)],
    )


def _contest(
    settings: Settings,
    slices: _Slices,
    readers: Readers,
    model: SendTime,
    champion: LoadedModel | None,
) -> Contest:
    rule = model.baseline()
    notes = [] if model.tells_weekdays else ["No best weekday: the shop mails on one only."]
    rival = _comparable(champion, slices, notes)
    likely, usual = (log_likelihood(one, readers) for one in (model, rule))
    gain = paired_bootstrap(likely, usual, metric=mean, seed=SEED, units=readers.reader)
    notes.append(f"Gain in log likelihood per read over {RULE}: {gain}.")
    stays = rival is None and _has_seen(champion, slices)
    current = None
    if rival is not None and champion is not None:
        current = _contender(f"champion v{champion.version}", rival, readers)
    return Contest(
        candidate=_contender(CANDIDATE, model, readers),
        baselines=[_contender(RULE, rule, readers)],
        champion=current,
        headline="read_in_time",
        verdict=_verdict(settings, readers, model, rival, stays=stays),
        slice=(
            f"{len(readers.hour):,} mails read from {slices.test:%Y-%m-%d} on by "
            f"{len(readers.frame):,} customers who had read before"
        ),
        purpose=PURPOSE,
        limits=LIMITS,
        figures={
            "hours.png": best_hours(model, readers),
            "by_reads.png": later_hits(model, readers),
        },
        params=_found(model),
        notes=notes,
    )


def _verdict(
    settings: Settings,
    readers: Readers,
    model: SendTime,
    rival: SendTime | None,
    *,
    stays: bool,
) -> Verdict:
    return decide(
        candidate=hits(model, readers),
        baseline=hits(model.baseline(), readers),
        rule=RULE,
        champion=None if rival is None else hits(rival, readers),
        metric=mean,
        margin=settings.gate_margin,
        seed=SEED,
        units=readers.reader,
        stays=stays,
    )


def _comparable(champion: LoadedModel | None, slices: _Slices, notes: list[str]) -> SendTime | None:
    """Return the champion's model if the slice can judge it, too."""
    if champion is None or not isinstance(champion.model, SendTime):
        return None
    if _has_seen(champion, slices):
        notes.append(
            f"champion v{champion.version} was not compared: it is of "
            f"{champion.meta['as_of'][:10]} and has learnt from the test slice"
        )
        return None
    return champion.model


def _has_seen(champion: LoadedModel | None, slices: _Slices) -> bool:
    """Tell whether the champion has learnt from the test slice; its own only judged it."""
    if champion is None:
        return False
    learnt_until, _ = _test_cutoff(slices.first, datetime.fromisoformat(champion.meta["as_of"]))
    return learnt_until > slices.test


def _contender(name: str, model: SendTime, readers: Readers) -> Contender:
    best, share = model.best_hours(readers.hours(model), groups_of(readers.frame))
    answered = ~np.isnan(best)[readers.reader]
    hit = hits(model, readers)
    details = {"answered": float(answered.mean())}
    if answered.any():  # is the share that the model tells the share that came?
        details["share_told"] = float(share[readers.reader][answered].mean())
        details["share_came"] = float(hit[answered].mean())
    return Contender(
        name=name,
        model=model,
        metrics={
            "read_in_time": float(hit.mean()),
            "log_likelihood": float(log_likelihood(model, readers).mean()),
        },
        details=details,
    )


def _found(model: SendTime) -> dict[str, object]:
    return {
        **{name: str(value) for name, value in asdict(model.shrinkage).items()},
        "corrects_for_delays": bool((model.delays != 1.0).any()),
        "shop_hour": model.shop_hour,
    }
