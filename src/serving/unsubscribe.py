"""Unsubscribe links: a signed token that names the customer, and the pages behind it.

The token carries ids, never an address. Opening a link changes nothing, because scanners
and previews open links too; the button, or an e-mail program's one-click POST (RFC 8058), does.
"""

from __future__ import annotations

from html import escape
from typing import Final, NamedTuple

from itsdangerous import BadData, URLSafeSerializer
from starlette.responses import HTMLResponse

_SALT: Final = "unsubscribe"
_AGAIN_S: Final = 60  # an import may hold the store for as long

ONE_CLICK: Final = "List-Unsubscribe=One-Click"


class Link(NamedTuple):
    """Whom a link unsubscribes, and which e-mail it came with."""

    customer_id: str
    campaign: str
    send_id: str


class Unsubscribe:
    """Makes and reads tokens.

    Args:
        key: The secret that signs.
        public_url: Where people reach the service.
    """

    def __init__(self, key: str, public_url: str) -> None:
        self._serializer = URLSafeSerializer(key, salt=_SALT)
        self._base = public_url.rstrip("/")

    def url(self, link: Link) -> str:
        """Return the address that unsubscribes; it stays valid as long as the key."""
        return f"{self._base}/unsubscribe/{self._serializer.dumps(list(link))}"

    def read(self, token: str) -> Link | None:
        """Return what a token says, or None if we did not sign it."""
        try:
            parts = self._serializer.loads(token)
        except BadData:
            return None
        is_ours = isinstance(parts, list) and len(parts) == len(Link._fields)
        return Link(*parts) if is_ours else None


def headers(url: str) -> dict[str, str]:
    """Return the message headers that let e-mail programs offer one-click unsubscribing."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": ONE_CLICK}


def confirm_page() -> str:
    """Return the page that asks; it changes nothing."""
    return _page(
        "Unsubscribe?",
        "You will get no more marketing e-mails from us. Messages about your orders still come.",
        '<form method="post"><button type="submit">Unsubscribe</button></form>',
    )


def done_page() -> str:
    """Return the page after unsubscribing."""
    return _page("You are unsubscribed", "It counts from now on. You may close this page.")


def unknown_page() -> str:
    """Return the page of a link that is not ours or was cut."""
    return _page(
        "This link does not work",
        "It may have been cut off. Please open the whole link from the e-mail, "
        "or use the unsubscribe button of your e-mail program.",
    )


def not_done() -> HTMLResponse:
    """Return the answer where the store did not take it: nobody may believe that it did."""
    page = _page(
        "That did not work",
        "You are still subscribed. Please try again in a few minutes, or reply to the e-mail "
        "and ask us to unsubscribe you.",
    )
    return HTMLResponse(
        page, 503, headers={"Retry-After": str(_AGAIN_S), "Cache-Control": "no-store"}
    )


def _page(title: str, text: str, action: str = "") -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>
  body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f4f5f7;
         color: #1f2933; font: 17px/1.55 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }}
  main {{ max-width: 26rem; margin: 1rem; padding: 2.25rem 2rem; background: #fff;
         border-radius: 14px; box-shadow: 0 6px 28px rgb(31 41 51 / 12%); text-align: center; }}
  h1 {{ margin: 0 0 .75rem; font-size: 1.5rem; }}
  p {{ margin: 0 0 1.5rem; color: #52606d; }}
  p:last-child {{ margin: 0; }}
  button {{ padding: .8rem 1.8rem; border: 0; border-radius: 999px; color: #fff;
           background: #1f2933; font: inherit; font-weight: 600; cursor: pointer; }}
  button:hover, button:focus-visible {{ background: #3e4c59; }}
</style>
</head>
<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p>{action}</main></body>
</html>
"""
