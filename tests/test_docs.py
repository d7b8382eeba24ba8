"""What the documentation names is there, and what is there is in the documentation."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
import typer
import yaml
from pydantic import BaseModel

from pipelines.cli import app
from serving.messages import PredictRequest, RecommendRequest, RenderRequest
from serving.routes import web_routes

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))
HTTP = DOCS / "reference" / "http.md"
PROBES = ("/livez", "/readyz", "/healthz", "/metrics")  # BentoML's own
QUESTIONS: dict[str, type[BaseModel]] = {
    "/v1/predict": PredictRequest,
    "/v1/recommend": RecommendRequest,
    "/v1/render": RenderRequest,
}
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """A command line that a page shows."""

    name: str  # "" for `sendwise --help` and the like
    options: tuple[str, ...]


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def _spans(page: Path) -> list[str]:
    """Return what stands between backticks in running text."""
    return re.findall(r"`([^`\n]+)`", _prose(page))


def _lines(page: Path) -> Iterator[str]:
    """Give each single command of the page's code, without prompt and comment.

    In a block with prompts, what has none is output.
    """
    shown = _spans(page)
    for block in FENCE.findall(page.read_text()):
        lines = block.replace("\\\n", " ").splitlines()
        asked = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        shown += asked or lines
    for text in shown:
        code = re.sub(r"(^|\s)#\s.*", "", text)
        yield from (part.strip() for part in re.split(r"&&|\|\||[;|`]", code))


def _commands(page: Path) -> Iterator[Command]:
    """Give the calls of `sendwise` on a page."""
    for line in _lines(page):
        called = re.match(r"(?:[A-Z_]+=\S+\s+)*(?:\S*/)?sendwise\s+(.*)", line)
        if not called:
            continue
        words = shlex.split(called[1])
        if words[:1] == ["--home"]:
            words = words[2:]
        options = tuple(word.partition("=")[0] for word in words if word.startswith("--"))
        is_command = bool(words) and re.fullmatch(r"[a-z][a-z-]*", words[0])
        if is_command or options:
            yield Command(words[0] if is_command else "", options)


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    """Return the options of every command; those before the command are under ""."""
    for path in (ROOT / "pipelines" / "commands").glob("[a-z]*.py"):
        importlib.import_module(f"pipelines.commands.{path.stem}")
    group: Any = typer.main.get_command(app)
    commands = {"": group, **group.commands}
    return {
        name: {"--help", *(text for each in command.params for text in each.opts)}
        for name, command in commands.items()
    }


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", _prose(page))
    inside = [each for each in targets if not re.match(r"[a-z]+:", each)]

    lost = [each for each in inside if not _leads_somewhere(page, each)]

    assert not lost, f"{_name(page)} links to {lost}"


def _leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = unquote(target).partition("#")
    file = page.parent / path if path else page
    if not file.exists():
        return False
    return not anchor or anchor in {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", _prose(file), re.MULTILINE)
    }


def test_the_index_leads_to_every_page() -> None:
    index = (DOCS / "README.md").read_text()
    pages = [page for page in PAGES if DOCS in page.parents and page.name != "README.md"]

    left_out = [
        _name(page)
        for page in pages
        if f"({page.relative_to(DOCS).as_posix()})" not in index
        and f"({page.parent.relative_to(DOCS).as_posix()}/)" not in index
    ]

    assert not left_out


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_and_their_options_exist(page: Path, options: dict[str, set[str]]) -> None:
    wrong = [
        shown
        for shown in _commands(page)
        if shown.name not in options or not set(shown.options) <= options[shown.name]
    ]
    alone = {span.split()[0] for span in _spans(page) if re.match(r"--[a-z-]+( |$)", span)}

    assert not wrong
    assert alone <= set().union(*options.values())


def test_commands_are_found_in_what_pages_show(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Run `sendwise score` first.\n```console\n"
        "$ A=1 .venv/bin/sendwise --home var/demo send x --send-id y   # not --this\n"
        "sendwise serves var/demo at http://127.0.0.1:3000\n```\n"
        "```\nsendwise train clusters && sendwise models --rollback clusters\n```\n"
    )

    assert list(_commands(page)) == [
        Command("score", ()),
        Command("send", ("--send-id",)),
        Command("train", ()),
        Command("models", ("--rollback",)),
    ]


def test_every_route_is_in_the_reference() -> None:
    service = (ROOT / "src" / "serving" / "service.py").read_text()
    routes = {f"POST {path}" for path in re.findall(r'@bentoml\.api\(route="([^"]+)"', service)}
    for route in web_routes():
        path = route.path.replace(":path", "")
        routes |= {f"{method} {path}" for method in route.methods or () if method != "HEAD"}
    routes |= {f"GET {probe}" for probe in PROBES}

    assert len(routes) >= 13
    assert routes <= set(re.findall(r"`((?:GET|POST) [^`]+)`", HTTP.read_text()))


def test_the_requests_shown_can_be_asked() -> None:
    shown = re.findall(r"-X POST localhost:3000(\S+) -d '([^']+)'", HTTP.read_text())

    assert {path for path, _ in shown} == set(QUESTIONS)
    for path, body in shown:
        QUESTIONS[path].model_validate(json.loads(body))


def test_every_kind_of_problem_is_in_the_reference() -> None:
    code = "".join(path.read_text() for path in (ROOT / "src" / "serving").glob("*.py"))
    kinds = set(re.findall(r'Problem\(\s*"([a-z-]+)"', code)) - {"unsupported-media-type"}

    assert kinds == set(re.findall(r"`/problems/([a-z-]+)` \|", HTTP.read_text()))


def test_every_entry_point_is_documented_with_its_parameters() -> None:
    page = (DOCS / "how-to" / "train-and-promote.md").read_text()
    project = yaml.safe_load((ROOT / "MLproject").read_text())

    for name, entry in project["entry_points"].items():
        parameters = ", ".join(f"`{parameter}`" for parameter in entry["parameters"])
        assert f"| `{name}` | {parameters} |" in page


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_files_of_ours_that_are_named_are_there(page: Path) -> None:
    """`serving/brain.py`, `tests/models/test_gate.py`, `conf/sendwise.yaml`: as they are now."""
    named = {
        span
        for span in _spans(page)
        if re.fullmatch(r"[a-z_]+(/[\w.-]+)+\.(py|yaml|ipynb)", span) and "my_shop" not in span
    }

    lost = {each for each in named if not any((r / each).exists() for r in (ROOT, ROOT / "src"))}

    assert not lost
