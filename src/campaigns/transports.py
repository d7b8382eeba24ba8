"""Transports: how one finished message leaves the house, and what is known afterwards."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

from campaigns.message import Message
from core.errors import ConfigError, SendwiseError, UnavailableError
from core.files import new_file
from core.ids import digest
from core.settings import Settings

OUTBOX: Final = "outbox"
SMTP: Final = "smtp"
TIMEOUT_S: Final = 30.0
_LONGEST_NAME: Final = 200  # file systems take 255 bytes
_CLOSING: Final = 421  # the server hangs up after this reply
_MAILBOX: Final = frozenset({550, 551, 552, 553})
_ENHANCED: Final = re.compile(rb"5\.(\d{1,3})\.\d{1,3}\b")
_ABOUT_US: Final = re.compile(
    rb"relay|auth|log ?in|sender|denied|polic|block|black|reject|spam|reputation|client|\bip\b",
    re.I,
)
_BROKEN: Final = (smtplib.SMTPException, OSError)


class RefusedError(SendwiseError):
    """The other side will never take this message. Perhaps it takes nothing of ours at all."""


class AddressRefusedError(RefusedError):
    """It will never take anything for this recipient: no such mailbox, or a closed one."""


class TryLaterError(SendwiseError):
    """Nothing left; the same message may be handed over again."""


class _HungUpError(TryLaterError):
    """The connection is gone; a new one may do."""


class OutcomeUnknownError(SendwiseError):
    """The message may have been taken. Repeating it might mail somebody twice."""


class Transport(Protocol):
    """Anything that takes finished messages."""

    @property
    def where(self) -> str:
        """Where the messages go, in words."""
        ...

    def hand_over(self, message: Message) -> None:
        """Hand over one message; returning means that it was taken.

        Raises:
            AddressRefusedError: It was refused for good, because of its recipient.
            RefusedError: It was refused for good, for another reason.
            TryLaterError: It was not taken, but may be later.
            OutcomeUnknownError: Nobody can say.
            UnavailableError: There is no other side any more; nothing left.
        """
        ...


@contextmanager
def open_transport(
    name: str, settings: Settings, *, campaign: str, send_id: str
) -> Iterator[Transport]:
    """Open the transport `name` for one send, and close it afterwards.

    Raises:
        ConfigError: There is no such transport.
        UnavailableError: The SMTP server does not answer or does not let us in.
    """
    if name == OUTBOX:
        yield Outbox(settings.home / "outbox" / campaign / send_id)
    elif name == SMTP:
        transport = Smtp(
            Server(
                host=settings.smtp_host,
                port=settings.smtp_port,
                user=settings.smtp_user,
                password=settings.smtp_password.get_secret_value(),
                starttls=settings.smtp_starttls,
            )
        )
        transport.connect()
        try:
            yield transport
        finally:
            transport.close()
    else:
        raise ConfigError(f"no transport {name!r}. There are {OUTBOX!r} and {SMTP!r}.")


class Outbox:
    """Writes each message as a file, `CUSTOMER.eml`, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def where(self) -> str:
        """The folder of the files."""
        return str(self._folder)

    def hand_over(self, message: Message) -> None:
        """Write the message aside, then give it its name."""
        name = quote(message.customer_id, safe="")
        if len(name) > _LONGEST_NAME:
            name = f"{name[:_LONGEST_NAME]}-{digest(message.customer_id)}"
        try:
            with new_file(self._folder / f"{name}.eml") as aside:
                aside.write_bytes(message.content)
        except OSError as error:
            raise UnavailableError(
                f"the outbox {self._folder} cannot be written: {error}"
            ) from None


