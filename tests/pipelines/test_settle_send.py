from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from campaigns.claims import Claim, Claims, State, Verdict
from core.errors import DataError, NotReadyError
from core.settings import Settings
from pipelines.send_campaign import send_campaign
from pipelines.settle_send import settle_send
from tests.campaigns.mailing_list import NOW, PEOPLE

if TYPE_CHECKING:
    from pipelines.outcome import Outcome
    from tests.campaigns.peers import Mailbox

pytest_plugins = ["tests.campaigns.peers"]
LOST = PEOPLE[:2]


@pytest.fixture
def settings(workspace: Settings, smtp_peer: Mailbox) -> Settings:
    """A workspace with a send that left two outcomes unknown."""
    with Claims(workspace.home, "weekly_picks", "monday", ts_us=1) as claims:
        claims.book(Claim(each, State.UNKNOWN, f"<{each}@m>", "it broke") for each in LOST)
    return workspace.model_copy(update={"smtp_port": smtp_peer.port})


def settle(settings: Settings, verdict: Verdict | None = None, *customers: str) -> Outcome:
    return settle_send(
        settings,
        campaign="weekly_picks",
        send_id="monday",
        as_of=NOW,
        verdict=verdict,
        customers=customers,
    )


def states(settings: Settings) -> dict[str, State]:
    with Claims(settings.home, "weekly_picks", "monday", ts_us=1) as claims:
        return claims.states()


def send(settings: Settings) -> Outcome:
    return send_campaign(
        settings, campaign="weekly_picks", transport="smtp", as_of=NOW, send_id="monday"
    )


def test_without_a_verdict_unknown_outcomes_are_only_listed(settings: Settings) -> None:
    outcome = settle(settings)

    assert [row[:2] for row in outcome.rows] == [(each, f"<{each}@m>") for each in LOST]
    assert outcome.data["settled"] == []
    assert set(states(settings).values()) == {State.UNKNOWN}


def test_what_arrived_is_sent_and_not_mailed_again(settings: Settings, smtp_peer: Mailbox) -> None:
    settle(settings, Verdict.SENT)

    assert send(settings).data["unknown"] == []
    assert smtp_peer.to() == [f"{name}@example.test" for name in PEOPLE[2:]]


def test_what_did_not_arrive_is_mailed_by_the_next_run(
    settings: Settings, smtp_peer: Mailbox
) -> None:
    outcome = settle(settings, Verdict.AGAIN, LOST[1])
    sent = send(settings)

    assert [each["customer_id"] for each in outcome.data["unknown"]] == [LOST[0]]  # type: ignore[attr-defined]
    assert smtp_peer.to() == [f"{name}@example.test" for name in PEOPLE[1:]]
    assert "settle weekly_picks --send-id monday" in " ".join(sent.notes)


def test_nobody_else_can_be_settled(settings: Settings) -> None:
    with pytest.raises(DataError, match="'nobody' has no unknown outcome"):
        settle(settings, Verdict.AGAIN, "nobody")

    assert set(states(settings).values()) == {State.UNKNOWN}


def test_a_send_that_never_was_is_said(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no send 'tuesday'"):
        settle_send(settings, campaign="weekly_picks", send_id="tuesday", as_of=NOW)
    with pytest.raises(NotReadyError, match="nothing has been imported"):
        settle(Settings(home=tmp_path / "empty"))


def test_the_command_settles(settings: Settings) -> None:
    command = ["-c", "from pipelines.cli import main; main()", "--home", str(settings.home)]
    command += ["settle", "weekly_picks", "--send-id", "monday", "--as", "sent", "--json"]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["verdict"] == "sent"
    assert [each["customer_id"] for each in json.loads(done.stdout)["settled"]] == LOST
