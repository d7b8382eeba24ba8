from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from simulator import people as module
from simulator.parameters import Parameters
from simulator.people import GRANTED, PURPOSES, draw_people

PARAMETERS = Parameters(customers=20_000, days=100, seed=3, as_of=datetime(2024, 3, 1, tzinfo=UTC))
PEOPLE = draw_people(PARAMETERS)


def test_the_same_seed_gives_the_same_people_and_another_others() -> None:
    again, other = draw_people(PARAMETERS), draw_people(replace(PARAMETERS, seed=4))

    for field in fields(PEOPLE):
        assert (getattr(PEOPLE, field.name) == getattr(again, field.name)).all()
    assert (PEOPLE.visit_rate != other.visit_rate).mean() > 0.99


def test_blocks_differ_from_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_A_TIME", 8_000)

    people = draw_people(PARAMETERS)

    assert len(people) == 20_000
    assert (people.visit_rate[:8_000] != people.visit_rate[8_000:16_000]).all()


def test_tastes_are_shares_and_most_customers_like_few_categories() -> None:
    assert PEOPLE.tastes.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert PEOPLE.tastes.min() > 0
    assert np.median(PEOPLE.tastes.max(axis=1)) > 0.4


def test_probabilities_are_probabilities_and_hours_are_hours() -> None:
    for name in (
        *("brand_lean", "price_sensitivity", "loyalty", "order_propensity", "weekday_habit"),
        *("open_rate", "click_rate", "mail_order_rate"),
    ):
        values = getattr(PEOPLE, name)
        assert 0 <= values.min() < values.max() <= 1
    assert 0 <= PEOPLE.read_hour.min() < PEOPLE.read_hour.max() < 24


def test_people_come_say_who_they_are_and_lapse_in_this_order() -> None:
    assert (PEOPLE.identified_us >= PEOPLE.arrival_us).all()
    assert (PEOPLE.lapse_us > np.maximum(PEOPLE.arrival_us, PARAMETERS.start_us)).all()
    assert (PEOPLE.arrival_us < PARAMETERS.end_us).all()
    assert (PEOPLE.identified_us > PEOPLE.arrival_us).mean() > 0.3


def test_the_longer_the_simulation_the_more_of_the_customers_are_new() -> None:
    def new(days: int) -> float:
        parameters = replace(PARAMETERS, days=days)
        return float((draw_people(parameters).arrival_us >= parameters.start_us).mean())

    assert new(6) == pytest.approx(0.01, abs=0.005)
    assert new(600) == pytest.approx(0.5, abs=0.02)


def test_consents_are_granted_as_often_as_said() -> None:
    shares = [PEOPLE.agrees(purpose).mean() for purpose in PURPOSES]

    assert shares == pytest.approx(GRANTED, abs=0.02)


def test_a_mailing_has_no_effect_where_it_cannot_arrive() -> None:
    effect = PEOPLE.campaign_effect(np.arange(len(PEOPLE)))

    assert (effect[PEOPLE.bounces] == 0).all()
    assert effect[~PEOPLE.bounces].mean() == pytest.approx(0.01, abs=0.003)
    assert effect.std() > effect.mean()  # it differs a lot between customers


def test_activity_is_strongly_skewed() -> None:
    top = np.sort(PEOPLE.visit_rate)[-len(PEOPLE) // 10 :]

    assert top.sum() > 0.3 * PEOPLE.visit_rate.sum()
    assert (PEOPLE.regularity == 1).mean() == pytest.approx(0.35, abs=0.02)
