from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from campaigns.message import Body, Mailing, Message, Picture, Sender, compose, mailbox
from core.errors import DataError

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
TILE = "https://shop.test/assets/weekly/tiles/A&B.png"
PICTURES = {TILE: Picture("image/png", b"\x89PNG" * 50)}


SHOP = Sender("Grünzeug & Söhne", "shop@example.test")


def mailing(sender: Sender = SHOP) -> Mailing:
    return Mailing("weekly", "monday", sender, AS_OF, PICTURES.get)


def body(
    subject: str = "Für dich: Äpfel",
    html: str = "<p>Äpfel</p>",
    text: str = "Äpfel",
    **headers: str,
) -> Body:
    return Body(subject, html, text, {name.replace("_", "-"): to for name, to in headers.items()})


def composed(given: Body, to: str = "ann@example.test") -> Message:
    return compose(mailing(), given, customer_id="ann", to=to)


def read(message: Message) -> EmailMessage:
    """Read the bytes back as a mail program does."""
    mail = message_from_bytes(message.content, policy=default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def test_is_complete_and_reads_back() -> None:
    mail = read(composed(body()))

    assert mail["subject"] == "Für dich: Äpfel"
    assert mail["from"].addresses[0].display_name == "Grünzeug & Söhne"
    assert mail["from"].addresses[0].addr_spec == "shop@example.test"
    assert mail["to"] == "ann@example.test"
    assert mail["date"].datetime == AS_OF
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert mail.get_content_type() == "multipart/alternative"
    assert plain is not None
    assert plain.get_content().splitlines() == ["Äpfel"]
    assert html is not None
    assert html.get_content().splitlines() == ["<p>Äpfel</p>"]


def test_bytes_are_plain_ascii_lines_that_every_server_takes() -> None:
    content = composed(body(html="<p>" + "ä" * 5_000 + "</p>\n.\n", text="x" * 2_000)).content

    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 78


def test_the_same_input_gives_the_same_bytes_and_another_customer_others() -> None:
    again = compose(mailing(), body(), customer_id="ann", to="ann@example.test")
    other = compose(mailing(), body(), customer_id="bea", to="ann@example.test")

    assert composed(body()) == again
    assert other.message_id != again.message_id


def test_the_message_id_says_nothing_about_the_customer() -> None:
    assert "ann" not in composed(body()).message_id


def test_a_picture_of_the_service_travels_inside() -> None:
    html = f'<img src="{TILE.replace("&", "&amp;")}"><img src="{TILE.replace("&", "&amp;")}">'

    mail = read(composed(body(html=html)))

    page = mail.get_body(("html",))
    pictures = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert page is not None
    (picture,) = pictures
    assert picture.get_content() == PICTURES[TILE].content
    assert page.get_content().count(f"cid:{picture['content-id'][1:-1]}") == 2
    assert "https://" not in page.get_content()


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://elsewhere.test/a.png">',
        '<img src="https://shop.test/assets/weekly/tiles/GONE.png">',
        f'<a href="{TILE}">a link is not a picture</a>',
    ],
)
def test_what_cannot_be_embedded_keeps_its_address(html: str) -> None:
    page = read(composed(body(html=html))).get_body(("html",))

    assert page is not None
    assert page.get_content().splitlines() == [html]


def test_a_long_unsubscribe_link_stays_whole_on_one_line() -> None:
    link = f"<https://shop.test/unsubscribe/{'t' * 300}>"
    one_click = "List-Unsubscribe=One-Click"

    content = composed(body(List_Unsubscribe=link, List_Unsubscribe_Post=one_click)).content

    assert f"\r\nList-Unsubscribe: {link}\r\n".encode() in content
    assert f"\r\nList-Unsubscribe-Post: {one_click}\r\n".encode() in content


def test_the_service_cannot_set_other_headers() -> None:
    mail = read(composed(body(Bcc="eve@example.test", From="eve@example.test")))

    assert mail["bcc"] is None
    assert mail.get_all("from") == ["Grünzeug & Söhne <shop@example.test>"]


@pytest.mark.parametrize("bad", ["<a>\r\nBcc: eve@example.test", "<a>\nX: y", "<ä>", "<a>\0"])
def test_a_header_with_a_line_break_is_an_error(bad: str) -> None:
    with pytest.raises(DataError, match="List-Unsubscribe"):
        composed(body(List_Unsubscribe=bad))


def test_a_subject_or_name_cannot_add_a_header() -> None:
    sender = Sender("Shop\r\nBcc: eve@example.test", "shop@example.test")
    given = body(subject="hi\r\nBcc: eve@example.test\r\n\r\nboo")

    mail = read(compose(mailing(sender), given, customer_id="ann", to="ann@example.test"))

    assert mail["bcc"] is None
    assert mail["subject"] == "hi Bcc: eve@example.test boo"


def test_answers_go_where_the_campaign_says() -> None:
    sender = Sender("Shop", "no-reply@example.test", reply_to="help@example.test")

    mail = read(compose(mailing(sender), body(), customer_id="ann", to="ann@example.test"))

    assert mail["reply-to"] == "help@example.test"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ann@example.test", "ann@example.test"),
        (" ann+shop@example.test ", "ann+shop@example.test"),
        ("ann@münchen.test", "ann@xn--mnchen-3ya.test"),
    ],
)
def test_a_mailbox_goes_over_the_wire_as(address: str, expected: str) -> None:
    assert mailbox(address) == expected


@pytest.mark.parametrize(
    "bad",
    ["", "ann", "ann@", "@b.c", "a b@c.d", "a@b.c,d@e.f", "a@b.c\r\nBcc: x@y.z", "ännchen@b.c",
     "Ann <a@b.c>", "a..b@c.d", "a@b..c", "a@" + "x" * 70 + ".test"],
)  # fmt: skip
def test_what_is_not_one_plain_mailbox_is_refused_without_repeating_it(bad: str) -> None:
    with pytest.raises(DataError, match="not a plain mailbox") as caught:
        mailbox(bad)

    assert not bad or bad not in str(caught.value)
