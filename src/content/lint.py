"""What a finished e-mail has to be: checked on every branch when a campaign is published."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

from content.templates import safe_url

MAX_BYTES: Final = 102_000  # Gmail clips what is longer, with the unsubscribe link in it
MAX_SUBJECT: Final = 120  # characters; phones show about 40
_ACTIVE: Final = frozenset({"script", "iframe", "object", "embed", "form", "input", "video"})


@dataclass(frozen=True, slots=True)
class Rendered:
    """One branch, rendered."""

    branch: str
    subject: str
    html: str
    text: str


def problems(email: Rendered, *, unsubscribe_url: str, max_subject: int = MAX_SUBJECT) -> list[str]:
    """Return what is wrong with one rendered e-mail, in words; empty when nothing is."""
    page = _Page()
    page.feed(email.html)
    page.close()
    found = list(page.problems)
    if unsubscribe_url not in page.links:
        found.append('the HTML has no unsubscribe link: write href="{{ unsubscribe_url }}"')
    if unsubscribe_url not in email.text:
        found.append("the text part has no unsubscribe link: write {{ unsubscribe_url }}")
    if not page.language:
        found.append('<html> has no lang: write <mjml lang="{{ language }}">')
    if len(email.html.encode()) > MAX_BYTES:
        found.append(
            f"the HTML is {len(email.html.encode()):,} bytes; Gmail clips it at {MAX_BYTES:,}"
        )
    if not email.subject.strip():
        found.append("the subject is empty")
    if len(email.subject) > max_subject:
        found.append(f"the subject has {len(email.subject)} characters, at most {max_subject}")
    if "{{" in email.html or "{%" in email.html or "{{" in email.text or "{%" in email.text:
        found.append("a template tag was left in the output")
    return list(dict.fromkeys(found))


class _Page(HTMLParser):
    """Collects links and language, and what must not be in an e-mail."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.links: set[str] = set()
        self.language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _ACTIVE:
            self.problems.append(f"<{tag}> does not work in e-mail and is often blocked: remove it")
        if handler := next((name for name in given if name.startswith("on")), None):
            self.problems.append(f"<{tag} {handler}=...> runs a script: remove it")
        if tag == "html":
            self.language = given.get("lang") or ""
        if tag == "img":
            if "alt" not in given:
                self.problems.append(f"an image has no alt text: {_short(given.get('src'))}")
            self._address("image", given.get("src"), ("http://", "https://"))
        if tag == "a" and "href" in given:
            self.links.add(given["href"] or "")
            self._address("link", given["href"], ("http://", "https://", "mailto:", "tel:"))

    def _address(self, what: str, address: str | None, schemes: tuple[str, ...]) -> None:
        if not safe_url(address) or not str(address).lower().startswith(schemes):
            self.problems.append(f"{what} {_short(address)} is not an address we allow")


def _short(address: str | None) -> str:
    text = address or "(empty)"
    return repr(text if len(text) <= 60 else text[:59] + "…")
