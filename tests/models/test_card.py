from __future__ import annotations

from models.card import Card, Row, render_card
from models.gate import Interval, Verdict


def card(*, promote: bool = True, **changes: object) -> str:
    given: dict[str, object] = {
        "name": "propensity-order-30d",
        "purpose": "Says who will order.",
        "as_of": "2017-12-01T00:00:00+00:00",
        "cutoffs": ["2017-10-02", "2017-11-01"],
        "rows": 12_345,
        "digest": "abc123",
        "slice": "2,469 customers, orders of November",
        "headline": "auc",
        "table": [
            Row(name="lightgbm", role="candidate", metrics={"ece": 0.01, "auc": 0.87}),
            Row(name="rfm-sum", role="baseline", metrics={"auc": 0.84}),
        ],
        "verdict": Verdict(
            promote=promote,
            winner="candidate",
            why="beats the baseline",
            over_baseline=Interval(0.03, 0.02, 0.04),
        ),
        "limits": ["Knows orders only."],
        **changes,
    }
    return render_card(Card(**given))  # type: ignore[arg-type]


def test_a_card_reads_as_a_page() -> None:
    text = card()

    assert text.startswith("# propensity-order-30d\n\nSays who will order.\n")
    assert "- 12,345 rows, digest `abc123`." in text
    assert "| model | role | auc | ece |" in text  # the metric that decides comes first
    assert "| rfm-sum | baseline | 0.8400 |  |" in text
    assert "Gain over the baseline: +0.0300 [+0.0200, +0.0400]" in text
    assert "The candidate becomes champion: it beats the baseline." in text
    assert "- Knows orders only." in text
    assert "- Left out, without consent to model_training: 0." in text


def test_a_model_that_is_not_promoted_is_not_praised() -> None:
    assert "The candidate does not become champion" in card(promote=False)


def test_a_winning_baseline_is_said_plainly() -> None:
    verdict = Verdict(promote=True, winner="baseline", why="does not beat the rule")

    text = card(verdict=verdict)

    assert "The candidate does not beat the rule; the baseline becomes champion." in text


def test_features_and_parameters_are_listed_when_there_are_any() -> None:
    assert "## Features" not in card()

    text = card(features={"recency_days": "days"}, params={"trials": 20})

    assert "- `recency_days`: days" in text
    assert "- `trials`: 20" in text


def test_what_there_is_to_remark_stands_beside_how_good_it_is() -> None:
    text = card(remarks=["logistic is as good."], left_out=1_234)

    assert "- logistic is as good.\n\n## Limits" in text
    assert "- Left out, without consent to model_training: 1,234." in text


def test_figures_have_their_intervals_and_it_is_said_what_they_are() -> None:
    row = Row(
        name="trees", role="candidate", metrics={"auc": 0.87}, intervals={"auc": (0.85, 0.89)}
    )

    text = card(table=[row])

    assert "| trees | candidate | 0.8700 [0.8500, 0.8900] |" in text
    assert "95 % interval, customers resampled" in text
    assert "customers resampled" not in card()


def test_where_it_came_from_can_be_followed() -> None:
    text = card(
        features_digest="f00d", plots=["plots/a.png", "plots/b.png"], environment={"python": "3.11"}
    )

    assert "- Features as defined by `f00d`." in text
    assert "Plots of this run: `plots/a.png`, `plots/b.png`." in text
    assert text.endswith("## Made with\n\npython 3.11.\n")
