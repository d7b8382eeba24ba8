from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import NotEnoughDataError
from core.settings import Settings
from ingest.lake import connect
from pipelines.learnable import Learners, consenting, learnable, learners
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


def test_it_is_counted_how_many_with_an_order_said_no(tmp_path: Path) -> None:
    write_lake(tmp_path)

    of = learners(Settings(home=tmp_path), connect(tmp_path), as_of=AS_OF)

    assert (len(of.ids), of.buyers, of.left_out) == (299, 300, 1)


@pytest.mark.parametrize(
    ("left_out", "says"),
    [
        pytest.param(
            1,
            "too few. That is of those who consent to model_training (1 of 2 customers).",
            id="consent-is-missing",
        ),
        pytest.param(0, "too few.", id="everybody-agreed"),
    ],
)
def test_too_little_names_consent_where_it_is_the_cause(left_out: int, says: str) -> None:
    with (
        pytest.raises(NotEnoughDataError) as caught,
        Learners(["ann"], buyers=2, left_out=left_out).named(),
    ):
        raise NotEnoughDataError("too few.")

    assert str(caught.value) == says
