from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from campaigns.audience import Recipient, audience
from core.clock import to_us
from core.errors import NotReadyError
from ingest.contract import CUSTOMERS
from ingest.log import EventLog
from privacy.consent import EMAIL_MARKETING, PERSONALISATION, Consent, ConsentLedger

NOW = datetime(2024, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def shop(home: Path, *customers: tuple[str, str | None]) -> ConsentLedger:
    """A workspace with customers (id, e-mail); nobody agreed to anything yet."""
    log = EventLog(home / "events.db")
    rows = [{"customer_id": key, "email": email, "traits": "{}"} for key, email in customers]
    log.put_customers(pa.Table.from_pylist(rows, schema=CUSTOMERS))
    log.close()
    return ConsentLedger(home / "events.db")


def agree(ledger: ConsentLedger, *ids: str, to: str = EMAIL_MARKETING, at: datetime = NOW) -> None:
    entry = Consent(
        "", to, granted=True, lawful_basis="", source="test", policy_version="", ts_us=to_us(at)
    )
    ledger.record(replace(entry, customer_id=each) for each in ids)


def ids(home: Path, as_of: datetime = NOW, limit: int | None = None) -> list[str]:
    return [each.customer_id for each in audience(home, as_of=as_of, limit=limit)]


def test_without_consent_nobody_is_mailed(tmp_path: Path) -> None:
    ledger = shop(tmp_path, ("ann", "ann@example.test"))
    agree(ledger, "ann", to=PERSONALISATION)
    ledger.close()

    assert ids(tmp_path) == []


def test_only_those_with_an_address_are_mailed(tmp_path: Path) -> None:
    ledger = shop(tmp_path, ("ann", "ann@example.test"), ("bea", None), ("cem", ""))
    agree(ledger, "ann", "bea", "cem", "unheard-of")
    ledger.close()

    assert list(audience(tmp_path, as_of=NOW)) == [Recipient("ann", "ann@example.test")]


def test_consent_is_that_of_the_instant(tmp_path: Path) -> None:
    ledger = shop(tmp_path, ("ann", "ann@example.test"))
    agree(ledger, "ann", at=NOW)
    ledger.withdraw("ann", EMAIL_MARKETING, "test", NOW + DAY)
    ledger.close()

    assert ids(tmp_path, NOW - DAY) == []
    assert ids(tmp_path, NOW) == ["ann"]
    assert ids(tmp_path, NOW + DAY) == []


def test_a_large_audience_streams_in_the_order_of_ids(tmp_path: Path) -> None:
    names = [f"c{number:04d}" for number in range(2_345)]
    ledger = shop(tmp_path, *((name, f"{name}@example.test") for name in reversed(names)))
    agree(ledger, *names)
    ledger.close()

    assert ids(tmp_path) == names
    assert ids(tmp_path, limit=3) == names[:3]
    assert all(before < after for before, after in pairwise(ids(tmp_path)))


def test_a_workspace_without_customers_is_left_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise import"):
        audience(tmp_path, as_of=NOW)

    assert list(tmp_path.iterdir()) == []
