from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from core.errors import NotReadyError
from features.affinity import affinity
from ingest import lake
from ingest.lake import connect, parts
from ingest.log import EventLog
from models.assortment import read_assortment
from models.popularity import popularity
from privacy.consent import ConsentLedger
from tests.ingest.shop import AS_OF, EVENTS, HEADER, MAPPING, PRODUCTS, Shop, files, seen, write

CONSENTS = 'consents: {customer_id: who, purpose: "\'analytics\'", granted: "true", time: at}\n'


def test_closed_days_are_files_and_open_days_come_from_the_log(shop: Shop) -> None:
    shop.take(events=EVENTS, products=PRODUCTS)
    before = {table: seen(shop, table) for table in ("events", "items")}

    assert write(shop, datetime(2024, 5, 1, 23, tzinfo=UTC)) == 1  # 1 May is still open

    assert files(shop) == {"day=2024-01-31": ["part-0000.parquet"]}
    assert {table: seen(shop, table) for table in ("events", "items")} == before
    assert len(before["items"]) == 3


def test_an_empty_workspace_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match=r"Run `sendwise import` first"):
        connect(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_parts_are_the_booked_files_and_the_rows_that_no_file_has(shop: Shop) -> None:
    shop.take(events=EVENTS, products=PRODUCTS)
    write(shop, datetime(2024, 5, 1, 23, tzinfo=UTC))  # 1 May is still open

    file, rows = parts(shop.home)["events"]

    assert isinstance(file, Path)
    assert isinstance(rows, pa.Table)
    assert rows["event_id"].to_pylist() == ["B1"]
    assert [len(of) for of in parts(shop.home).values()] == [2, 2, 1, 1, 1]


def test_writing_again_writes_nothing(shop: Shop) -> None:
    shop.take(events=EVENTS)

    assert (write(shop), write(shop)) == (2, 0)


def test_a_late_row_goes_to_its_day_as_a_further_file(shop: Shop) -> None:
    shop.take(events=EVENTS)
    write(shop)
    shop.take(events=HEADER + "C1,1,2024-01-31 08:00:00,ann,tea,1,3.50\n")
    before = seen(shop)

    assert write(shop) == 1

    assert files(shop)["day=2024-01-31"] == ["part-0000.parquet", "part-0001.parquet"]
    assert files(shop)["day=2024-05-01"] == ["part-0000.parquet"]
    assert seen(shop) == before
    assert len(before) == 4


def test_a_revised_day_is_written_anew(shop: Shop) -> None:
    shop.take(events=EVENTS)
    write(shop)
    shop.take(events=HEADER + "C1,1,2024-01-31 08:00:00,ann,tea,1,3.50\n")
    write(shop)
    shop.take(events=HEADER + "A1,3,2024-01-31 23:30:00,ann,jam,1,2.00\n")
    before = seen(shop)  # the stale day is read from the log

    assert write(shop) == 1

    anew = "part-0001-0000.parquet"  # beside the old, which a reader may have open
    assert files(shop)["day=2024-01-31"] == ["part-0000.parquet", anew, "part-0001.parquet"]
    assert seen(shop) == before
    assert [row[5] for row in before if row[0] == "A1"] == ["tea", "mug", "jam"]
    assert {row[0]: row[9] for row in seen(shop, "events")}["A1"] == 1700


def test_items_of_a_machine_event_are_in_no_view_and_no_file(shop: Shop) -> None:
    mapping = MAPPING.replace("  item:", "  is_machine: customer = 'robot'\n  item:")
    shop.take(mapping, events=EVENTS + "R1,1,2024-05-01 09:00:00,robot,tea,99,3.50\n")
    assert shop.query("SELECT count(*) FROM items") == [(4,)]  # the log keeps them

    for _ in range(2):  # read from the log, then from the lake
        assert [row[0] for row in seen(shop)] == ["A1", "A1", "B1"]
        assert [row[0] for row in seen(shop, "events")] == ["A1", "B1", "R1"]
        write(shop)


def test_a_machine_order_changes_neither_tastes_nor_popularity_nor_the_assortment(
    shop: Shop, new_shop: Callable[[], Shop]
) -> None:
    mapping = MAPPING.replace("  item:", "  is_machine: customer = 'robot'\n  item:")
    visited = new_shop()
    shop.take(mapping, events=EVENTS, products=PRODUCTS)
    robot = "R1,1,2024-05-02 09:00:00,robot,mug,99,3.50\n"
    visited.take(mapping, events=EVENTS + robot, products=PRODUCTS)

    def learnt(one: Shop) -> tuple[list[dict[Hashable, Any]], list[str], list[float], list[float]]:
        write(one)
        connection = connect(one.home)
        tastes = affinity(connection, by="department", as_of=AS_OF)
        goods = read_assortment(connection, before=AS_OF)
        connection.close()
        score = popularity(goods).tolist()
        return (
            tastes.to_dict("records"),
            goods.product_ids.tolist(),
            score,
            goods.sold_ever.tolist(),
        )

    assert learnt(visited) == learnt(shop)
    assert learnt(shop)[0]


def test_a_lake_of_before_is_rid_of_machine_items(shop: Shop) -> None:
    shop.take(events=EVENTS)
    write(shop)
    db = sqlite3.connect(shop.home / "events.db")
    db.executescript("UPDATE events SET is_machine = 1 WHERE event_id = 'B1'; DROP TABLE rewrites;")
    db.close()

    for _ in range(2):
        assert [row[0] for row in seen(shop)] == ["A1", "A1"]
        write(shop)


def test_a_crash_between_file_and_log_counts_nothing_twice(shop: Shop) -> None:
    shop.take(events=EVENTS)
    before = seen(shop)
    write(shop)
    log = EventLog(shop.home / "events.db")
    with log.transaction() as db:
        db.execute("DELETE FROM exports")  # as if the process had died before this commit
    log.close()

    assert seen(shop) == before  # also before the export is run again
    assert write(shop) == 2
    assert seen(shop) == before


def test_a_crash_before_a_further_file_is_booked_counts_nothing_twice(shop: Shop) -> None:
    shop.take(MAPPING + CONSENTS, events=EVENTS, consents="who,at\nann,2024-01-01\n")
    write(shop)
    (booked,) = shop.query("SELECT max(through_seq) FROM exports WHERE day = 19753")
    shop.take(events=HEADER + "C1,1,2024-01-31 08:00:00,ann,tea,1,3.50\n")
    before = seen(shop)
    write(shop)
    log = EventLog(shop.home / "events.db")
    with log.transaction() as db:
        db.execute("UPDATE exports SET files = 1, through_seq = ? WHERE day = 19753", booked)
        db.execute("DELETE FROM meta WHERE key LIKE 'lake %'")
    log.close()

    assert seen(shop) == before
    connection = connect(shop.home)
    assert connection.execute("SELECT count(*) FROM consents").fetchall() == [(1,)]
    connection.close()


def test_rows_that_arrive_during_an_export_wait_for_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.take(events=EVENTS)
    groups = lake._groups

    def more_arrive(days: list[tuple[int, ...]]) -> list[list[tuple[int, ...]]]:
        monkeypatch.setattr(lake, "_groups", groups)
        shop.take(events=HEADER + "C1,1,2024-01-31 08:00:00,ann,tea,1,3.50\n")
        return groups(days)

    monkeypatch.setattr(lake, "_groups", more_arrive)
    write(shop)

    assert [row[0] for row in seen(shop)] == ["A1", "A1", "B1", "C1"]
    assert write(shop) == 1
    assert [row[0] for row in seen(shop)] == ["A1", "A1", "B1", "C1"]


def test_a_lake_without_a_log_is_read_whole(shop: Shop) -> None:
    shop.take(events=EVENTS)
    write(shop)
    before = seen(shop)
    (shop.home / "events.db").unlink()

    assert seen(shop) == before


def test_a_withdrawal_is_seen_before_the_next_export(shop: Shop) -> None:
    shop.take(MAPPING + CONSENTS, events=EVENTS, consents="who,at\nann,2024-01-01\n")
    write(shop)
    ledger = ConsentLedger(shop.home / "events.db")
    ledger.withdraw("ann", "analytics", "unsubscribe", AS_OF)
    ledger.close()

    for _ in range(2):
        connection = connect(shop.home)
        rows = connection.execute("SELECT granted FROM consents ORDER BY ts_us").fetchall()
        connection.close()
        assert rows == [(True,), (False,)]
        write(shop)


def test_a_changed_catalogue_is_seen_before_the_next_export(shop: Shop) -> None:
    def names() -> list[tuple[object, ...]]:
        connection = connect(shop.home)
        rows = connection.execute("SELECT name FROM catalogue ORDER BY name").fetchall()
        connection.close()
        return rows

    shop.take(events=EVENTS, products=PRODUCTS)
    assert names() == [("Green tea",), ("Mug",)]
    write(shop)
    shop.take(events=EVENTS, products=PRODUCTS.replace("Mug", "Cup"))
    assert names() == [("Cup",), ("Green tea",)]
    write(shop)
    assert names() == [("Cup",), ("Green tea",)]


def test_days_are_those_of_utc(shop: Shop) -> None:
    shop.take(events=HEADER + "A1,1,2024-05-01 00:30:00,ann,tea,1,3.50\n")  # London: UTC + 1
    write(shop)

    assert list(files(shop)) == ["day=2024-04-30"]


PROGRAM = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from core.settings import load_settings
from ingest import lines
from ingest.log import EventLog
from pipelines.import_data import import_data

insert_items, batches = EventLog._insert_items, []

def insert_or_die(self, events, items):
    batches.append(1)
    if len(batches) == int(sys.argv[2]):  # its events are in the transaction, its items are not
        os.kill(os.getpid(), signal.SIGKILL)
    insert_items(self, events, items)

EventLog._insert_items = insert_or_die
lines.BATCH = 50  # many transactions
folder = Path(sys.argv[1])
import_data(
    load_settings(home=folder / "home"),
    as_of=datetime(2024, 6, 1, tzinfo=UTC),
    mapping=folder / "shop.yaml",
    inputs={"events": folder / "big.csv"},
)
"""


def test_an_import_that_is_killed_is_simply_run_again(shop: Shop) -> None:
    day = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [
        f"O{n},{line},{day + timedelta(hours=n):%Y-%m-%d %H:%M:%S},c{n % 50},tea,1,3.50\n"
        for n in range(500)
        for line in (1, 2)
    ]
    shop.file("shop.yaml", MAPPING)
    big = shop.file("big.csv", HEADER + "".join(rows))

    def run(dies_in_batch: int) -> int:
        command = [sys.executable, "-c", PROGRAM, str(shop.folder), str(dies_in_batch)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert run(4) == -signal.SIGKILL
    assert shop.query("SELECT count(*) FROM events") == [(150,)]  # whole batches only
    assert shop.query("SELECT count(*) FROM items") == [(300,)]
    assert run(0) == 0

    assert len(seen(shop)) == 1_000
    whole = Shop(shop.folder / "whole")
    whole.folder.mkdir()
    whole.take(events=big)
    assert shop.dump() == whole.dump()
    assert shop.query("SELECT seq, event_id FROM events") == whole.query(
        "SELECT seq, event_id FROM events"
    )
