from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import NotEnoughDataError
from core.settings import Settings
from ingest.lake import connect
from pipelines.learnable import consenting, learnable
from tests.small_shop import GRANTED_US, agree, write_lake

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)


def test_the_ledger_decides_and_silence_is_a_no(tmp_path: Path) -> None:
    write_lake(tmp_path)
    (tmp_path / "events.db").unlink()
    agree(tmp_path, ["c1", "c2"], at_us=GRANTED_US)
    agree(tmp_path, ["c2"], granted=False, at_us=GRANTED_US + 1)
    agree(tmp_path, ["c3"], at_us=2_000_000_000_000_000)  # after as_of

    assert learnable(Settings(home=tmp_path), connect(tmp_path), as_of=AS_OF) == ["c1"]


def test_nobody_asked_is_nobody_to_learn_from(tmp_path: Path) -> None:
    write_lake(tmp_path)
    (tmp_path / "events.db").unlink()
    settings, connection = Settings(home=tmp_path), connect(tmp_path)

    with pytest.raises(NotEnoughDataError, match="nobody has consented to model_training"):
        learnable(settings, connection, as_of=AS_OF)

    assert learnable(settings, connection, as_of=datetime(2016, 1, 1, tzinfo=UTC)) == []
    assert not (tmp_path / "events.db").exists()


def test_a_consent_is_to_its_purpose_only(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    agree(tmp_path, ["ann"], "analytics")
    agree(tmp_path, ["bob"], "personalisation")

    assert consenting(settings, ["ann", "bob", "eve"], "analytics", as_of=AS_OF) == {"ann"}
