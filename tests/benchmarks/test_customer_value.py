from __future__ import annotations

from pathlib import Path

from benchmarks.customer_value import BARS, CHURN, HORIZON, imported, rows_of, run, value
from ingest.lake import connect
from tests.pipelines.ordering_shop import AS_OF, write_shop


def test_a_workspace_is_judged_as_the_trainer_judges_it(tmp_path: Path) -> None:
    home = write_shop(tmp_path).home

    contest = value("a shop", home, AS_OF - HORIZON)

    assert contest.headline == "gini"
    assert contest.gain_over is not None
    assert contest.gain_over("rfm").low > 0
    assert len(rows_of(home, AS_OF, CHURN).test) > 200


def test_days_of_cdnow_are_orders_at_the_last_second_of_their_day(tmp_path: Path) -> None:
    sample = tmp_path / "sample.txt"
    sample.write_text(
        " 00004 0001 19970101  2   29.33\n"
        " 00004 0001 19970101  1   10.00\n"
        " 00004 0001 19970118  2   29.73\n"
    )

    home = imported(tmp_path / "cdnow", "cdnow", sample)

    with connect(home) as connection:
        rows = connection.execute(
            "SELECT value_minor, ts_us // 1000000 % 86400 FROM events ORDER BY ts_us"
        ).fetchall()
    assert rows == [(3_933, 86_399), (2_973, 86_399)]
    assert imported(home, "cdnow", None) == home  # it is there: not imported again


def test_what_is_not_taken_says_why(tmp_path: Path) -> None:
    got = run(None, tmp_path, ("cdnow", "retail"))

    assert [one.name for one in got] == [one.name for one in BARS]
    assert all(one.value is None and "not in --data" in one.reason for one in got)
