from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from core.settings import Settings
from ingest.lake import connect
from pipelines.learnable import learnable
from privacy.consent import Consent, ConsentLedger
from tests.small_shop import write_lake

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
GRANTED_US = 1_500_000_000_000_000  # 2017-07-14


def consent(customer: str, *, granted: bool, ts_us: int = GRANTED_US) -> Consent:
    return Consent(customer, "model_training", granted, "consent", "test", "1", ts_us)


def test_the_ledger_decides_and_silence_is_a_no(tmp_path: Path) -> None:
    write_lake(tmp_path)
    ledger = ConsentLedger(tmp_path / "events.db")
    ledger.record(
        [
            consent("c1", granted=True),
            consent("c2", granted=True),
            consent("c2", granted=False, ts_us=GRANTED_US + 1),
            consent("c3", granted=True, ts_us=2_000_000_000_000_000),  # after as_of
        ]
    )
    ledger.close()

    assert learnable(Settings(home=tmp_path), connect(tmp_path), as_of=AS_OF) == ["c1"]


def test_a_lake_without_a_ledger_brings_its_own_consents(tmp_path: Path) -> None:
    write_lake(tmp_path)
    settings, connection = Settings(home=tmp_path), connect(tmp_path)

    allowed = learnable(settings, connection, as_of=AS_OF)

    assert len(allowed) == 299
    assert "c7" not in allowed
    assert learnable(settings, connection, as_of=datetime(2016, 1, 1, tzinfo=UTC)) == []
