"""The one MiniJinja environment that campaigns are rendered with.

A template is written by a marketer and fed with customers' data, so it is treated as
hostile twice over: it runs on fuel, sees plain dicts only, escapes whatever ends up in
HTML, and its output is capped. What fuel does not catch (it counts instructions, not
bytes) is caught once, at publish, in a child process (`content.trial`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from minijinja import Environment, TemplateError

from core.errors import SendwiseError
from ingest.money import minor_digits

FUEL: Final = 50_000  # instructions one rendering may take; a long e-mail takes about 3,000
MAX_FIELD: Final = 200  # characters of one value that reaches a template
MAX_ITEMS: Final = 20  # entries of one list that reaches a template
MAX_OUTPUT: Final = 1_000_000  # characters one rendering may give
SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})

_SIGNS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩"}
# `safe` would let a customer's name become markup; the others show Python or the engine.
_REMOVED_FILTERS: Final = ("safe", "pprint", "attr")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class RenderError(SendwiseError):
    """A template failed. `template` and `line` say where."""

    def __init__(self, template: str, line: int, what: str) -> None:
        self.template = template
        self.line = line
        self.what = what
        super().__init__(f"{template} line {line}: {what}")


def environment(templates: Mapping[str, str], *, strict: bool = False) -> Environment:
    """Return an environment holding `templates` (name -> source), and nothing else to load.

    A name that ends in `.html` or `.mjml` is escaped, any other is text.

    Args:
        templates: All templates that may be rendered or included.
        strict: A missing variable is an error (publish) instead of empty (send time).

    Raises:
        RenderError: A template has a syntax error.
    """
    env = Environment(
        fuel=FUEL,
        undefined_behavior="strict" if strict else "lenient",
        auto_escape_callback=_escapes,
        filters={"money": money, "plural": plural, "url": safe_url},
        finalizer=_finalise,
        trim_blocks=True,
        lstrip_blocks=True,
        pycompat=False,
        debug=False,
    )
    env.remove_global("debug")
    for name in _REMOVED_FILTERS:
        env.remove_filter(name)
    for name, source in templates.items():
        try:
            env.add_template(name, source)
        except TemplateError as error:
            raise _explained(name, error) from None
    return env


def run(env: Environment, name: str, context: Mapping[str, object]) -> str:
    """Render the template `name` with plain values.

    Raises:
        RenderError: The template fails, runs out of fuel, or gives more than `MAX_OUTPUT`.
    """
    try:
        output = env.render_template(name, **context)
    except TemplateError as error:
        raise _explained(name, error) from None
    except Exception as error:  # noqa: BLE001  # a filter given the wrong thing may raise anything
        raise RenderError(name, 1, f"{type(error).__name__}: {error}".splitlines()[0]) from None
    if len(output) > MAX_OUTPUT:
        raise RenderError(name, 1, f"gives {len(output):,} characters, at most {MAX_OUTPUT:,}")
    # MiniJinja escapes slashes too; nobody would find an address in the HTML again.
    return output.replace("&#x2f;", "/") if _escapes(name) else output


def plain(value: object) -> object:
    """Return `value` as what a template may see: short strings, numbers, short lists.

    Control characters and direction overrides are dropped, so that a name can neither break
    a header nor turn the line around it.
    """
    if isinstance(value, str):
        clean = _CONTROL.sub(" ", value).strip()
        return clean if len(clean) <= MAX_FIELD else clean[: MAX_FIELD - 1].rstrip() + "…"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value[:MAX_ITEMS]]
    return plain(str(value))


def money(minor: int, currency: str = "") -> str:
    """Write an amount of minor units, such as `$2.69` or `1,250.00 CHF`."""
    decimals = minor_digits(currency)
    amount = f"{abs(minor) / 10**decimals:,.{decimals}f}"
    sign = "-" if minor < 0 else ""
    if currency in _SIGNS:
        return f"{sign}{_SIGNS[currency]}{amount}"
    return f"{sign}{amount} {currency}".rstrip()


def plural(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: `1 order`, `3 orders`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def safe_url(address: object) -> str:
    """Return `address` if its scheme is one an e-mail may link to, else an empty string."""
    text = str(address or "").strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    if parts.scheme.lower() not in SCHEMES or re.search(r"[\s\"'<>\\]", text):
        return ""
    return text if parts.netloc or parts.scheme.lower() in {"mailto", "tel"} else ""


def _escapes(name: str) -> bool:
    return name.endswith((".html", ".mjml"))


def _finalise(value: object) -> object:
    return "" if value is None else value


def _explained(name: str, error: TemplateError) -> RenderError:
    what = str(error.message or error.kind)
    if error.detail and error.detail not in what:
        what = f"{what}: {error.detail}"
    first_line = what.splitlines()[0] if what else "cannot be rendered"
    where = rf" \(in {re.escape(error.name or name)}:\d+\)$"
    return RenderError(error.name or name, error.line or 1, re.sub(where, "", first_line))
