from __future__ import annotations

import json
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import to_us
from core.errors import ConfigError, DataError, MissingColumnsError
from ingest.contract import EVENT_NAMES, EVENTS
from segmentation.lifecycle import STAGES
from segmentation.transitions import STAGE_CHANGED, transition_events, transitions

AT = datetime(2024, 3, 1, tzinfo=UTC)


def stage_of(**stages: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"customer_id": list(stages), "lifecycle_stage": list(stages.values())}, dtype=object
    )


BEFORE = stage_of(ann="active", bob="lapsed", cleo="active", gone="new")
AFTER = stage_of(dan="new", cleo="active", bob="won_back", ann="at_risk")


def test_only_who_moved_has_a_row() -> None:
    got = transitions(BEFORE, AFTER, at=AT)

    assert got.to_dict("list") == {
        "customer_id": ["ann", "bob", "dan"],
        "from_stage": ["active", "lapsed", ""],
        "to_stage": ["at_risk", "won_back", "new"],
        "at_us": [to_us(AT)] * 3,
    }


def test_nobody_moves_between_a_day_and_itself() -> None:
    assert transitions(AFTER, AFTER, at=AT).empty
    assert transition_events(transitions(AFTER, AFTER, at=AT)).empty


def test_moves_are_events_of_the_contract_under_a_name_of_ours() -> None:
    got = transition_events(transitions(BEFORE, AFTER, at=AT))

    assert list(got.columns) == EVENTS.names
    assert STAGE_CHANGED not in EVENT_NAMES
    assert set(got["event"]) == {STAGE_CHANGED}
    assert got["event_id"].is_unique
    assert got["ts_us"].tolist() == [to_us(AT)] * 3
    assert [json.loads(each) for each in got["properties"]] == [
        {"from": "active", "to": "at_risk"},
        {"from": "lapsed", "to": "won_back"},
        {"from": None, "to": "new"},
    ]


def test_the_same_move_is_the_same_event() -> None:
    once, again = (transition_events(transitions(BEFORE, AFTER, at=AT)) for _ in range(2))

    pd.testing.assert_frame_equal(once, again)


def test_a_customer_twice_or_a_stage_of_ones_own_is_refused() -> None:
    with pytest.raises(DataError, match="twice"):
        transitions(BEFORE, pd.concat([AFTER, AFTER]), at=AT)
    with pytest.raises(DataError, match=r"\['asleep', 'nan'\]"):
        transitions(stage_of(ann="asleep", bob=float("nan")), AFTER, at=AT)  # type: ignore[arg-type]


def test_a_missing_column_and_a_naive_instant_are_named() -> None:
    with pytest.raises(MissingColumnsError, match="lifecycle_stage"):
        transitions(BEFORE.drop(columns="lifecycle_stage"), AFTER, at=AT)
    with pytest.raises(ConfigError, match="time zone"):
        transitions(BEFORE, AFTER, at=AT.replace(tzinfo=None))


_days = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(STAGES), max_size=8)


@given(_days, _days)
def test_who_moved_are_those_whose_stage_is_another(
    before: dict[str, str], after: dict[str, str]
) -> None:
    moved = transitions(stage_of(**before), stage_of(**after), at=AT)

    assert set(moved["customer_id"]) == {who for who in after if before.get(who) != after[who]}
