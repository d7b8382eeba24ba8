from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

import pytest

from campaigns.claims import Claims
from core.errors import ConfigError, NotReadyError, SendwiseError, UnavailableError
from core.settings import Settings, workspace_id
from pipelines.send_campaign import send_campaign
from tests.campaigns.mailing_list import NOW, PEOPLE, publish

if TYPE_CHECKING:
    from tests.campaigns.peers import Mailbox, Service

pytest_plugins = ["tests.campaigns.peers"]


@pytest.fixture
def settings(workspace: Settings) -> Settings:
    return workspace


def send(settings: Settings, transport: str = "outbox", **given: object) -> dict[str, object]:
    """Send, and return the machine-readable outcome with its status."""
    options = {"campaign": "weekly_picks", "as_of": NOW, **given}
    outcome = send_campaign(settings, transport=transport, **options)  # type: ignore[arg-type]
    return {"status": outcome.status, **outcome.data}


def test_everybody_who_agreed_gets_a_file(settings: Settings) -> None:
    outcome = send(settings)

    folder = settings.home / "outbox" / "weekly_picks" / "weekly_picks-2024-05-01"
    assert sorted(path.stem for path in folder.iterdir()) == PEOPLE
    assert outcome["sent"] == outcome["sent_now"] == len(PEOPLE)
    assert outcome["where"] == str(folder)


def test_again_is_unchanged(settings: Settings, service_peer: Service) -> None:
    send(settings)
    asked = len(service_peer.asked)

    again = send(settings)

    assert again["status"] == "unchanged"
    assert again["sent_now"] == 0
    assert len(service_peer.asked) == asked


def test_a_limit_can_be_raised_later(settings: Settings, smtp_peer: Mailbox) -> None:
    by_mail = settings.model_copy(update={"smtp_port": smtp_peer.port})

    assert send(by_mail, "smtp", limit=10)["sent"] == 10
    assert send(by_mail, "smtp")["sent"] == len(PEOPLE)
    assert smtp_peer.to() == [f"{name}@example.test" for name in PEOPLE]


