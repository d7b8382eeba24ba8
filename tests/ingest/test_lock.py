from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import UnavailableError
from core.settings import load_settings
from ingest.lake import export
from ingest.lock import import_lock
from ingest.log import EventLog
from pipelines.import_data import import_data
from tests.ingest.shop import AS_OF, EVENTS, MAPPING, Shop


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., object]]:
    """Return a function that calls another in a thread of its own, as another import would."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda call, *given, **named: pool.submit(call, *given, **named).result()


def take_lock(home: Path) -> None:
    with import_lock(home):
        pass


def test_a_second_import_is_refused_until_the_first_is_done(
    tmp_path: Path, elsewhere: Callable[..., object]
) -> None:
    with import_lock(tmp_path), pytest.raises(UnavailableError, match="another import into"):
        elsewhere(take_lock, tmp_path)

    elsewhere(take_lock, tmp_path)


def test_who_has_the_lock_may_take_it_again_and_keeps_it(
    tmp_path: Path, elsewhere: Callable[..., object]
) -> None:
    with import_lock(tmp_path):
        take_lock(tmp_path)

        with pytest.raises(UnavailableError):
            elsewhere(take_lock, tmp_path)


def test_an_import_and_an_export_take_the_lock_by_themselves(
    shop: Shop, elsewhere: Callable[..., object]
) -> None:
    shop.take(events=EVENTS)
    log = EventLog(shop.home / "events.db")

    with import_lock(shop.home):
        for call in (
            lambda: shop.take(events=EVENTS),
            lambda: export(log, shop.home, as_of=AS_OF),
        ):
            with pytest.raises(UnavailableError):
                elsewhere(call)

    log.close()


def test_an_import_waits_for_nobody_and_touches_nothing(
    shop: Shop, elsewhere: Callable[..., object]
) -> None:
    where, events = shop.file("shop.yaml", MAPPING), shop.file("events.csv", EVENTS)
    settings = load_settings(home=shop.home)

    with import_lock(shop.home), pytest.raises(UnavailableError):
        elsewhere(import_data, settings, as_of=AS_OF, mapping=where, inputs={"events": events})

    assert not (shop.home / "events.db").exists()
    import_data(settings, as_of=AS_OF, mapping=where, inputs={"events": events})
    assert len(shop.dump()["events"]) == 2


def test_a_lock_leaves_no_trace(tmp_path: Path) -> None:
    with import_lock(tmp_path / "home"):
        assert (tmp_path / "home" / "locks" / "import.lock").exists()

    assert list(tmp_path.iterdir()) == []
