"""The drift report: features and scores as of the ends of two spans, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import orjson
import pandas as pd

from core import columns as c
from core.clock import parse_span, to_us
from core.errors import ConfigError, DataError, NotReadyError
from core.files import new_file
from core.settings import Settings
from features.engine import feature_frame
from features.feature import names
from features.registry import PROPENSITY, WINDOWED
from features.shop import Shop
from ingest import lake
from models import registry
from models.registered import P_ORDER
from models.registered import PROPENSITY as SCORED
from monitoring.drift import Drift, compare
from pipelines.learnable import consenting, nobody
from pipelines.outcome import Outcome, progress_bar
from privacy.consent import ANALYTICS

EXIT_GATE = 3


def report_drift(
    settings: Settings,
    *,
    reference: str,
    current: str,
    gate: bool = False,
    include_lifetime: bool = False,
) -> Outcome:
    """Compare the customers known at the ends of two spans; write `reports/drift-*.html` and JSON.

    Only those count who consent to `analytics` at the end of the span.

    Args:
        settings: `drift_share` is the share of drifted columns from which the gate fails.
        reference: A month `2017-06`, a day, or `START..END` (end exclusive).
        current: Likewise. Features are as of the span's end, scores those of today's champion.
        gate: Exit with 3 when more than `drift_share` of the columns drifted.
        include_lifetime: Also compare what only grows with history, like tenure and recency.

    Raises:
        ConfigError: A span cannot be read.
        DataError: A span holds no event.
        NotEnoughDataError: Too few customers are known at a span's end, or none of them consents.
        NotReadyError: Nothing has been imported yet.
    """
    spans = {"--reference": reference, "--current": current}
    ends = [_span(text, where) for where, text in spans.items()]
    cutoffs = [end for _, end in ends]
    with lake.connect(settings.home) as connection:
        for (where, text), span in zip(spans.items(), ends, strict=True):
            _require_events(connection, span, where=f"{where} {text!r}")
    with progress_bar("drift: features, scores, distances", total=3) as advance:
        with lake.connect(settings.home) as connection:
            frame = feature_frame(connection, cutoffs=cutoffs, shop=Shop.of(settings))
        sides, left_out = _of_consenting(settings, frame, cutoffs)
        advance()
        sides, scored_by = _with_score(settings, sides)
        advance()
        columns = names(PROPENSITY if include_lifetime else WINDOWED)
        columns += [P_ORDER] if scored_by else []
        title = f"Drift of customers from {reference} to {current}"
        drift = compare(*(side[columns] for side in sides), limit=settings.drift_share, title=title)
        advance()
    page = settings.home / "reports" / f"drift-{_in_name(reference)}-{_in_name(current)}.html"
    data = {
        "reference": reference,
        "current": current,
        "model": scored_by,
        "drift_share": settings.drift_share,
        "exceeded": drift.share > settings.drift_share,
        **drift.as_dict(),
        "reference_left_out": left_out[0],
        "current_left_out": left_out[1],
    }
    _write(page, drift, data)
    return _outcome(drift, data, page, gate=gate)


def _write(page: Path, drift: Drift, data: dict[str, object]) -> None:
    with new_file(page) as aside:
        aside.write_text(drift.html, encoding="utf-8")
    with new_file(page.with_suffix(".json")) as aside:
        aside.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))


def _span(text: str, where: str) -> tuple[datetime, datetime]:
    try:
        return parse_span(text, where=where)
    except ConfigError as error:
        raise ConfigError(f"{error} Or a month, 2017-06, or START..END.") from None


def _of_consenting(
    settings: Settings, frame: pd.DataFrame, cutoffs: Sequence[datetime]
) -> tuple[list[pd.DataFrame], list[int]]:
    """Return who consents to `analytics` at each cut-off, and how many others were known then."""
    kept, left_out = [], []
    for cutoff in cutoffs:
        side = frame[frame[c.CUTOFF_US] == to_us(cutoff)]
        known = side[c.CUSTOMER_ID].tolist()
        allowed = consenting(settings, known, ANALYTICS, as_of=cutoff)
        if known and not allowed:
            raise nobody(ANALYTICS, cutoff)
        kept.append(side[side[c.CUSTOMER_ID].isin(allowed)])
        left_out.append(len(known) - len(allowed))
    return kept, left_out


def _require_events(
    connection: duckdb.DuckDBPyConnection, span: tuple[datetime, datetime], *, where: str
) -> None:
    found = connection.execute(
        "SELECT count(*) FILTER (ts_us >= $1 AND ts_us < $2),"
        " strftime(make_timestamp(min(ts_us)), '%Y-%m-%d'),"
        " strftime(make_timestamp(max(ts_us)), '%Y-%m-%d') FROM events",
        [to_us(instant) for instant in span],
    ).fetchone()
    if found is None or not found[0]:
        first, last = found[1:] if found else (None, None)
        raise DataError(
            f"{where} holds no event. Events go from {first} to {last}: choose a span there."
        )


def _with_score(
    settings: Settings, sides: list[pd.DataFrame]
) -> tuple[list[pd.DataFrame], str | None]:
    """Add the champion's score, if there is a champion; also say which version it is."""
    try:
        champion = registry.champion(settings, SCORED)
    except NotReadyError:
        return sides, None
    scored = [side.assign(**{P_ORDER: champion.model.predict(side)}) for side in sides]
    kept_last = ", kept last: no registry answered" if champion.stale else ""
    return scored, f"{champion.name} {champion.version}{kept_last}"


def _outcome(drift: Drift, data: dict[str, object], page: Path, *, gate: bool) -> Outcome:
    exceeded = bool(data["exceeded"])
    left_out = (data["reference_left_out"], data["current_left_out"])
    model = data["model"]
    limit = f"{'more than' if exceeded else 'within'} the limit of {data['drift_share']:.0%}"
    notes = [
        f"{drift.share:.0%} of the columns drifted: {limit}.",
        f"Scores by {model}."
        if model
        else f"Features only: {SCORED} has no champion yet. Train it to compare scores.",
        f"Report: {page}",
    ]
    if any(left_out):
        before, now = left_out
        notes.insert(1, f"Left out, without consent to {ANALYTICS}: {before:,} and {now:,}.")
    if drift.constant:
        notes.insert(1, f"Left out, since they have one value only: {', '.join(drift.constant)}.")
    return Outcome(
        title=f"Drift {data['reference']} → {data['current']}: "
        f"{drift.reference_rows:,} and {drift.current_rows:,} customers, means and distance",
        columns=("feature", "reference", "current", "drift", "method", "drifted"),
        rows=[
            (
                column.feature,
                column.reference_mean,
                column.current_mean,
                column.score,
                column.method,
                column.drifted,
            )
            for column in drift.columns
        ],
        data={**data, "report": str(page)},
        notes=notes,
        exit_code=EXIT_GATE if gate and exceeded else 0,
    )


def _in_name(span: str) -> str:
    """Return the span as it may stand in a file name."""
    return "".join(mark if mark.isalnum() or mark in "-." else "_" for mark in span.strip())
