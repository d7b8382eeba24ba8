"""The layout traps of Python that this layout would otherwise step into."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = sorted(path.parent.name for path in (ROOT / "src").glob("*/__init__.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_resolves_under_src(room: str) -> None:
    spec = importlib.util.find_spec(room)

    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT / "src")


@pytest.mark.parametrize("folder", ["pipelines", "notebooks"])
def test_no_script_is_named_like_a_room(folder: str) -> None:
    assert not {path.stem for path in (ROOT / folder).rglob("*.py")} & set(ROOMS)


def test_tests_are_no_packages_and_mirror_the_rooms() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
    for room in ROOMS:
        modules = {f"test_{path.stem}.py" for path in (ROOT / "src" / room).glob("*.py")}
        tests = {path.name for path in (ROOT / "tests" / room).glob("test_*.py")}
        assert tests <= modules, f"tests/{room} has tests of modules that are not there"


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
