"""From MJML with MiniJinja inside to one HTML template, at publish.

The frame `email.mjml` says `{% slot NAME %}` where a slot goes; every block the slot may
show is put there behind a condition, so that one compiled template holds them all. MiniJinja
tags are swapped for plain words while mrml and css-inline work, which would otherwise move or
escape them, and put back afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from textwrap import shorten
from typing import Final

import css_inline
import html2text
import mrml

from content.spec import CampaignSpec
from core.errors import ConfigError

JINJA: Final = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_SLOT: Final = re.compile(r"\{%-?\s*slot\s+([A-Za-z0-9_]+)\s*-?%\}")
_WORD: Final = re.compile(r"jj([es])(\d{5})jj")
_TAG: Final = re.compile(r"<[^<>]*>")
_POSITION: Final = re.compile(r"at position (\d+):(\d+)")
_ELEMENT: Final = re.compile(r"<(/?[a-z][\w-]*)[^>]*>?|(mj-[a-z-]+)")
# What mrml says, and what it means to somebody who writes MJML.
_MEANT: Final = {
    "unexpected token": "does not belong there: a tag before it is closed twice or not at all, "
    "or text stands where only tags may. Correct it",
    "unexpected element": "does not belong inside the tag around it. Move it, or remove it",
    "unexpected end of stream": "it ends inside a tag that is never closed. Close it",
    "unable to parse next template": 'a tag is written wrongly. Write <tag name="value">, with '
    "quotes, and &lt; where no tag begins",
}
# mrml drops what it does not know without a word. mj-include reads files: never.
_KNOWN: Final = re.compile(
    r"mjml|mj-("
    r"accordion|accordion-element|accordion-text|accordion-"
    r"title|all|attributes|body|breakpoint|button|carousel|carousel-"
    r"image|class|column|divider|font|group|head|hero|html-"
    r"attributes|image|navbar|navbar-link|preview|raw|section|social|social-"
    r"element|spacer|style|table|text|title|wrapper"
    r")"
)


def compile_html(spec: CampaignSpec, frame: str, blocks: Mapping[str, str]) -> str:
    """Return the MiniJinja template of the whole e-mail, CSS inlined.

    Args:
        spec: The campaign; its slots say which block may stand where.
        frame: Source of `email.mjml`.
        blocks: Block name -> source of its MJML.

    Raises:
        ConfigError: The MJML does not parse, or is not all there.
    """
    for name, source in blocks.items():
        _check(f"{name}.mjml", source, before="<mjml><mj-body>", after="</mj-body></mjml>")
    if not _SLOT.search(frame):
        raise ConfigError("email.mjml has no {% slot NAME %}, so it would show no block.")
    _check("email.mjml", _SLOT.sub(_blank, frame))

    def expand(name: str) -> str:
        parts = [
            f'<mj-raw>{{% {"elif" if number else "if"} slot.block == "{block}" %}}</mj-raw>'
            f"{blocks[block]}"
            for number, block in enumerate(block_names(spec, name))
        ]
        return (
            f"<mj-raw><!--slot:{name}-->{{% with slot = slots.{name} %}}</mj-raw>{''.join(parts)}"
            "<mj-raw>{% endif %}{% endwith %}<!--/slot--></mj-raw>"
        )

    source, tags = _hide(fill_slots(spec, frame, expand, where="email.mjml"))
    return _show(_inline(_mjml(source, "email.mjml")), tags)


def compile_text(spec: CampaignSpec, frame: str, blocks: Mapping[str, str]) -> str:
    """Return the MiniJinja template of the text part from `email.txt` and the blocks' texts.

    Raises:
        ConfigError: A slot is missing or unknown.
    """

    def expand(name: str) -> str:
        parts = [
            f'{{% {"elif" if number else "if"} slot.block == "{block}" %}}\n{blocks[block]}\n'
            for number, block in enumerate(block_names(spec, name))
        ]
        return f"{{% with slot = slots.{name} %}}{''.join(parts)}{{% endif %}}{{% endwith %}}"

    return fill_slots(spec, frame, expand, where="email.txt")


def text_from(template: str) -> str:
    """Make a text template from a compiled HTML template that has no text of its own."""
    body = re.sub(r"<!--/?slot.*?-->", "", template[template.find("<body") :])
    hidden, tags = _hide(body)
    writer = html2text.HTML2Text(bodywidth=0)
    writer.ignore_images = True
    writer.ignore_emphasis = True
    writer.ignore_tables = True
    writer.inline_links = True
    writer.protect_links = True
    text = str(writer.handle(re.sub(r"jjs\d{5}jj", r"<br>\g<0><br>", hidden)))
    return _show(text, tags)


def fill_slots(spec: CampaignSpec, frame: str, expand: Callable[[str], str], *, where: str) -> str:
    """Replace each `{% slot NAME %}` of a frame, each slot of the campaign exactly once."""
    there = _SLOT.findall(frame)
    known = [slot.name for slot in spec.slots]
    for match in _SLOT.finditer(frame):
        if match[1] not in known:
            line = frame.count("\n", 0, match.start()) + 1
            raise ConfigError(
                f"{where} line {line}: no slot {match[1]!r}; there is {', '.join(known)}."
            )
    for name in known:
        if there.count(name) != 1:
            raise ConfigError(
                f"{where} has {{% slot {name} %}} {there.count(name)} times; write it once."
            )
    return _SLOT.sub(lambda match: expand(match[1]), frame)


def block_names(spec: CampaignSpec, slot: str) -> list[str]:
    """Return the blocks a slot may show, each once, in order."""
    found = spec.slot(slot)
    return list(dict.fromkeys(rule.block for rule in found.blocks)) if found else []


def without_slots(frame: str) -> str:
    """Return a frame as MiniJinja can read it on its own, line for line."""
    return _SLOT.sub(_blank, frame)


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _check(file: str, source: str, *, before: str = "", after: str = "") -> None:
    """Refuse MJML with the file and line of its first mistake."""
    hidden, _ = _hide(source)
    _Balance(file).check(hidden)
    _mjml(before + hidden + after, file, shift=len(before.encode()))


def _mjml(source: str, file: str, *, shift: int = 0) -> str:
    try:
        output = mrml.to_html(source, None, mrml.RenderOptions(fonts={}))
    except OSError as error:  # what mrml raises for all it cannot read
        message = str(error).replace(" in root template", "")
        where = file
        if found := _POSITION.search(message):
            code, (start, end) = source.encode(), map(int, found.groups())
            there = code[start:end].decode(errors="replace").strip()
            start = max(code.find(there.encode(), start), shift)  # after what is blank
            line = code[shift:start].count(b"\n") + 1
            if shift and there == "</mj-body>":  # not the file's: we put it after a block
                there = ""
            where = f"{file} line {line}"
            message = message[: found.start()].strip()
            message = f"{_named(there)} {_MEANT.get(message, f'is an {message}')}"
        else:
            message = _MEANT.get(message, message)
        raise ConfigError(f"{where}: MJML cannot be read: {message}.") from None
    return str(output.content)


def _named(there: str) -> str:
    """Show what mrml stumbled over: a tag as it is written, or the first words of a text."""
    if not there:
        return "the end of the file"
    if found := _ELEMENT.fullmatch(there):
        return f"<{found[1] or found[2]}>"
    return f"the text {shorten(_WORD.sub('{{ }}', there), 40, placeholder=' ...')!r}"


class _Balance(HTMLParser):
    """Finds the line of an MJML tag that is unknown, not closed, or closed twice."""

    def __init__(self, file: str) -> None:
        super().__init__(convert_charrefs=False)
        self._file = file
        self._open: list[tuple[str, int]] = []

    def check(self, source: str) -> None:
        self.feed(source)
        self.close()
        if self._open:
            name, line = self._open[-1]
            raise ConfigError(f"{self._file} line {line}: <{name}> is never closed.")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not tag.startswith("mj"):
            return
        line = self.getpos()[0]
        if not _KNOWN.fullmatch(tag):
            raise ConfigError(f"{self._file} line {line}: <{tag}> is not an MJML tag we know.")
        self._open.append((tag, line))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag.startswith("mj"):
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not tag.startswith("mj"):
            return
        name, line = self._open.pop() if self._open else ("nothing", 0)
        if name != tag:
            raise ConfigError(
                f"{self._file} line {self.getpos()[0]}: </{tag}> closes <{name}> of line {line}."
            )


def _hide(source: str) -> tuple[str, list[str]]:
    """Swap MiniJinja tags for words: `jjeNNNNNjj` for values, `jjsNNNNNjj` for statements."""
    tags: list[str] = []

    def swap(match: re.Match[str]) -> str:
        if match[0].startswith("{#"):
            return "\n" * match[0].count("\n")
        tags.append(match[0])
        kind = "e" if match[0].startswith("{{") else "s"
        return f"jj{kind}{len(tags) - 1:05d}jj" + "\n" * match[0].count("\n")

    return JINJA.sub(swap, source), tags


def _show(source: str, tags: list[str]) -> str:
    return _WORD.sub(lambda match: tags[int(match[2])], source)


def _inline(page: str) -> str:
    """Inline the CSS; what only works as a rule (@media) stays in the head."""
    parked = _outside_tags(page)
    inliner = css_inline.CSSInliner(
        keep_at_rules=True,
        load_remote_stylesheets=False,  # a campaign reads nothing from the network
    )
    return re.sub(r"<!--(jjs\d{5}jj)-->", r"\1", str(inliner.inline(parked)))


def _outside_tags(page: str) -> str:
    """Turn statements between tags into comments: a table lets those stay where they are."""
    pieces, last = [], 0
    for tag in _TAG.finditer(page):
        pieces += [_commented(page[last : tag.start()]), tag[0]]
        last = tag.end()
    return "".join([*pieces, _commented(page[last:])])


def _commented(text: str) -> str:
    return re.sub(r"jjs\d{5}jj", r"<!--\g<0>-->", text)
