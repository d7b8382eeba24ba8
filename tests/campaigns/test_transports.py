from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from campaigns.message import Message
from campaigns.transports import (
    AddressRefusedError,
    Outbox,
    OutcomeUnknownError,
    RefusedError,
    Server,
    Smtp,
    TryLaterError,
    open_transport,
)
from core.errors import ConfigError, UnavailableError
from core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.campaigns.peers import Mailbox

pytest_plugins = ["tests.campaigns.peers"]


def mail(to: str = "ann@example.test", content: bytes = b"Subject: hi\r\n\r\nhello\r\n") -> Message:
    return Message(
        customer_id=to.partition("@")[0],
        message_id="<1@shop.test>",
        sender="shop@example.test",
        recipient=to,
        content=content,
    )


@pytest.fixture
def transport(smtp_peer: Mailbox) -> Iterator[Smtp]:
    transport = Smtp(Server(smtp_peer.host, smtp_peer.port), timeout_s=5)
    transport.connect()
    yield transport
    transport.close()


def test_a_message_arrives_byte_for_byte(transport: Smtp, smtp_peer: Mailbox) -> None:
    content = b"Subject: hi\r\n\r\n.\r\n..dots\r\n.end\r\n"

    transport.hand_over(mail(content=content))

    assert smtp_peer.taken == [("ann@example.test", content)]


def test_many_messages_go_over_one_connection(transport: Smtp, smtp_peer: Mailbox) -> None:
    before = transport.connect()

    for name in ("ann", "bea", "cem"):
        transport.hand_over(mail(f"{name}@example.test"))

    assert transport.connect() is before
    assert smtp_peer.to() == ["ann@example.test", "bea@example.test", "cem@example.test"]


def test_a_recipient_refused_for_good_is_refused(transport: Smtp, smtp_peer: Mailbox) -> None:
    smtp_peer.replies["bea@example.test"] = "550 no such user bea@example.test"

    with pytest.raises(RefusedError, match="550 no such user") as caught:
        transport.hand_over(mail("bea@example.test"))
    transport.hand_over(mail("cem@example.test"))

    assert "bea@" not in str(caught.value)  # it ends up in reports
    assert smtp_peer.to() == ["cem@example.test"]


@pytest.mark.parametrize(
    ("reply", "is_theirs"),
    [
        pytest.param("550 5.1.1 user unknown", True, id="no-mailbox"),
        pytest.param("552 5.2.2 mailbox full", True, id="full-mailbox"),
        pytest.param("550 no such user here", True, id="no-enhanced-code"),
        pytest.param("554 5.7.1 relay access denied", False, id="relaying"),
        pytest.param("550 5.7.1 not allowed", False, id="policy"),
        pytest.param("550 5.1.8 bad address of sender", False, id="sender"),
        pytest.param("550 relay not permitted", False, id="relaying-in-words"),
        pytest.param("530 authentication required", False, id="login"),
        pytest.param("554 no", False, id="whatever"),
    ],
)
def test_a_dead_address_is_told_from_a_server_that_will_not_have_us(
    transport: Smtp, smtp_peer: Mailbox, reply: str, *, is_theirs: bool
) -> None:
    smtp_peer.replies["bea@example.test"] = reply

    with pytest.raises(RefusedError) as caught:
        transport.hand_over(mail("bea@example.test"))

    assert isinstance(caught.value, AddressRefusedError) is is_theirs


def test_a_message_refused_after_its_content_is_refused(
    transport: Smtp, smtp_peer: Mailbox
) -> None:
    smtp_peer.replies_to_data["bea@example.test"] = "554 looks like spam"

    with pytest.raises(RefusedError, match="554"):
        transport.hand_over(mail("bea@example.test"))


@pytest.mark.parametrize("at", ["recipient", "content"])
def test_a_temporary_refusal_may_be_tried_later(
    transport: Smtp, smtp_peer: Mailbox, at: str
) -> None:
    replies = smtp_peer.replies if at == "recipient" else smtp_peer.replies_to_data
    replies["bea@example.test"] = "451 greylisted"

    with pytest.raises(TryLaterError, match="451 greylisted"):
        transport.hand_over(mail("bea@example.test"))
    replies.clear()
    transport.hand_over(mail("bea@example.test"))

    assert smtp_peer.to() == ["bea@example.test"]


def test_a_connection_lost_after_the_content_is_unknown(
    transport: Smtp, smtp_peer: Mailbox
) -> None:
    smtp_peer.hang_up_after_data.add("bea@example.test")

    with pytest.raises(OutcomeUnknownError):
        transport.hand_over(mail("bea@example.test"))
    transport.hand_over(mail("cem@example.test"))  # over a new connection

    assert smtp_peer.to() == ["bea@example.test", "cem@example.test"]


def test_a_connection_lost_before_the_content_is_renewed(
    transport: Smtp, smtp_peer: Mailbox
) -> None:
    smtp_peer.hang_up_at_mail = 1

    transport.hand_over(mail())

    assert smtp_peer.to() == ["ann@example.test"]


def test_a_server_that_keeps_hanging_up_is_tried_later(transport: Smtp, smtp_peer: Mailbox) -> None:
    smtp_peer.hang_up_at_mail = 2

    with pytest.raises(TryLaterError, match="connection broke"):
        transport.hand_over(mail())

    assert smtp_peer.to() == []


def test_a_refused_sender_is_about_settings_not_recipients(
    transport: Smtp, smtp_peer: Mailbox
) -> None:
    smtp_peer.sender_reply = "550 not yours"

    with pytest.raises(UnavailableError, match="Check `from`"):
        transport.hand_over(mail())


def test_no_server_is_one_clear_line(closed_port: int, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, smtp_port=closed_port)

    with (
        pytest.raises(UnavailableError, match=f"127.0.0.1:{closed_port} cannot be used") as caught,
        open_transport("smtp", settings, campaign="c", send_id="s"),
    ):
        pass

    assert "\n" not in str(caught.value)


def test_a_server_without_starttls_is_refused_when_it_is_asked_for(
    smtp_peer: Mailbox, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, smtp_port=smtp_peer.port, smtp_starttls=True)

    with (
        pytest.raises(UnavailableError, match="STARTTLS"),
        open_transport("smtp", settings, campaign="c", send_id="s"),
    ):
        pass


def test_an_unknown_transport_names_those_there_are(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="'outbox' and 'smtp'"),
        open_transport("pigeon", Settings(home=tmp_path), campaign="c", send_id="s"),
    ):
        pass


def test_the_outbox_holds_one_whole_file_per_customer(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "out")

    outbox.hand_over(mail("ann@example.test", b"first"))
    outbox.hand_over(mail("bea@example.test", b"second"))

    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "ann.eml": b"first",
        "bea.eml": b"second",
    }


@pytest.mark.parametrize("customer_id", ["../../etc/passwd", "a/b", "ü" * 300, ".", ".."])
def test_no_customer_id_leaves_the_outbox(tmp_path: Path, customer_id: str) -> None:
    message = Message(customer_id, "<1@x>", "a@b.c", "d@e.f", b"x")

    Outbox(tmp_path / "out").hand_over(message)

    (written,) = (tmp_path / "out").iterdir()
    assert written.suffix == ".eml"


def test_an_outbox_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")

    with pytest.raises(UnavailableError, match="outbox"):
        Outbox(tmp_path / "out").hand_over(mail())
