from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from features.columns import Clock
from features.definitions.orders import GAP_MEAN, ORDERS, RECENCY_DAYS, SEEN_DAYS
from features.feature import kinds_of
from features.groupings import CUSTOMERS, Groupings
from features.registry import REGISTRY
from features.shop import Shop
from features.things import CUSTOMER
from ingest.contract import EMAIL_CLICKED, EMAIL_OPENED


def test_every_kind_of_the_registry_has_its_columns_in_one_step() -> None:
    kinds = kinds_of(REGISTRY)
    clock = Clock(shop=Shop())
    grouped = Groupings(kinds=kinds, cutoffs=(10**15,), clock=clock, who="seen")
    columns = [
        name
        for step in grouped.steps()
        if step.role == "parts"
        for name in step.table.columns
        if name not in ("customer_id", "customer")
    ]
    assert len(columns) == len({*columns})
    assert {int(name[1:].split("_")[0]) for name in columns} == {*range(len(kinds))}


def test_steps_of_several_cutoffs_have_a_row_for_each() -> None:
    features = (*ORDERS, RECENCY_DAYS, SEEN_DAYS, GAP_MEAN)
    grouped = Groupings(
        kinds=kinds_of(features), cutoffs=(1, 2), clock=Clock(shop=Shop()), who="bought"
    )
    for step in grouped.steps():
        assert ("cutoff_us" in step.table.columns) == (step.role == "parts"), step.name


@pytest.mark.parametrize("numbers", [True, False])
def test_customers_are_numbered_where_one_machine_can(numbers: bool) -> None:
    grouped = Groupings(
        kinds=kinds_of(REGISTRY),
        cutoffs=(10**15,),
        clock=Clock(shop=Shop()),
        who="seen",
        numbers=numbers,
    )
    steps = {step.name: step.table.columns for step in grouped.steps()}
    assert (CUSTOMERS in steps) is numbered(steps) is numbers


def numbered(steps: Mapping[str, Sequence[str]]) -> bool:
    return any(CUSTOMER in columns for columns in steps.values())


def test_no_number_is_given_where_nothing_would_use_it() -> None:
    grouped = Groupings(
        kinds=kinds_of(ORDERS), cutoffs=(10**15,), clock=Clock(shop=Shop()), who="seen"
    )
    assert CUSTOMERS not in [step.name for step in grouped.steps()]


def test_rows_are_of_the_events_asked_for() -> None:
    grouped = Groupings(kinds={}, cutoffs=(10,), clock=Clock(shop=Shop()), who="seen")
    rows = grouped.rows("events", (EMAIL_OPENED, EMAIL_CLICKED), None)
    assert rows.where((EMAIL_CLICKED, EMAIL_OPENED)) is None
    assert rows.where((EMAIL_CLICKED,)) is not None
