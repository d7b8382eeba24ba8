"""A model card: one short page that says what a model is for, how good it is, and its limits.

Figures are about the model; no card ever names or describes a single customer.

Source:
    The headings follow Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.gate import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the comparison: a contender and its metrics."""

    name: str
    role: str  # "candidate", "baseline", "tried" or "champion"
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # 95 %, of some


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card says, before it is laid out."""

    name: str  # registered name
    purpose: str
    as_of: str
    cutoffs: Sequence[str]
    rows: int
    digest: str
    slice: str  # what the contenders were compared on, in words
    headline: str  # the metric that decides
    table: Sequence[Row]
    verdict: Verdict
    features: Mapping[str, str] = field(default_factory=dict)  # name -> what it means, or its type
    remarks: Sequence[str] = ()  # who else did well, what was not compared
    left_out: int = 0  # customers who did not consent to be learnt from
    limits: Sequence[str] = ()
    params: Mapping[str, object] = field(default_factory=dict)
    features_digest: str = ""  # of the features' definitions
    plots: Sequence[str] = ()  # files of the run
    environment: Mapping[str, str] = field(default_factory=dict)  # name -> version


_ALWAYS = (
    "Scores describe the shop's customers before the cut-off: train again when they change.",
    "It is for choosing what an e-mail says and to whom it goes, for nothing of legal effect.",
    "Without a customer's consent to personalisation no score is used, whatever it says.",
)


def render_card(card: Card) -> str:
    """Lay `card` out as Markdown."""
    sections = [
        f"# {card.name}",
        card.purpose,
        "## Learnt from",
        _bullets(_learnt_from(card)),
        "## How good",
        f"Compared on the same rows for all: {card.slice}. Decided by **{card.headline}**.",
        _table(card),
        _fate(card.verdict),
        *([_bullets(card.remarks)] if card.remarks else []),
        *([f"Plots of this run: {_listed(card.plots)}."] if card.plots else []),
        "## Limits",
        _bullets([*card.limits, *_ALWAYS]),
    ]
    if card.features:
        sections += [
            "## Features",
            "The signature: a column for each, by name.",
            _bullets([f"`{n}`: {text}" for n, text in card.features.items()]),
        ]
    if card.params:
        sections += ["## Parameters", _bullets([f"`{n}`: {v}" for n, v in card.params.items()])]
    if card.environment:
        made = ", ".join(f"{name} {version}" for name, version in card.environment.items())
        sections += ["## Made with", f"{made}."]
    return "\n\n".join(sections) + "\n"


def _learnt_from(card: Card) -> list[str]:
    lines = [
        f"What was known before **{card.as_of}**.",
        f"{card.rows:,} rows, digest `{card.digest}`.",
        f"Cut-offs: {', '.join(card.cutoffs)}.",
        f"Left out, without consent to model_training: {card.left_out:,}.",
    ]
    if card.features_digest:
        lines.append(f"Features as defined by `{card.features_digest}`.")
    return lines


def _fate(verdict: Verdict) -> str:
    promoted = "becomes" if verdict.promote else "does not become"
    if verdict.winner == "candidate":
        return f"The candidate {promoted} champion: it {verdict.why}."
    return f"The candidate {verdict.why}; the baseline {promoted} champion."


def _table(card: Card) -> str:
    names = list(dict.fromkeys(name for row in card.table for name in row.metrics))
    names.sort(key=lambda name: name != card.headline)  # the one that decides comes first
    head = f"| model | role | {' | '.join(names)} |"
    rule = "|---|---|" + "---:|" * len(names)
    lines = [
        f"| {row.name} | {row.role} | " + " | ".join(_figure(row, n) for n in names) + " |"
        for row in card.table
    ]
    lines += [
        f"\nGain over the {what}: {interval} (95 % interval, paired bootstrap)."
        for what, interval in (
            ("baseline", card.verdict.over_baseline),
            ("champion", card.verdict.over_champion),
        )
        if interval is not None
    ]
    if any(row.intervals for row in card.table):
        lines.append("\nIn brackets: 95 % interval, customers resampled.")
    return "\n".join([head, rule, *lines])


def _figure(row: Row, name: str) -> str:
    if name not in row.metrics:
        return ""
    text = f"{row.metrics[name]:.4f}"
    if name in row.intervals:
        low, high = row.intervals[name]
        text += f" [{low:.4f}, {high:.4f}]"
    return text


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