def test_mails_that_lead_to_nobodys_shop_are_noted_before_they_leave(
    settings: Settings, smtp_peer: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    send(settings, limit=1)
    to_files = capsys.readouterr().err
    send(settings.model_copy(update={"smtp_port": smtp_peer.port}), "smtp", send_id="s", limit=1)

    assert "nobody's shop" not in to_files
    noted = capsys.readouterr().err
    assert "These e-mails lead to shop.test, nobody's shop" in noted
    assert f"lead to {settings.public_url}, which no reader can reach" in noted
    assert len(smtp_peer.to()) == 1  # a note, and no more


def test_what_was_skipped_or_refused_is_told_by_reason(
    settings: Settings, smtp_peer: Mailbox, service_peer: Service
) -> None:
    by_mail = settings.model_copy(update={"smtp_port": smtp_peer.port})
    service_peer.no_consent = frozenset({"c000"})  # withdrew after the audience was read
    smtp_peer.replies["c001@example.test"] = "550 unknown user"
    smtp_peer.hang_up_after_data.add("c002@example.test")
    smtp_peer.replies["c003@example.test"] = "451 later"

    outcome = send(by_mail, "smtp", limit=5)

    assert outcome["sent"] == 1
    assert outcome["skipped"] == {"no consent to email_marketing": 1}
    assert outcome["refused"] == {"the recipient was refused: 550 unknown user": 1}
    assert outcome["put_off"] == 1
    (unknown,) = outcome["unknown"]  # type: ignore[misc]
    assert unknown["customer_id"] == "c002"


def test_nobody_who_agreed_is_said(settings: Settings, service_peer: Service) -> None:
    before = service_peer.now = datetime(2020, 1, 1, tzinfo=UTC)

    outcome = send_campaign(settings, campaign="weekly_picks", transport="outbox", as_of=before)

    assert outcome.data["sent"] == 0
    assert "consent" in outcome.notes[0]


def _down(settings: Settings, port: int) -> Settings:
    return settings.model_copy(update={"service_url": f"http://127.0.0.1:{port}"})


def _empty(settings: Settings, _port: int) -> Settings:
    (settings.home / "events.db").unlink()
    return settings


def _no_smtp(settings: Settings, port: int) -> Settings:
    return settings.model_copy(update={"smtp_port": port})


def _as_it_is(settings: Settings, _port: int) -> Settings:
    return settings


@pytest.mark.parametrize(
    ("broken", "given", "error", "says"),
    [
        pytest.param(_down, {}, UnavailableError, "sendwise serve", id="service-down"),
        pytest.param(
            _as_it_is, {"campaign": "spring"}, ConfigError, "There is: weekly_picks", id="campaign"
        ),
        pytest.param(
            _as_it_is, {"campaign": "../up"}, ConfigError, "cannot be used", id="campaign-path"
        ),
        pytest.param(_as_it_is, {"transport": "pigeon"}, ConfigError, "outbox", id="transport"),
        pytest.param(_as_it_is, {"send_id": "a/b"}, ConfigError, "cannot be used", id="send-id"),
        pytest.param(_no_smtp, {"transport": "smtp"}, UnavailableError, "SMTP", id="no-smtp"),
        pytest.param(_empty, {}, NotReadyError, "sendwise import", id="nothing-imported"),
    ],
)
def test_what_is_missing_is_one_line_and_claims_nobody(
    settings: Settings,
    closed_port: int,
    broken: Callable[[Settings, int], Settings],
    given: dict[str, object],
    error: type[SendwiseError],
    says: str,
) -> None:
    broken_settings = broken(settings, closed_port)
    before = sorted(settings.home.rglob("*"))

    with pytest.raises(error, match=says) as caught:
        send(broken_settings, **{"transport": "outbox", **given})  # type: ignore[arg-type]

    assert "\n" not in str(caught.value)
    assert sorted(settings.home.rglob("*")) == before


def test_a_service_of_another_workspace_mails_nobody(
    settings: Settings, service_peer: Service
) -> None:
    service_peer.workspace = "another shop's, where c000 is somebody else"

    with pytest.raises(ConfigError, match="serves another workspace"):
        send(settings)

    service_peer.workspace = workspace_id(settings)
    assert not service_peer.asked
    assert send(settings)["sent"] == len(PEOPLE)


def test_a_sender_that_cannot_be_mailed_from_is_the_campaigns_mistake(settings: Settings) -> None:
    publish(settings.home, sender="läden@example.test")

    with pytest.raises(ConfigError, match="läden@"):
        send(settings)


def test_two_senders_never_run_at_once(settings: Settings) -> None:
    with (
        Claims(settings.home, "weekly_picks", "weekly_picks-2024-05-01", ts_us=1),
        pytest.raises(ConfigError, match="already running"),
    ):
        send(settings)


@contextmanager
def process(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """`sendwise send --transport smtp` in a process of its own."""
    environment = {
        **os.environ,
        "SENDWISE_SERVICE_URL": settings.service_url,
        "SENDWISE_PUBLIC_URL": settings.public_url,
        "SENDWISE_SMTP_PORT": str(settings.smtp_port),
    }
    command = ["-c", "from pipelines.cli import main; main()"]
    command += ["--home", str(settings.home), "send", "weekly_picks"]
    with subprocess.Popen(
        [sys.executable, *command, "--transport", "smtp", "--as-of", "2024-05-01", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_whatever_ends_it_midway_nobody_gets_it_twice(
    settings: Settings, smtp_peer: Mailbox, blow: signal.Signals
) -> None:
    by_mail = settings.model_copy(update={"smtp_port": smtp_peer.port})
    reached, go_on = Event(), Event()
    smtp_peer.pause_at = ("c020@example.test", reached, go_on)

    with process(by_mail) as running:
        assert reached.wait(60)  # the server took c020's mail; the sender has not heard
        running.send_signal(blow)
        if blow is not signal.SIGKILL:
            go_on.set()
        _, said = running.communicate(timeout=60)
    go_on.set()
    taken_before = len(smtp_peer.taken)
    outcome = send(by_mail, "smtp")

    assert taken_before < len(PEOPLE)
    assert smtp_peer.to() == [f"{name}@example.test" for name in PEOPLE]  # each once, in order
    unknown = [each["customer_id"] for each in outcome["unknown"]]  # type: ignore[attr-defined]
    assert unknown == (["c020"] if blow is signal.SIGKILL else [])
    assert outcome["sent"] == len(PEOPLE) - len(unknown)
    assert "Traceback" not in said
    if blow is signal.SIGINT:
        assert "Stopped: 21 sent now." in said
        assert "--send-id weekly_picks-2024-05-01" in said
