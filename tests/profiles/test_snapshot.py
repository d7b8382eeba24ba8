from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import DataError, NotReadyError
from profiles.products import Item
from profiles.snapshot import (
    BUY_AGAIN,
    Manifest,
    Pick,
    Profile,
    current_id,
    find_snapshot,
    open_snapshot,
    point_to,
    prune,
    snapshot_id,
    write_snapshot,
)

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
TEA = Pick("tea", 3.5, "frequency", "You bought this 7 times")
MILK = Pick("milk", 90.0, "popularity", "Popular this month")
ANN = Profile(
    "ann",
    outputs={"p_order_30d": 0.25, "cluster": "regulars"},
    features={"recency_days": 3},
    lists={BUY_AGAIN: [TEA, MILK]},
    bought={"tea": 3, "milk": 40},
)
BOB = Profile("bob", outputs={"p_order_30d": None}, why_null={"p_order_30d": "no model yet"})


def manifest(number: int = 1) -> Manifest:
    return Manifest(
        id=snapshot_id(AS_OF, {"number": number}),
        as_of=AS_OF,
        model_versions={"recommender": "1"},
        customers=0,
        outputs=("p_order_30d", "cluster"),
        clusters={"regulars": {"traits": ["frequent"]}},
        popular=(MILK,),
        popular_by_cluster={"regulars": (TEA,)},
    )


def test_a_profile_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_snapshot(tmp_path, manifest(), [ANN, BOB])

    with open_snapshot(tmp_path) as snapshot:
        assert snapshot.profile("ann") == ANN
        assert snapshot.profiles(["bob", "ann", "nobody"]) == {"ann": ANN, "bob": BOB}
        assert snapshot.profile("nobody") is None
        assert snapshot.manifest == manifest().model_copy(update={"customers": 2})
        assert list(snapshot.customer_ids()) == ["ann", "bob"]


def test_popular_is_by_cluster_or_with_everybody(tmp_path: Path) -> None:
    write_snapshot(tmp_path, manifest(), [ANN])

    snapshot = open_snapshot(tmp_path)

    assert snapshot.popular("regulars") == [TEA]
    assert snapshot.popular("a cluster that is new") == snapshot.popular("") == []
    assert snapshot.popular() == [MILK]


def test_lists_for_everybody_are_known_by_their_slot(tmp_path: Path) -> None:
    lists = {"trending": (TEA,), "new_arrivals": (MILK, TEA)}
    write_snapshot(tmp_path, manifest().model_copy(update=lists), [ANN])

    snapshot = open_snapshot(tmp_path)

    assert {name: snapshot.common(name) for name in lists} == lists
    assert snapshot.common("buy_again") == snapshot.common("id") == ()


def test_products_are_read_beside_the_profiles(tmp_path: Path) -> None:
    items = [Item("tea", "drinks", 350, has_image=True, score=2.0, reason="sells")]
    write_snapshot(tmp_path, manifest(), [ANN], items=items)

    with open_snapshot(tmp_path) as snapshot:
        assert list(snapshot.products.best()) == [Pick("tea", 2.0, "popularity", "sells")]


def test_a_snapshot_of_before_there_were_products_says_what_to_run(tmp_path: Path) -> None:
    path = tmp_path / "snapshots" / write_snapshot(tmp_path, manifest(), [ANN]).id / "serving.db"
    with sqlite3.connect(path) as store:
        store.execute("DROP TABLE product")
    store.close()

    with pytest.raises(NotReadyError, match="sendwise score"):
        open_snapshot(tmp_path)


