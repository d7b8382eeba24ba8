"""The layout traps of Python that this layout would otherwise step into."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = sorted(path.parent.name for path in (ROOT / "src").glob("*/__init__.py"))
CODE = [
    path for room in ("src", "pipelines", "tests") for path in sorted((ROOT / room).rglob("*.py"))
]
MODULE_LINES = 300
FUNCTION_LINES = 40

# Modules without a test file of their own, and why.
ONLY_NAMES = {
    "core/columns": "names of columns",
    "ingest/contract": "schemas and names of events",
}


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_resolves_under_src(room: str) -> None:
    spec = importlib.util.find_spec(room)

    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT / "src")


@pytest.mark.parametrize("folder", ["pipelines", "notebooks"])
def test_no_script_is_named_like_a_room(folder: str) -> None:
    assert not {path.stem for path in (ROOT / folder).rglob("*.py")} & set(ROOMS)


def modules(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}


def having_tests(folder: Path) -> set[str]:
    return {path.stem.removeprefix("test_") for path in folder.glob("test_*.py")}


def test_tests_are_no_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_has_its_tests_and_every_test_its_module(room: str) -> None:
    there, found = modules(ROOT / "src" / room), having_tests(ROOT / "tests" / room)
    excused = {name for name in there if f"{room}/{name}" in ONLY_NAMES}

    assert there - found == excused
    assert found <= there


def test_every_pipeline_has_its_tests() -> None:
    assert modules(ROOT / "pipelines") <= having_tests(ROOT / "tests" / "pipelines")


def test_what_needs_no_tests_is_there_and_holds_no_function() -> None:
    for name in ONLY_NAMES:
        tree = ast.parse((ROOT / "src" / f"{name}.py").read_text())
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the functions of a file with their length, without the docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            yield f"{path.relative_to(ROOT)} {node.name}", lines


def test_functions_are_short() -> None:
    long = {name for path in CODE for name, lines in functions(path) if lines > FUNCTION_LINES}

    assert not long


def test_modules_are_short() -> None:
    long = {
        str(path.relative_to(ROOT))
        for path in CODE
        if len(path.read_text().splitlines()) > MODULE_LINES
    }

    assert not long


def test_importing_every_room_reads_no_clock_and_writes_nothing(tmp_path: Path) -> None:
    names = [
        f"{path.parent.name}.{path.stem}"
        for path in sorted((ROOT / "src").glob("*/*.py"))
        if path.stem != "__init__" and path.parent.name != "serving"
    ]
    code = f"import {', '.join(names)}"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())


def test_the_lock_names_no_package_index() -> None:
    text = (ROOT / "requirements.lock").read_text()

    assert "://" not in text
    assert "--hash=sha256:" in text
