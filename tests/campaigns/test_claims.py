from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.claims import Claim, Claims, State
from core.errors import ConfigError


def claims(home: Path, send_id: str = "monday") -> Claims:
    return Claims(home, "weekly", send_id, ts_us=1)


def test_what_is_booked_is_there_for_the_next_process(tmp_path: Path) -> None:
    with claims(tmp_path) as first:
        first.book([Claim("ann", State.CLAIMED), Claim("bea", State.SKIPPED, why="no consent")])
        first.book([Claim("ann", State.SENT, message_id="<1@x>")])

    with claims(tmp_path) as second:
        assert second.states() == {"ann": State.SENT, "bea": State.SKIPPED}
        assert second.counts() == {(State.SENT, ""): 1, (State.SKIPPED, "no consent"): 1}
        assert second.listed(State.SENT) == [Claim("ann", State.SENT, "<1@x>")]


def test_a_hand_over_that_a_dead_process_left_is_unknown(tmp_path: Path) -> None:
    with claims(tmp_path) as first:
        first.book([Claim("ann", State.HANDING_OVER, "<1@x>"), Claim("bea", State.CLAIMED)])

    with claims(tmp_path) as second:
        assert second.states() == {"ann": State.UNKNOWN, "bea": State.CLAIMED}
        (lost,) = second.listed(State.UNKNOWN)
        assert lost.message_id == "<1@x>"
        assert lost.why


def test_sends_do_not_see_each_other(tmp_path: Path) -> None:
    with claims(tmp_path) as monday, claims(tmp_path, "tuesday") as tuesday:
        monday.book([Claim("ann", State.SENT)])

        assert tuesday.states() == {}


def test_a_send_runs_in_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        claims(tmp_path),
        pytest.raises(ConfigError, match="already running"),
        claims(tmp_path),
    ):
        pass


def test_the_lock_is_free_after_the_send(tmp_path: Path) -> None:
    for _ in range(2):
        with claims(tmp_path) as again:
            again.book([Claim("ann", State.SENT)])


def test_an_unwritten_batch_leaves_nothing(tmp_path: Path) -> None:
    with claims(tmp_path) as open_claims:
        broken = [Claim("ann", State.SENT), Claim(None, State.SENT)]  # type: ignore[arg-type]
        with pytest.raises(Exception, match="NOT NULL"):
            open_claims.book(broken)

        assert open_claims.states() == {}


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", "x" * 101])
def test_names_that_would_leave_the_workspace_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        claims(tmp_path, name)

    assert list(tmp_path.iterdir()) == []
