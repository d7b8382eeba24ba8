from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from core.clock import DAY_US
from simulator.demand import Demand
from simulator.parameters import CHUNKS, Parameters
from simulator.people import People, draw_people
from simulator.places import Clocks
from simulator.seasons import weekday
from simulator.visits import BROWSING, PLANNED, Visits
from tests.simulator.conftest import Shop

PARAMETERS = Parameters(customers=4_000, days=364, seed=3, as_of=datetime(2024, 9, 1, tzinfo=UTC))
FIRST, LAST = PARAMETERS.start_us // DAY_US, PARAMETERS.end_us // DAY_US
CLOCKS = Clocks(FIRST - 1, LAST + 30)


def there(**columns: float) -> People:
    """Return people who are there all through, alike in some respects."""
    people = draw_people(PARAMETERS)
    columns |= {"arrival_us": 0, "identified_us": 1, "lapse_us": 2**62}
    changed = {name: np.full_like(getattr(people, name), value) for name, value in columns.items()}
    return replace(people, **changed)


def visits(people: People) -> Visits:
    demand = Demand(PARAMETERS, people, CLOCKS)
    spans = zip(range(FIRST, LAST, 28), range(FIRST + 28, LAST + 28, 28), strict=True)
    return Visits.joined(
        [demand.visits(first, last, PARAMETERS.random(CHUNKS, first)) for first, last in spans]
    )


def test_visits_without_a_plan_are_as_many_as_the_rates_say() -> None:
    people = there()
    found = visits(people)

    browsing = found.customer[found.intent == BROWSING]

    assert len(browsing) == pytest.approx(people.visit_rate.sum() * 364, rel=0.06)
    counts = np.bincount(browsing, minlength=len(people))
    assert np.corrcoef(counts, people.visit_rate)[0, 1] > 0.8


def test_planned_orders_keep_their_rhythm() -> None:
    people = there(gap_days=20, regularity=30)
    found = visits(people)

    planned = found.intent == PLANNED
    days = [np.sort(found.start_us[planned & (found.customer == who)]) for who in range(50)]
    gaps = np.concatenate([np.diff(each) for each in days]) / DAY_US

    assert gaps.mean() == pytest.approx(20, rel=0.1)
    assert gaps.std() < 0.4 * gaps.mean()


def test_irregular_customers_have_no_rhythm() -> None:
    people = there(gap_days=20, regularity=1)
    found = visits(people)

    planned = found.intent == PLANNED
    days = [np.sort(found.start_us[planned & (found.customer == who)]) for who in range(50)]
    gaps = np.concatenate([np.diff(each) for each in days]) / DAY_US

    assert gaps.std() > 0.8 * gaps.mean()


def test_visits_are_at_the_usual_hour_of_the_wall() -> None:
    people = there(browse_hour=20.5, browse_spread=0.5)
    found = visits(people)

    place, start = people.place[found.customer], found.start_us
    local = (start + CLOCKS.offset_us(place, start // DAY_US)) % DAY_US / 3.6e9

    assert np.median(local) == pytest.approx(20.5, abs=0.05)
    assert (abs(local - 20.5) < 2.6).mean() > 0.99


def test_a_preferred_weekday_is_waited_for() -> None:
    people = there(weekday=2, weekday_habit=1, browse_hour=12, browse_spread=1)
    found = visits(people)

    browsing = found.start_us[found.intent == BROWSING] // DAY_US

    assert (weekday(browsing) == 2).mean() > 0.98


def test_nobody_comes_before_arrival_or_after_lapsing() -> None:
    people = draw_people(PARAMETERS)
    found = visits(people)

    assert (found.start_us >= people.arrival_us[found.customer]).all()
    early = found.start_us < people.lapse_us[found.customer]
    assert early[found.intent == BROWSING].all()
    assert early.mean() > 0.99  # a planned order may be put off to the own hour of the day


def test_who_is_new_comes_at_arrival_and_orders_when_identified() -> None:
    people = draw_people(PARAMETERS)
    found = visits(people)
    new = np.flatnonzero(people.arrival_us >= PARAMETERS.start_us)

    firsts = {*zip(found.customer.tolist(), found.start_us.tolist(), strict=True)}

    assert {(who, int(people.arrival_us[who])) for who in new.tolist()} <= firsts
    buys = new[people.identified_us[new] < np.minimum(people.lapse_us[new], PARAMETERS.end_us)]
    assert {(who, int(people.identified_us[who])) for who in buys.tolist()} <= firsts


def test_the_regular_are_regular_in_the_events(shop: Shop) -> None:
    found = shop.ask(
        "WITH gaps AS (SELECT customer_id, ts_us - lag(ts_us) OVER (PARTITION BY customer_id"
        " ORDER BY ts_us) AS gap FROM events WHERE event = 'Order Completed'"
        " AND campaign_id IS NULL)"
        " SELECT regularity > 15 AS regular, avg(cv) AS cv FROM (SELECT customer_id,"
        " stddev(gap) / avg(gap) AS cv FROM gaps GROUP BY 1 HAVING count(gap) >= 5)"
        " JOIN true_customers USING (customer_id) WHERE regularity = 1 OR regularity > 15"
        " GROUP BY 1"
    ).set_index("regular")["cv"]

    assert found[True] < 0.8 * found[False]
