from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from campaigns.audience import Recipient
from campaigns.claims import Claims, State
from campaigns.client import Client, Expected
from campaigns.message import Mailing, Message, Sender
from campaigns.send import MOST_PUT_OFF, MOST_REFUSED, Sending
from campaigns.transports import Outbox, RefusedError, Server, Smtp, Transport
from core.errors import ConfigError, UnavailableError
from tests.campaigns.mailing_list import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.campaigns.peers import Mailbox, Service

pytest_plugins = ["tests.campaigns.peers"]
OURS = Expected("ours", NOW)


def people(*names: str) -> list[Recipient]:
    return [Recipient(name, f"{name}@example.test") for name in names]


def crowd(count: int) -> list[Recipient]:
    return people(*(f"c{number:03d}" for number in range(count)))


@contextmanager
def sending(
    home: Path,
    service: Service,
    transport: Transport,
    *,
    campaign: str = "weekly_picks",
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Sending]:
    """One run of the same send as before."""
    with (
        Client(service.url, public_url=service.url, expected=OURS, pause=lambda _: None) as client,
        Claims(home, campaign, "monday", ts_us=1) as claims,
    ):
        sender = Sender("Shop", "shop@example.test")
        mailing = Mailing(campaign, "monday", sender, NOW, client.picture)
        yield Sending(mailing, client, transport, claims, stop=stop)


def send(
    home: Path, service: Service, transport: Transport, to: Sequence[Recipient]
) -> dict[str, State]:
    """Run the send once; return the states afterwards."""
    with sending(home, service, transport) as run:
        done = run.claims.states()
        run.run(each for each in to if done.get(each.customer_id, State.CLAIMED) is State.CLAIMED)
        return run.claims.states()


@pytest.fixture
def smtp(smtp_peer: Mailbox) -> Iterator[Smtp]:
    transport = Smtp(Server(smtp_peer.host, smtp_peer.port), timeout_s=5)
    yield transport
    transport.close()


def test_everybody_gets_it_once(
    tmp_path: Path, service_peer: Service, smtp_peer: Mailbox, smtp: Smtp
) -> None:
    everybody = crowd(230)

    first = send(tmp_path, service_peer, smtp, everybody)
    second = send(tmp_path, service_peer, smtp, everybody)

    assert set(first.values()) == {State.SENT}
    assert second == first
    assert smtp_peer.to() == [each.email for each in everybody]
    assert service_peer.paths["/v1/render"] == 3  # of 100, 100 and 30


def test_who_may_not_be_mailed_is_skipped_with_the_reason(
    tmp_path: Path, service_peer: Service, smtp_peer: Mailbox, smtp: Smtp
) -> None:
    service_peer.no_consent = frozenset({"bea"})

    with sending(tmp_path, service_peer, smtp) as run:
        run.run(people("ann", "bea"))
        counts = run.claims.counts()

    assert counts == {
        (State.SENT, ""): 1,
        (State.SKIPPED, "no consent to email_marketing"): 1,
    }
    assert smtp_peer.to() == ["ann@example.test"]


def test_one_bad_recipient_does_not_stop_the_others(
    tmp_path: Path, service_peer: Service, smtp_peer: Mailbox, smtp: Smtp
) -> None:
    smtp_peer.replies["bea@example.test"] = "550 no such user"
    smtp_peer.hang_up_after_data.add("cem@example.test")
    smtp_peer.replies["dan@example.test"] = "451 later"
    odd = Recipient("eve", "eve@example.test\r\nBcc: all@example.test")

    states = send(tmp_path, service_peer, smtp, [*people("ann", "bea", "cem", "dan"), odd])

    assert states == {
        "ann": State.SENT,
        "bea": State.REFUSED,
        "cem": State.UNKNOWN,
        "dan": State.CLAIMED,
        "eve": State.REFUSED,
    }


def test_again_only_who_was_put_off_is_tried(
    tmp_path: Path, service_peer: Service, smtp_peer: Mailbox, smtp: Smtp
) -> None:
    smtp_peer.replies["bea@example.test"] = "451 later"
    smtp_peer.hang_up_after_data.add("cem@example.test")
    to = people("ann", "bea", "cem")
    send(tmp_path, service_peer, smtp, to)
    smtp_peer.replies.clear()

    states = send(tmp_path, service_peer, smtp, to)

    assert states == {"ann": State.SENT, "bea": State.SENT, "cem": State.UNKNOWN}
    assert sorted(smtp_peer.to()) == [each.email for each in to]  # cem once, though unknown


def test_a_server_that_puts_everybody_off_ends_the_run(
    tmp_path: Path, service_peer: Service, smtp_peer: Mailbox, smtp: Smtp
) -> None:
    everybody = crowd(40)
    smtp_peer.replies = {each.email: "451 too much" for each in everybody}

    with pytest.raises(UnavailableError, match="451 too much"):
        send(tmp_path, service_peer, smtp, everybody)
    smtp_peer.replies.clear()
    states = send(tmp_path, service_peer, smtp, everybody)

    assert len(everybody) > MOST_PUT_OFF
    assert smtp_peer.to() == [each.email for each in everybody]
    assert set(states.values()) == {State.SENT}


