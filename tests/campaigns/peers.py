"""Peers of the send step, real ones: an SMTP server and an HTTP service, in threads.

A pytest plugin: a test module takes it in with `pytest_plugins`.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from core.clock import to_us
from core.settings import Settings, name_workspace
from ingest.contract import CUSTOMERS
from ingest.log import EventLog
from privacy.consent import EMAIL_MARKETING, PERSONALISATION, Consent, ConsentLedger
from tests.campaigns.mailing_list import NOW, PEOPLE, PNG, publish
from tests.ports import free_port


@dataclass
class Service:
    """What an outside party knows of the service: its contract over HTTP, and nothing more.

    `failures` are statuses to answer first; `no_consent` gets `send: false`.
    """

    url: str = ""
    campaigns: tuple[str, ...] = ("weekly_picks",)
    no_consent: frozenset[str] = frozenset()
    failures: list[int] = field(default_factory=list)
    broken_pictures: int = 0  # so many times
    workspace: str = "ours"
    now: datetime = NOW
    asked: list[str] = field(default_factory=list)  # customers, once per request
    paths: Counter[str] = field(default_factory=Counter)

    def answer(self, customer_id: str) -> dict[str, Any]:
        """Return what `/v1/render` answers for one customer."""
        send = customer_id not in self.no_consent
        number = int(re.sub(r"\D", "", customer_id) or 0)
        picture = f"{self.url}/assets/weekly_picks/tiles/GROCERY.png"
        link = f"<{self.url}/unsubscribe/{'t' * 120}>"
        return {
            "customer_id": customer_id,
            "send": send,
            "why_not": None if send else "no consent to email_marketing",
            "subject": "Für dich" if send else None,
            "preheader": "new" if send else None,
            "html": f'<p>{customer_id}</p><img src="{picture}"><a href="https://shop.test/p1">'
            if send
            else None,
            "text": f"Hello {customer_id}" if send else None,
            "headers": {
                "List-Unsubscribe": link,
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            "blocks": [
                {
                    "slot": "hero",
                    "block": ("come_back", "thank_you")[number % 2],
                    "reason": "you shop <often>",
                    "rung": "snapshot",
                }
            ],
            "rung": "snapshot",
        }

    def prediction(self, customer_id: str) -> dict[str, Any]:
        """Return what `/v1/predict` answers for one customer; there are five clusters."""
        number = int(re.sub(r"\D", "", customer_id) or 0)
        return {
            "customer_id": customer_id,
            "outputs": {"cluster": f"cluster {number // 10}", "p_order_30d": 0.25},
            "reasons": {"p_order_30d": "last order 3 days ago"},
            "why_null": {},
        }

    def recommendation(self, customer_id: str) -> dict[str, Any]:
        """Return what `/v1/recommend` answers: one product of the e-mail, one that is not."""
        return {
            "customer_id": customer_id,
            "products": [
                {"product_id": key, "name": f"Tea {key}", "url": None, "source": "als"}
                | {"reason": "goes with your <biscuits>"}
                for key in ("p1", "p2")
            ],
        }


class Handler(BaseHTTPRequestHandler):
    """Answers for the peer of its server."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answer a probe or a picture."""
        self.server.peer.paths[self.path] += 1
        if self.path == "/livez":
            self._reply(200, b"ok", "text/plain")
        elif self.path == "/assets/weekly_picks/tiles/GROCERY.png":
            peer = self.server.peer
            self._reply(503 if peer.broken_pictures else 200, PNG, "image/png")
            peer.broken_pictures = max(peer.broken_pictures - 1, 0)
        else:
            self._reply(404, b"{}", "application/problem+json")

    def do_POST(self) -> None:
        """Answer a question, unless told to fail."""
        peer = self.server.peer
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        peer.paths[self.path] += 1
        if peer.failures:
            self._reply(peer.failures.pop(0), b"{}", "application/problem+json")
        elif request.get("campaign", "weekly_picks") not in peer.campaigns:
            detail = f"No campaign {request['campaign']!r}. Publish it first."
            self._reply(404, json.dumps({"detail": detail}).encode(), "application/problem+json")
        else:
            answer = {
                "/v1/render": peer.answer,
                "/v1/predict": peer.prediction,
                "/v1/recommend": peer.recommendation,
            }[self.path]
            ids = [each["customer_id"] for each in request["recipients"]]
            peer.asked += ids
            body = json.dumps({"results": [answer(each) for each in ids]}).encode()
            self._reply(200, body, "application/json")

    def _reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-sendwise-workspace", self.server.peer.workspace)
        self.send_header("x-sendwise-now", self.server.peer.now.isoformat())
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    """A server on a free port that knows its peer."""

    daemon_threads = True

    def __init__(self, peer: Service) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.peer = peer


