"""What the templates of a campaign read, and what they must not hold: asked before compiling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from minijinja import Environment, TemplateError

from content.mjml import JINJA, without_slots
from content.sources import Sources
from content.spec import SPEC_FILE, CampaignSpec
from core.errors import ConfigError

CONTEXT: Final = "context"  # what the caller says of the moment: `context.NAME`

# What every template may read besides the campaign's own `defaults`.
_GIVEN: Final = frozenset(
    {
        "campaign",
        CONTEXT,
        "language",
        "edition",
        "pictures",
        "shop",
        "why",
        "unsubscribe_text",
        "unsubscribe_url",
        "slots",
        "slot",
        "subject",
        "preheader",
    }
)
_FUNCTIONS: Final = frozenset({"range", "dict", "namespace"})
# Read as names where they stand in the wrong place.
_KEYWORDS: Final = frozenset(
    {"in", "and", "or", "not", "if", "else", "is", "true", "false", "none"}
)
_BARRED: Final = re.compile(r"(?<=\{%)[-+]?\s*(autoescape|extends|import|from|include)\b")
_METHOD: Final = re.compile(r"(?<!\bloop)\.\s*\w+\s*\(|\]\s*\(")
_OPENING: Final = re.compile(r"\{[{%#]")


@dataclass(frozen=True, slots=True)
class Read:
    """The names that the templates and rules of a campaign read."""

    facts: tuple[str, ...]  # of `defaults`, as far as templates read them
    context: tuple[str, ...]  # NAME of each `context.NAME`


def check_tags(spec: CampaignSpec, sources: Sources) -> None:
    """Refuse a tag that is never closed, or could switch escaping off or reach into Python.

    Raises:
        ConfigError: The message names the file and line.
    """
    texts = {str(path): sources.files()[name] for name, path in sources.paths().items()}
    rules = [rule.when for slot in spec.slots for rule in slot.blocks]
    lines = [spec.subject, spec.preheader, *(f"{{{{ {rule} }}}}" for rule in rules if rule)]
    texts |= {f"{sources.folder / SPEC_FILE} ({text!r})": text for text in lines}
    for where, text in texts.items():
        _refuse_unclosed(where, text)
        for tag in JINJA.finditer(text):
            # A dict has methods, and they lead into Python.
            if found := _BARRED.search(tag[0]) or _METHOD.search(tag[0]):
                raise ConfigError(
                    f"{where} line {_line(text, tag.start())}: {found[0].strip()!r} is not allowed "
                    "in a campaign. Use variables, filters, `if`, `for`, `set` and `with`."
                )


def names_read(spec: CampaignSpec, sources: Sources) -> Read:
    """Return what the templates and rules read; each has to have a value.

    Raises:
        ConfigError: A template does not parse, or reads what is not declared.
    """
    if taken := sorted((_GIVEN | _FUNCTIONS) & set(spec.defaults)):
        raise ConfigError(
            f"{sources.folder / SPEC_FILE}: defaults.{taken[0]}: every template has "
            f"{taken[0]!r} already. Rename yours."
        )
    lines = {"subject": spec.subject, "preheader": spec.preheader}
    rules = {
        f"the rule `{rule.when}`": f"{{{{ {rule.when} }}}}"
        for slot in spec.slots
        for rule in slot.blocks
        if rule.when
    }
    facts: set[str] = set()
    context: set[str] = set()
    paths = {name: str(path) for name, path in sources.paths().items()}
    for where, source in {**sources.files(), **lines, **rules}.items():
        path = paths.get(where, f"{sources.folder / SPEC_FILE}: {where}")
        names = _undeclared(path, without_slots(source), spec.defaults)
        context |= {name.partition(".")[2] for name in names if name.startswith(f"{CONTEXT}.")}
        # A rule is asked when the decision is made: only what templates read is kept with it.
        facts |= set() if where in rules else {name.partition(".")[0] for name in names}
    facts &= set(spec.defaults)
    return Read(tuple(sorted(facts - {"first_name"})), tuple(sorted(context)))


def _undeclared(where: str, source: str, defaults: Mapping[str, object]) -> set[str]:
    """Return the dotted names that a template reads from outside."""
    try:
        names = Environment().undeclared_variables_in_str(source, nested=True)
    except TemplateError as error:
        what = str(error.detail or error.message)
        raise ConfigError(f"{where} line {error.line or 1}: {what}.") from None
    given = {*_GIVEN, *defaults}
    if unknown := sorted({name.partition(".")[0] for name in names} - given - _FUNCTIONS):
        if misplaced := sorted(_KEYWORDS.intersection(unknown)):
            raise ConfigError(
                f"{where} does not parse: {misplaced[0]!r} stands where a value belongs."
            )
        raise ConfigError(
            f"{where} reads {unknown[0]!r}, which has no value. "
            f"Add it to `defaults` in campaign.yaml, or use one of {', '.join(sorted(given))}."
        )
    for name in sorted(names):
        if name == CONTEXT or (name.startswith(f"{CONTEXT}.") and name.count(".") > 1):
            raise ConfigError(f"{where} reads {name!r}. Its values are read as `{CONTEXT}.NAME`.")
    return set(names)


def _refuse_unclosed(where: str, text: str) -> None:
    """Name the line of an opening that no closing belongs to.

    Otherwise it swallows all up to the end of the next tag, and what is said then is about that.
    """
    ends = 0
    for tag in _OPENING.finditer(text):
        if tag.start() < ends:
            continue
        closed = JINJA.match(text, tag.start())
        inside = closed and tag[0] != "{#" and _OPENING.search(_bare(closed[0]), 2)
        if not closed or inside:
            raise ConfigError(
                f"{where} line {_line(text, tag.start())}: {tag[0]!r} is never closed."
            )
        ends = closed.end()


def _bare(tag: str) -> str:
    """Return a tag without the texts it quotes: those may hold what looks like an opening."""
    return re.sub(r"\"[^\"]*\"|'[^']*'", "''", tag)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