def test_a_server_that_refuses_everybody_writes_nobody_off(
    tmp_path: Path, service_peer: Service, smtp_peer: Mailbox, smtp: Smtp
) -> None:
    everybody = crowd(130)
    smtp_peer.replies = {each.email: "550 relaying denied" for each in everybody[95:]}

    with (
        sending(tmp_path, service_peer, smtp) as run,
        pytest.raises(UnavailableError, match="550 relaying denied") as caught,
    ):
        run.run(everybody)
    with sending(tmp_path, service_peer, smtp) as after:
        counts = Counter(after.claims.states().values())
    smtp_peer.replies.clear()

    assert "\n" not in str(caught.value)
    assert counts == {State.SENT: 95, State.CLAIMED: 35}
    assert run.done[State.REFUSED] == 0
    assert set(send(tmp_path, service_peer, smtp, everybody).values()) == {State.SENT}


def test_dead_addresses_stop_nothing_however_many_in_a_row(
    tmp_path: Path, service_peer: Service, smtp_peer: Mailbox, smtp: Smtp
) -> None:
    everybody = crowd(3 * MOST_REFUSED)
    smtp_peer.replies = {each.email: "550 5.1.1 no such user" for each in everybody[:-1]}

    states = send(tmp_path, service_peer, smtp, everybody)

    assert Counter(states.values()) == {State.REFUSED: len(everybody) - 1, State.SENT: 1}


def test_messages_refused_among_those_taken_are_refused(
    tmp_path: Path, service_peer: Service, smtp_peer: Mailbox, smtp: Smtp
) -> None:
    everybody = crowd(2 * MOST_REFUSED)
    taken = everybody[:: MOST_REFUSED - 1]  # the last of all is not among them
    smtp_peer.replies_to_data = {
        each.email: "554 looks like spam" for each in everybody if each not in taken
    }

    states = send(tmp_path, service_peer, smtp, everybody)

    refused = len(everybody) - len(taken)
    assert Counter(states.values()) == {State.REFUSED: refused, State.SENT: len(taken)}


class RefusesThenDies:
    """A transport during whose sixth message the process is killed."""

    where = "nowhere"
    asked = 0

    def hand_over(self, message: Message) -> None:
        """Refuse, then end it all."""
        self.asked += 1
        if self.asked > 5:
            raise SystemExit
        raise RefusedError("the message was refused: 554 no")


def test_a_process_killed_in_a_row_of_refusals_writes_nobody_off(
    tmp_path: Path, service_peer: Service
) -> None:
    everybody = crowd(8)

    with sending(tmp_path, service_peer, RefusesThenDies()) as run, pytest.raises(SystemExit):
        run.run(everybody)
    with sending(tmp_path, service_peer, RefusesThenDies()) as after:
        states = after.claims.states()

    assert Counter(states.values()) == {State.CLAIMED: 7, State.UNKNOWN: 1}


def test_a_server_that_refuses_the_sender_refuses_nobody(
    tmp_path: Path, service_peer: Service, smtp_peer: Mailbox, smtp: Smtp
) -> None:
    smtp_peer.sender_reply = "550 not yours"

    with (
        sending(tmp_path, service_peer, smtp) as run,
        pytest.raises(UnavailableError, match="550 not yours"),
    ):
        run.run(people("ann"))
    smtp_peer.sender_reply = ""

    assert send(tmp_path, service_peer, smtp, people("ann")) == {"ann": State.SENT}


def test_a_stop_between_two_messages_goes_on_where_it_was(
    tmp_path: Path, service_peer: Service
) -> None:
    outbox = Outbox(tmp_path / "out")
    to = people("ann", "bea", "cem")

    def enough() -> bool:
        return len(list((tmp_path / "out").glob("*.eml"))) == 2

    with sending(tmp_path, service_peer, outbox, stop=enough) as run:
        run.run(to)
        stopped = run.claims.states()
    states = send(tmp_path, service_peer, outbox, to)

    assert stopped == {"ann": State.SENT, "bea": State.SENT, "cem": State.CLAIMED}
    assert set(states.values()) == {State.SENT}


def test_an_unknown_campaign_claims_nobody(tmp_path: Path, service_peer: Service) -> None:
    outbox = Outbox(tmp_path / "out")

    with sending(tmp_path, service_peer, outbox, campaign="spring") as run:
        with pytest.raises(ConfigError, match="spring"):
            run.run(people("ann"))

        assert run.claims.states() == {}
    assert not (tmp_path / "out").exists()


def test_a_service_that_fails_midway_loses_nothing(tmp_path: Path, service_peer: Service) -> None:
    outbox = Outbox(tmp_path / "out")
    to = crowd(150)
    answer = service_peer.answer

    def breaks_after_one_batch(customer_id: str) -> dict[str, object]:
        if len(service_peer.asked) > 100:
            return {}
        return answer(customer_id)

    service_peer.answer = breaks_after_one_batch  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        send(tmp_path, service_peer, outbox, to)
    service_peer.answer = answer  # type: ignore[method-assign]
    states = send(tmp_path, service_peer, outbox, to)

    assert len(list((tmp_path / "out").glob("*.eml"))) == 150
    assert set(states.values()) == {State.SENT}


def test_the_same_send_writes_the_same_bytes(tmp_path: Path, service_peer: Service) -> None:
    written = []
    for home in (tmp_path / "one", tmp_path / "two"):
        home.mkdir()
        send(home, service_peer, Outbox(home / "out"), people("ann"))
        written.append((home / "out" / "ann.eml").read_bytes())

    assert written[0] == written[1]
    assert b"Content-ID" in written[0]
