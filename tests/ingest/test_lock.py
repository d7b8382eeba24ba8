from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import UnavailableError
from core.settings import load_settings
from ingest.lock import import_lock
from pipelines.import_data import import_data
from tests.ingest.shop import AS_OF, EVENTS, MAPPING, Shop


def test_a_second_import_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with (
        import_lock(tmp_path),
        pytest.raises(UnavailableError, match="another import into"),
        import_lock(tmp_path),
    ):
        pass

    with import_lock(tmp_path):
        pass


def test_an_import_waits_for_nobody_and_touches_nothing(shop: Shop) -> None:
    where, events = shop.file("shop.yaml", MAPPING), shop.file("events.csv", EVENTS)
    settings = load_settings(home=shop.home)

    with import_lock(shop.home), pytest.raises(UnavailableError):
        import_data(settings, as_of=AS_OF, mapping=where, inputs={"events": events})

    assert not (shop.home / "events.db").exists()
    import_data(settings, as_of=AS_OF, mapping=where, inputs={"events": events})
    assert len(shop.dump()["events"]) == 2


def test_a_lock_leaves_no_trace(tmp_path: Path) -> None:
    with import_lock(tmp_path / "home"):
        assert (tmp_path / "home" / "locks" / "import.lock").exists()

    assert list(tmp_path.iterdir()) == []
