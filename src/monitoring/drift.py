"""Drift: how far a population of customers moved between two instants, column by column."""

from __future__ import annotations

import re
import warnings
from dataclasses import asdict, dataclass
from html import escape
from typing import Final

import numpy as np
import pandas as pd

from core.errors import DataError, MissingColumnsError, NotEnoughDataError

with warnings.catch_warnings():
    # Evidently 0.7.23 imports names that NumPy and Litestar have deprecated.
    warnings.simplefilter("ignore")
    from evidently import DataDefinition, Dataset, Report
    from evidently.core.report import Snapshot
    from evidently.presets import DataDriftPreset

# Distance, not a test: with thousands of customers every p-value is small.
METHOD: Final = "wasserstein"
THRESHOLD: Final = 0.1  # standard deviations of the reference; Evidently's own default
FEWEST: Final = 30  # below this a distribution is not one


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How far one column moved."""

    feature: str
    reference_mean: float
    current_mean: float
    score: float
    method: str
    threshold: float
    drifted: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """The comparison of two populations. `html` is a page complete by itself."""

    columns: tuple[ColumnDrift, ...]  # furthest first
    constant: tuple[str, ...]  # one and the same value everywhere: nothing to compare
    share: float  # of `columns`, drifted
    reference_rows: int
    current_rows: int
    html: str

    def as_dict(self) -> dict[str, object]:
        """Return everything but the page, JSON-able."""
        return {
            "share": self.share,
            "reference_customers": self.reference_rows,
            "current_customers": self.current_rows,
            "columns": [asdict(column) for column in self.columns],
            "constant": list(self.constant),
        }


def compare(reference: pd.DataFrame, current: pd.DataFrame, *, limit: float, title: str) -> Drift:
    """Measure the drift of every column from `reference` to `current`.

    Args:
        reference: Shape (n_customers, n_columns), numbers only, no identifiers. A column that is
            not a measurement does not belong here: everything given ends up in the page, as
            histograms and means (never as rows).
        current: The same columns; another number of rows is fine.
        limit: Share of drifted columns that the page calls a drift of the whole.
        title: Heading of the page.

    Returns:
        The drift of each column, furthest first, ties by name. The same input gives the same
        bytes, page included.

    Raises:
        MissingColumnsError: `current` lacks a column of `reference`.
        DataError: A column is not numeric.
        NotEnoughDataError: Fewer than 30 rows on one side, or no column that varies.

    Source:
        Evidently's normed Wasserstein distance: the mean distance that customers moved, in
        standard deviations of the reference.
    """
    if absent := set(reference.columns) - set(current.columns):
        raise MissingColumnsError("monitoring.drift", absent, current.columns)
    current = current[list(reference.columns)]
    _require_numbers(reference, "reference")
    _require_numbers(current, "current")
    constant = _constant(reference, current)
    reference, current = reference.drop(columns=constant), current.drop(columns=constant)
    if reference.columns.empty:
        raise NotEnoughDataError(
            f"nothing to compare: every column has one value only: {constant}."
        )
    snapshot = _run(reference, current, limit)
    columns = _columns(reference, current, snapshot)
    return Drift(
        columns=tuple(sorted(columns, key=lambda column: (-column.score, column.feature))),
        constant=tuple(constant),
        share=sum(column.drifted for column in columns) / len(columns),
        reference_rows=len(reference),
        current_rows=len(current),
        html=_page(snapshot.get_html_str(as_iframe=False), title),
    )


def _require_numbers(frame: pd.DataFrame, side: str) -> None:
    words = [str(name) for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    if words:
        raise DataError(f"drift compares numbers; {words} of the {side} are not. Leave them out.")
    if len(frame) < FEWEST:
        raise NotEnoughDataError(
            f"the {side} has {len(frame)} customers; drift needs at least {FEWEST}. "
            "Choose a later span or import more."
        )


def _columns(
    reference: pd.DataFrame, current: pd.DataFrame, snapshot: Snapshot
) -> list[ColumnDrift]:
    scores = {
        metric["config"]["column"]: float(metric["value"])
        for metric in snapshot.dict()["metrics"]
        if metric["config"]["type"].endswith("ValueDrift")
    }
    return [
        ColumnDrift(
            feature=str(name),
            reference_mean=float(reference[name].mean()),
            current_mean=float(current[name].mean()),
            score=scores[name],
            method=METHOD,
            threshold=THRESHOLD,
            drifted=scores[name] >= THRESHOLD,
        )
        for name in reference.columns
    ]


def _constant(reference: pd.DataFrame, current: pd.DataFrame) -> list[str]:
    both = pd.concat([reference, current])
    varies = both.max() > both.min()
    return [str(name) for name in both.columns if not varies[name]]


def _run(reference: pd.DataFrame, current: pd.DataFrame, limit: float) -> Snapshot:
    definition = DataDefinition(numerical_columns=list(reference.columns))
    report = Report(
        [DataDriftPreset(drift_share=limit, num_method=METHOD, num_threshold=THRESHOLD)]
    )
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # It also correlates all columns; one that is constant on one side divides by zero.
        warnings.simplefilter("ignore", RuntimeWarning)
        return report.run(
            current_data=Dataset.from_pandas(current.reset_index(drop=True), definition),
            reference_data=Dataset.from_pandas(reference.reset_index(drop=True), definition),
        )


def _page(html: str, title: str) -> str:
    """Return Evidently's page with a heading and with its element ids numbered in order.

    The ids are drawn at random; nothing else in the page changes between runs.
    """
    numbers: dict[str, str] = {}
    ids = r"(?<=metric_)[0-9a-f]{32}\b|(?<=\")[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=\")"
    html = re.sub(ids, lambda found: numbers.setdefault(found[0], f"{len(numbers):04d}"), html)
    heading = escape(title)
    style = "font:600 22px/1.4 Roboto,system-ui,sans-serif;margin:24px 24px 0;color:#3b3b3b"
    html = html.replace("<head>", f"<head><title>{heading}</title>", 1)
    return html.replace("<body>", f'<body><h1 style="{style}">{heading}</h1>', 1)