def test_people_find_scores_and_lists_in_parquet(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots" / write_snapshot(tmp_path, manifest(), [ANN, BOB]).id

    assert pq.read_table(folder / "scores.parquet").to_pylist() == [
        {"customer_id": "ann", "recency_days": 3.0, "p_order_30d": 0.25, "cluster": "regulars"},
        {"customer_id": "bob", "recency_days": None, "p_order_30d": None, "cluster": None},
    ]
    assert pq.read_table(folder / "lists.parquet").select(
        ["customer_id", "slot", "rank", "product_id"]
    ).to_pylist() == [
        {"customer_id": "ann", "slot": BUY_AGAIN, "rank": 1, "product_id": "tea"},
        {"customer_id": "ann", "slot": BUY_AGAIN, "rank": 2, "product_id": "milk"},
    ]


def test_batches_share_the_types_that_were_asked_for(tmp_path: Path) -> None:
    everybody = (
        Profile(f"c{n}", outputs={"cluster": None if n < 2_000 else "late"}) for n in range(2_100)
    )
    schema = pa.schema([("cluster", pa.string())])

    written = write_snapshot(tmp_path, manifest(), everybody, scores_schema=schema)

    table = pq.read_table(tmp_path / "snapshots" / written.id / "scores.parquet")
    assert (written.customers, table["cluster"].null_count) == (2_100, 2_000)


def test_the_id_tells_the_inputs_and_not_the_time_zone() -> None:
    same = AS_OF.astimezone(timezone(timedelta(hours=9)))

    assert snapshot_id(same, {"a": 1}) == snapshot_id(AS_OF, {"a": 1})
    assert snapshot_id(AS_OF, {"a": 2}) != snapshot_id(AS_OF, {"a": 1})


def test_the_same_inputs_are_not_written_twice(tmp_path: Path) -> None:
    def never() -> Iterator[Profile]:
        pytest.fail("the profiles were read again")
        yield ANN

    first = write_snapshot(tmp_path, manifest(), [ANN])
    write_snapshot(tmp_path, manifest(2), [BOB])

    assert write_snapshot(tmp_path, manifest(), never()) == first
    assert current_id(tmp_path) == first.id


def test_a_reader_keeps_its_snapshot_while_a_newer_one_is_made(tmp_path: Path) -> None:
    write_snapshot(tmp_path, manifest(), [ANN])
    old = open_snapshot(tmp_path)
    write_snapshot(tmp_path, manifest(2), [BOB])

    assert old.profile("ann") == ANN
    assert open_snapshot(tmp_path).profile("bob") == BOB


def test_threads_may_share_a_reader(tmp_path: Path) -> None:
    write_snapshot(tmp_path, manifest(), [ANN, BOB])
    snapshot = open_snapshot(tmp_path)
    seen: list[bool] = []

    def look() -> None:
        seen.extend(snapshot.profile("ann") == ANN for _ in range(200))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [True] * 800


def test_a_failed_write_leaves_the_workspace_as_it_was(tmp_path: Path) -> None:
    kept = write_snapshot(tmp_path, manifest(), [ANN])

    with pytest.raises(DataError, match="UNIQUE"):
        write_snapshot(tmp_path, manifest(2), [ANN, ANN])

    assert current_id(tmp_path) == kept.id
    assert sorted(each.name for each in (tmp_path / "snapshots").iterdir()) == [kept.id, "current"]


def test_no_customers_is_an_error_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no customers"):
        write_snapshot(tmp_path, manifest(), [])


def test_without_a_snapshot_the_reader_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise score"):
        open_snapshot(tmp_path)
    assert find_snapshot(tmp_path, "20171201T000000Z-abc") is None
    with pytest.raises(NotReadyError, match="20171201T000000Z-abc"):
        point_to(tmp_path, "20171201T000000Z-abc")


@pytest.mark.parametrize(
    "content", [b"", b"gone-1234\n", b"../outside\n", b"\xff\xfe\x00"], ids=repr
)
def test_a_damaged_pointer_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    write_snapshot(tmp_path, manifest(), [ANN])
    (tmp_path / "snapshots" / "current").write_bytes(content)

    with pytest.raises(NotReadyError, match="current names no snapshot"):
        open_snapshot(tmp_path)


@pytest.mark.parametrize("name", ["manifest.json", "serving.db"])
@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, damage: str) -> None:
    path = tmp_path / "snapshots" / write_snapshot(tmp_path, manifest(), [ANN]).id / name
    path.unlink()
    if damage == "garbage":
        path.write_bytes(b"garbage" * 1_000)

    with pytest.raises(NotReadyError, match=name):
        open_snapshot(tmp_path)


def test_the_newest_snapshots_stay_and_older_ones_go(tmp_path: Path) -> None:
    for number in range(5):
        write_snapshot(tmp_path, manifest(number), [ANN])

    there = {path.name for path in (tmp_path / "snapshots").iterdir()}
    assert there == {"current", *(manifest(number).id for number in (2, 3, 4))}
    assert current_id(tmp_path) == manifest(4).id


def test_an_old_snapshot_that_is_current_again_stays(tmp_path: Path) -> None:
    for number in range(3):
        write_snapshot(tmp_path, manifest(number), [ANN])
    write_snapshot(tmp_path, manifest(0), [ANN])

    assert prune(tmp_path, keep=2) == [manifest(1).id]
    assert prune(tmp_path, keep=1) == [manifest(2).id]
    assert current_id(tmp_path) == manifest(0).id


def test_a_service_goes_on_reading_a_snapshot_that_was_removed(tmp_path: Path) -> None:
    write_snapshot(tmp_path, manifest(0), [ANN, BOB])
    with open_snapshot(tmp_path) as snapshot:
        for number in range(1, 5):
            write_snapshot(tmp_path, manifest(number), [ANN])

        assert not snapshot.folder.exists()
        assert snapshot.profile("bob") == BOB


def test_a_snapshot_removed_by_half_does_not_pass_for_one(tmp_path: Path) -> None:
    for number in range(3):
        write_snapshot(tmp_path, manifest(number), [ANN])
    folder = tmp_path / "snapshots" / manifest(0).id
    (folder / "manifest.json").unlink()
    (folder / "serving.db").unlink()

    write_snapshot(tmp_path, manifest(0), [ANN])

    with open_snapshot(tmp_path) as snapshot:
        assert snapshot.profile("ann") == ANN
