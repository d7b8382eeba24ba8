"""One complete e-mail (RFC 5322) from what the service answered; same input, same bytes."""

from __future__ import annotations

import binascii
import re
from base64 import encodebytes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from functools import lru_cache
from html import unescape
from typing import Final

from core.errors import DataError
from core.ids import digest

# Stricter than RFC 5322 where nobody mails: no quoting, no comments, one address.
_MAILBOX: Final = re.compile(
    r"([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64})@([^\s@<>()\[\],;:\\\"]{1,255})"
)
# Found by its literal start, several times faster than by what stands before it.
_ADDRESS: Final = re.compile(r"https?://[^\"'()<>\s]+")
_BEFORE_PICTURE: Final = re.compile(r"""(?:\b(?:src|background)=["']|url\(["']?)$""")
_LONGEST_BEFORE: Final = len(" background='")
_FROM_SERVICE: Final = frozenset({"list-unsubscribe", "list-unsubscribe-post"})


class _Unfolded(UnstructuredHeader):
    """A header that stays on one line: Python would hide a long link in encoded words."""

    name: str  # given by the registry

    def fold(self, *, policy: EmailPolicy) -> str:
        """Return the header as it is."""
        return f"{self.name}: {self}{policy.linesep}"


def _policy() -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    for name in _FROM_SERVICE:
        registry.map_to_type(name, _Unfolded)  # type: ignore[arg-type]  # a mix-in, as its base is
    return SMTP.clone(header_factory=registry)


_POLICY: Final = _policy()


@dataclass(frozen=True, slots=True)
class Message:
    """A finished e-mail and the envelope it goes in."""

    customer_id: str
    message_id: str
    sender: str
    recipient: str
    content: bytes  # lines end with CRLF


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the e-mail is from, and where answers go."""

    name: str
    address: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that travels inside the e-mail."""

    content_type: str  # image/png
    content: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """What the service rendered for one customer."""

    subject: str
    html: str
    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mailing:
    """What all messages of one send share."""

    campaign: str
    send_id: str
    sender: Sender
    as_of: datetime
    picture: Callable[[str], Picture | None]  # by address, as it stands in the HTML; None: keep it

    def message_id(self, customer_id: str) -> str:
        """Return the Message-ID: stable, and silent about the customer."""
        name = digest(self.campaign, self.send_id, customer_id, length=32)
        return f"<{name}@{mailbox(self.sender.address).rpartition('@')[2]}>"


def mailbox(address: str) -> str:
    """Return `address` as it goes over the wire, an international domain in its ASCII form.

    Raises:
        DataError: It is not one plain mailbox.
    """
    found = _MAILBOX.fullmatch(address.strip())
    try:
        domain = found[2].encode("idna").decode("ascii") if found else ""
        return str(Address(addr_spec=f"{found[1] if found else ''}@{domain}").addr_spec)
    except (ValueError, IndexError, MessageError):  # UnicodeError is a ValueError
        raise DataError("the e-mail address is not a plain mailbox like name@example.org") from None


def compose(mailing: Mailing, body: Body, *, customer_id: str, to: str) -> Message:
    """Build the e-mail: text and HTML as alternatives, pictures inside.

    Pictures that `mailing.picture` knows become inline parts; others keep their address.
    Nothing in subject, names or addresses can add a header.

    Raises:
        DataError: `to` is not a mailbox, or a header from the service has a line break.
    """
    recipient, message_id = mailbox(to), mailing.message_id(customer_id)
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(_line(mailing.sender.name), addr_spec=mailbox(mailing.sender.address))
    if mailing.sender.reply_to:
        mail["Reply-To"] = mailbox(mailing.sender.reply_to)
    mail["To"] = recipient
    mail["Subject"] = _line(body.subject)
    mail["Date"] = format_datetime(mailing.as_of)
    mail["Message-ID"] = message_id
    for name, value in body.headers.items():
        if name.lower() in _FROM_SERVICE:
            if re.search(r"[^\x20-\x7e]", value):
                raise DataError(f"the service's header {name} is not one line of plain text.")
            mail[name] = value
    html, pictures = _inline(body.html, mailing.picture)
    page = _text(html, "html")
    if pictures:
        images = (_image(name, picture) for name, picture in pictures.items())
        page = _multipart("related", message_id, page, *images)
    mail["MIME-Version"] = "1.0"
    # The parts are ours to the last byte, so they are joined by hand: the e-mail package parses
    # and folds each of their headers anew, which took most of the time of a send.
    headers = mail.as_bytes().removesuffix(b"\r\n")
    return Message(
        customer_id=customer_id,
        message_id=message_id,
        sender=mailbox(mailing.sender.address),
        recipient=recipient,
        content=headers + _multipart("alternative", message_id, _text(body.text, "plain"), page),
    )


def move_pictures(html: str, place: Callable[[str], str | None]) -> str:
    """Return `html` with every picture at the address `place` says; None leaves it where it is."""

    def moved(match: re.Match[str]) -> str:
        if not _BEFORE_PICTURE.search(html, max(0, match.start() - _LONGEST_BEFORE), match.start()):
            return match[0]
        return place(unescape(match[0])) or match[0]

    return _ADDRESS.sub(moved, html)


def _inline(html: str, picture: Callable[[str], Picture | None]) -> tuple[str, dict[str, Picture]]:
    """Point the pictures that are known at parts of the e-mail; return those by content id."""
    found: dict[str, Picture] = {}

    def place(address: str) -> str | None:
        known = picture(address)
        if known is None:
            return None
        name = f"{digest(address)}@sendwise"
        found[name] = known
        return f"cid:{name}"

    return move_pictures(html, place), found


def _line(text: str) -> str:
    return " ".join(text.split())


def _multipart(kind: str, message_id: str, *parts: bytes) -> bytes:
    # "=_" occurs neither in quoted-printable nor in base64, so no content can end a part.
    boundary = f"=_{digest(kind, message_id, length=24)}".encode()
    return b"".join(
        (
            b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n' % (kind.encode(), boundary),
            *(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts),
            b"--%b--\r\n" % boundary,
        )
    )


def _text(text: str, subtype: str) -> bytes:
    lines = "\r\n".join(text.splitlines()) + "\r\n"
    return (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode() + binascii.b2a_qp(lines.encode(), istext=True)


@lru_cache(maxsize=1_000)  # the same few pictures are in every e-mail
def _image(name: str, picture: Picture) -> bytes:
    return (
        f"Content-Type: {picture.content_type}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-ID: <{name}>\r\n"
        "Content-Disposition: inline\r\n\r\n"
    ).encode() + encodebytes(picture.content).replace(b"\n", b"\r\n")
