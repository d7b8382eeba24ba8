from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.settings import Settings
from models import registry, tracking
from models.environment import environment
from models.gate import Interval, Verdict
from pipelines.contest import (
    Contender,
    LearntFrom,
    description_of,
    outcome_of,
    report_of,
    with_rivals,
)
from tests.pipelines.contests import AS_OF, LOSES, WAITS, WINS, contest, run


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    return Settings(home=with_mlflow(tmp_path_factory.mktemp("shop")))


def test_the_run_keeps_metrics_of_all_and_a_card(shop: Settings) -> None:
    run(shop, "kept")

    (version,) = registry.versions(shop, "kept")
    with tracking.server(shop) as client:
        data = client.get_run(version.run_id).data
    assert data.metrics == {
        "auc": 0.8,
        "ece": 0.01,
        "rule.auc": 0.7,
        "rule.recall_at_5": 0.2,
    }
    assert data.tags["verdict"] == "beats the baseline"
    assert "| rule | baseline | 0.7000 |  | 0.2000 |" in tracking.read_text(
        shop, version.run_id, "model_card.md"
    )


def test_mlflow_says_what_the_model_and_each_version_is(shop: Settings) -> None:
    run(shop, "described", verdict=LOSES)

    with tracking.server(shop) as client:
        model = client.get_registered_model("described")
        version = client.get_model_version("described", "1")
    assert model.description == "Says something."
    assert version.description.split("\n\n") == [
        "**rule** as of 2017-12-01, learnt from 10 rows, cut-offs 2017-12-01.",
        "auc: new 0.8000, rule 0.7000. On ten customers.",
        "new does not beat the baseline for sure.",
    ]


@pytest.mark.parametrize(
    ("digest", "tags"), [("", {}), ("abc", {"features_digest": "abc"})], ids=["none", "there"]
)
def test_the_digest_of_the_definitions_is_a_tag_where_there_is_one(
    digest: str, tags: dict[str, str]
) -> None:
    own = {"data_digest": DATA.digest}
    assert replace(DATA, features_digest=digest).digests == own | tags


DATA = LearntFrom(name="kept", as_of=AS_OF, digest="d", cutoffs=[AS_OF], rows=10)


@pytest.mark.parametrize(
    ("verdict", "winner"),
    [(WINS, "new"), (WAITS, "new"), (LOSES, "rule")],
)
def test_the_verdict_says_who_is_registered(verdict: Verdict, winner: str) -> None:
    assert contest(verdict).winner.name == winner


def test_everyone_is_told_with_a_role_and_the_champion_last() -> None:
    champion = Contender(name="champion v3", model=None, metrics={"auc": 0.79})
    tried = Contender(name="other", model=None, metrics={"auc": 0.9})
    held = replace(contest(WAITS), champion=champion, tried=[tried])

    assert [(one.name, role) for one, role in held.everyone] == [
        ("new", "candidate"),
        ("rule", "baseline"),
        ("other", "tried"),
        ("champion v3", "champion"),
    ]


def test_what_was_tried_is_no_rival_and_not_in_the_description() -> None:
    tried = Contender(name="other", model=None, metrics={"auc": 0.9})
    held = with_rivals(replace(contest(WAITS), tried=[tried]))

    assert not held.notes
    assert "other" not in description_of(DATA, held)


def test_a_report_is_plain_json_with_the_intervals_of_the_gate() -> None:
    interval = Interval(gain=0.1, low=0.05, high=0.15)
    report = report_of(DATA, contest(replace(WINS, over_baseline=interval)))

    assert json.loads(json.dumps(report)) == report
    assert report["over_baseline"]["low"] == 0.05
    assert report["over_champion"] is None
    assert (report["winner"], report["promoted"]) == ("new", True)


def test_the_table_starts_with_the_metric_that_decides_and_marks_the_registered() -> None:
    report = report_of(DATA, contest(LOSES))

    outcome = outcome_of({**report, "metric": "ece", "version": "4", "alias": "champion"})

    assert outcome.columns == ("model", "role", "ece", "auc", "recall@5", "registered")
    assert outcome.rows == [
        ["new", "candidate", 0.01, 0.8, None, ""],
        ["rule", "baseline", None, 0.7, 0.2, "v4 (champion)"],
    ]
    assert outcome.notes[0] == "new does not beat the baseline for sure."


def test_a_dry_run_registers_nobody_in_the_table() -> None:
    assert [row[-1] for row in outcome_of(report_of(DATA, contest(WINS))).rows] == ["", ""]


def test_whoever_is_as_good_as_the_candidate_is_named_and_by_how_much() -> None:
    def contender(name: str, auc: float, log_loss: float, ece: float) -> Contender:
        return Contender(
            name=name, model=None, metrics={"auc": auc, "log_loss": log_loss, "ece": ece}
        )

    held = with_rivals(
        replace(
            contest(WINS),
            candidate=contender("tree", 0.74, 0.55, 0.06),
            baselines=[
                contender("rule", 0.73, 0.56, 0.05),
                contender("line", 0.75, 0.55, 0.04),
                contender("dice", 0.50, 0.70, 0.30),
            ],
            notes=["Said before."],
            gain_over=lambda _: Interval(-0.01, -0.02, 0.005),
        )
    )

    assert held.notes == [
        "rule is as good as tree or better on ece.",
        (
            "line is as good as tree or better on auc, log_loss, ece; "
            "tree's gain over it in auc: -0.0100 [-0.0200, +0.0050]."
        ),
        "Said before.",
    ]


def test_a_training_says_in_the_table_and_on_the_card_who_else_is_as_good(shop: Settings) -> None:
    tied = replace(contest(WINS), candidate=replace(contest(WINS).candidate, metrics={"auc": 0.7}))

    outcome = run(shop, "tied", fit=lambda _: tied)

    says = "rule is as good as new or better on auc."
    assert says in str(outcome["notes"])
    (version,) = registry.versions(shop, "tied")
    assert f"- {says}" in tracking.read_text(shop, version.run_id, "model_card.md")


def test_a_report_says_how_many_did_not_consent() -> None:
    report = report_of(replace(DATA, left_out=1_234), contest(WINS))

    assert report["left_out"] == 1_234
    assert "Left out, without consent to model_training: 1,234." in outcome_of(report).notes


def test_intervals_and_environment_are_on_record(shop: Settings) -> None:
    sure = replace(contest(WINS).candidate, intervals={"auc": (0.75, 0.85)})

    outcome = run(shop, "sure", fit=lambda _: replace(contest(WINS), candidate=sure))

    assert outcome["contenders"][0]["intervals"] == {"auc": [0.75, 0.85]}  # type: ignore[index]
    (version,) = registry.versions(shop, "sure")
    with tracking.server(shop) as client:
        metrics = client.get_run(version.run_id).data.metrics
    assert (metrics["auc_low"], metrics["auc_high"]) == (0.75, 0.85)
    assert (version.tags["low"], version.tags["high"]) == ("0.750000", "0.850000")
    made_with = json.loads(tracking.read_text(shop, version.run_id, "environment.json"))
    assert made_with == environment()
    card = tracking.read_text(shop, version.run_id, "model_card.md")
    assert "| new | candidate | 0.8000 [0.7500, 0.8500] |" in card
    assert f"lightgbm {made_with['lightgbm']}" in card
