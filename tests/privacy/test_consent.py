from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import to_us
from core.errors import DataError
from privacy.consent import PURPOSES, Consent, ConsentLedger

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def entry(customer: str, *, granted: bool, at: datetime, purpose: str = "analytics") -> Consent:
    return Consent(customer, purpose, granted, "consent", "test", "v1", to_us(at))


@pytest.fixture
def ledger(tmp_path: Path) -> ConsentLedger:
    return ConsentLedger(tmp_path / "home" / "events.db")


def test_without_an_entry_nothing_is_allowed(ledger: ConsentLedger) -> None:
    assert not any(ledger.granted("ann", purpose, NOON) for purpose in PURPOSES)


def test_a_grant_counts_from_its_instant_on(ledger: ConsentLedger) -> None:
    ledger.record([entry("ann", granted=True, at=NOON)])

    assert not ledger.granted("ann", "analytics", NOON - timedelta(microseconds=1))
    assert ledger.granted("ann", "analytics", NOON)
    assert not ledger.granted("ann", "personalisation", NOON)
    assert not ledger.granted("bob", "analytics", NOON)


def test_a_withdrawal_wins_from_then_on_and_leaves_the_past_as_it_was(
    ledger: ConsentLedger,
) -> None:
    ledger.record([entry("ann", granted=True, at=NOON)])
    ledger.withdraw("ann", "analytics", "unsubscribe", NOON + timedelta(hours=1))

    assert ledger.granted("ann", "analytics", NOON + timedelta(minutes=59))
    assert not ledger.granted("ann", "analytics", NOON + timedelta(hours=1))


def test_of_two_entries_at_one_instant_the_one_that_forbids_wins(ledger: ConsentLedger) -> None:
    ledger.withdraw("ann", "analytics", "test", NOON)
    ledger.record([entry("ann", granted=True, at=NOON)])

    assert not ledger.granted("ann", "analytics", NOON)


def test_the_same_entry_again_adds_nothing(ledger: ConsentLedger) -> None:
    rows = [entry("ann", granted=True, at=NOON), entry("bob", granted=False, at=NOON)]

    assert (ledger.record(rows), ledger.record(rows)) == (2, 0)


def test_answers_for_many_at_once(ledger: ConsentLedger) -> None:
    ledger.record([entry(f"c{n}", granted=n % 2 == 0, at=NOON) for n in range(1_000)])

    allowed = ledger.granted_many([f"c{n}" for n in range(2_000)], "analytics", NOON)

    assert allowed == {f"c{n}" for n in range(0, 1_000, 2)}


def test_many_entries_may_come_as_tuples(ledger: ConsentLedger) -> None:
    rows = [(f"c{n}", "analytics", True, "consent", "test", "1", to_us(NOON)) for n in range(3)]

    assert ledger.record_many(rows) == 3
    assert ledger.record_many(rows) == 0
    assert ledger.granted_many(["c0", "c2", "c9"], "analytics", NOON) == {"c0", "c2"}


def test_an_unknown_purpose_records_nothing(ledger: ConsentLedger) -> None:
    with pytest.raises(DataError, match="unknown purpose"):
        ledger.record(
            [
                entry("ann", granted=True, at=NOON),
                entry("ann", granted=True, at=NOON, purpose="spam"),
            ]
        )
    with pytest.raises(DataError, match="unknown purpose"):
        ledger.granted("ann", "spam", NOON)

    assert not ledger.granted("ann", "analytics", NOON)


def test_two_writers_of_one_file_see_each_other(tmp_path: Path) -> None:
    one, other = ConsentLedger(tmp_path / "events.db"), ConsentLedger(tmp_path / "events.db")
    one.record([entry("ann", granted=True, at=NOON)])
    other.withdraw("ann", "analytics", "unsubscribe", NOON)

    assert not one.granted("ann", "analytics", NOON)