@dataclass(frozen=True, slots=True)
class Server:
    """An SMTP server and how to get in."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    starttls: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Smtp:
    """Hands messages to an SMTP server over one connection, renewed when it breaks.

    The steps of a hand-over are taken one by one, because only what broke after the content
    began to flow is unknown: before that the server has nothing to deliver.
    """

    def __init__(self, server: Server, *, timeout_s: float = TIMEOUT_S) -> None:
        self._server = server
        self._timeout_s = timeout_s
        self._smtp: smtplib.SMTP | None = None

    @property
    def where(self) -> str:
        """The server's address."""
        return f"SMTP server {self._server}"

    def connect(self) -> smtplib.SMTP:
        """Return the open connection; make one where there is none.

        Raises:
            UnavailableError: The server does not answer, or refuses us.
        """
        if self._smtp is not None:
            return self._smtp
        smtp = None
        try:
            smtp = smtplib.SMTP(self._server.host, self._server.port, timeout=self._timeout_s)
            smtp.ehlo_or_helo_if_needed()
            if self._server.starttls:
                smtp.starttls(context=ssl.create_default_context())
                smtp.ehlo()
            if self._server.user:
                smtp.login(self._server.user, self._server.password)
        except _BROKEN as error:
            if smtp is not None:
                smtp.close()
            raise UnavailableError(
                f"SMTP server {self._server} cannot be used: {_in_a_line(error)}. "
                "Check SENDWISE_SMTP_HOST, _PORT, _USER, _PASSWORD and _STARTTLS."
            ) from None
        self._smtp = smtp
        return smtp

    def close(self) -> None:
        """Say goodbye, as far as somebody listens."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except _BROKEN:
                self._smtp.close()
            self._smtp = None

    def hand_over(self, message: Message) -> None:
        """Hand over one message; see `Transport`. Servers hang up now and then: tried twice."""
        try:
            self._attempt(message)
        except _HungUpError:
            self._attempt(message)

    def _attempt(self, message: Message) -> None:
        smtp = self.connect()
        try:
            self._expect(2, *smtp.mail(message.sender), of="the sender")
            self._expect(2, *smtp.rcpt(message.recipient), of="the recipient")
            self._expect(3, *smtp.docmd("DATA"), of="the message")
        except UnavailableError:
            raise
        except _BROKEN as error:
            self._drop()
            raise _HungUpError(f"the connection broke ({_in_a_line(error)})") from None
        try:
            # A line that is only a dot would end the message (RFC 5321, 4.5.2).
            smtp.send(re.sub(rb"(?m)^\.", b"..", message.content) + b".\r\n")
            answer = smtp.getreply()
        except _BROKEN as error:
            self._drop()
            raise OutcomeUnknownError(
                f"the connection broke after the content was sent ({_in_a_line(error)})"
            ) from None
        self._expect(2, *answer, of="the message")

    def _expect(self, kind: int, code: int, reply: bytes, *, of: str) -> None:
        """Go on if the reply's first digit is `kind`; else say what it means.

        Raises:
            AddressRefusedError: The server will never take mail for this recipient.
            RefusedError: It will never take this message.
            TryLaterError: It may later.
            UnavailableError: It takes nothing from this sender.
        """
        if code // 100 == kind:
            return
        self._start_over(hang_up=code == _CLOSING)
        said = f"{code} {_one_line(reply)}"
        if code == _CLOSING:
            raise _HungUpError(f"the server hung up: {said}")
        if code // 100 != 5:
            raise TryLaterError(f"{of} was put off: {said}")
        if of == "the sender":
            raise UnavailableError(
                f"SMTP server {self._server} refuses the sender: {said}. Check `from` in the "
                "campaign and SENDWISE_SMTP_USER and _PASSWORD."
            )
        is_theirs = of == "the recipient" and _is_about_the_mailbox(code, reply)
        raise (AddressRefusedError if is_theirs else RefusedError)(f"{of} was refused: {said}")

    def _start_over(self, *, hang_up: bool) -> None:
        """Forget the message that is under way, so that the connection can take the next."""
        try:
            if self._smtp is not None and not hang_up:
                self._smtp.rset()
                return
        except _BROKEN:
            pass
        self._drop()

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def _is_about_the_mailbox(code: int, reply: bytes) -> bool:
    """Tell a dead address from a server that will not have us, at RCPT.

    The enhanced code says it (RFC 3463: X.1 address, X.2 mailbox; X.1.7 and X.1.8 are about the
    sender's). Servers without one use 550 for both, and then the words have to tell.
    """
    if enhanced := _ENHANCED.match(reply):
        return enhanced[1] in (b"1", b"2") and enhanced[0] not in (b"5.1.7", b"5.1.8")
    return code in _MAILBOX and not _ABOUT_US.search(reply)


def _in_a_line(error: Exception) -> str:
    """Return what an error of smtplib says; its arguments may be bytes of the server."""
    parts = [_one_line(part) if isinstance(part, bytes) else str(part) for part in error.args]
    return " ".join(" ".join(parts).split()) or type(error).__name__


def _one_line(reply: bytes) -> str:
    """Return a server's reply without addresses: it ends up in reports."""
    text = " ".join(reply.decode("utf-8", "replace").split())
    return re.sub(r"[^\s<>]+@[^\s<>]+", "…", text)[:200]