@pytest.fixture
def service_peer() -> Iterator[Service]:
    """A peer that speaks the HTTP contract."""
    peer = Service()
    server = Server(peer)
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield peer
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def workspace(tmp_path: Path, service_peer: Service) -> Settings:
    """A workspace with sixty customers who agreed, one who did not, and a campaign.

    The last of the sixty did not agree to personalisation.
    """
    home = tmp_path / "home"
    log = EventLog(home / "events.db")
    rows = [
        {"customer_id": name, "email": f"{name}@example.test", "traits": "{}"}
        for name in [*PEOPLE, "never"]
    ]
    log.put_customers(pa.Table.from_pylist(rows, schema=CUSTOMERS))
    log.close()
    ledger = ConsentLedger(home / "events.db")
    ledger.record(
        Consent(name, purpose, True, "consent", "test", "1", to_us(NOW))  # noqa: FBT003
        for name in PEOPLE
        for purpose in (EMAIL_MARKETING, PERSONALISATION)
        if (name, purpose) != (PEOPLE[-1], PERSONALISATION)
    )
    ledger.close()
    publish(home)
    settings = Settings(home=home, service_url=service_peer.url, public_url=service_peer.url)
    service_peer.workspace = name_workspace(settings)
    return settings


@dataclass
class Mailbox:
    """A real SMTP server that takes mail, except where it is told otherwise."""

    host: str = "127.0.0.1"
    port: int = 0
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)  # at RCPT, by address
    replies_to_data: dict[str, str] = field(default_factory=dict)
    hang_up_after_data: set[str] = field(default_factory=set)
    hang_up_at_mail: int = 0  # so many times
    sender_reply: str = ""
    pause_at: tuple[str, threading.Event, threading.Event] | None = None  # address, reached, go on

    def to(self) -> list[str]:
        """Return who got mail, in order."""
        return [address for address, _ in self.taken]

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender."""
        if self.hang_up_at_mail:
            self.hang_up_at_mail -= 1
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if self.sender_reply:
            return self.sender_reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        if address not in self.replies:
            envelope.rcpt_tos.append(address)
        return self.replies.get(address, "250 OK")

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take the content."""
        (address,) = envelope.rcpt_tos
        if address in self.replies_to_data:
            return self.replies_to_data[address]
        assert isinstance(envelope.content, bytes)
        self.taken.append((address, envelope.content))
        if self.pause_at and self.pause_at[0] == address:  # taken, not answered yet
            _, reached, go_on = self.pause_at
            self.pause_at = None
            reached.set()
            await asyncio.to_thread(go_on.wait, 60)
        if address in self.hang_up_after_data:  # taken, but the sender never hears of it
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "250 OK"


@pytest.fixture
def smtp_peer() -> Iterator[Mailbox]:
    """A real SMTP server in a thread."""
    mailbox = Mailbox(port=free_port())
    controller = Controller(mailbox, hostname=mailbox.host, port=mailbox.port)
    controller.start()
    yield mailbox
    controller.stop()
