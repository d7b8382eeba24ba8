from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.files import new_file, new_folder, scratch_folder


def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "pointer"
    with new_file(path) as aside:
        aside.write_text("one")
        assert not path.exists()

    assert path.read_text() == "one"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "pointer"
    path.write_text("old")

    def fail() -> None:
        with new_file(path) as aside:
            aside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for text in ("old", "new"):
        with new_folder(path) as aside:
            (aside / "sub").mkdir()
            (aside / "sub" / text).write_text(text)

    assert [file.name for file in (path / "sub").iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").touch()

    def fail() -> None:
        with new_folder(path) as aside:
            (aside / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert [file.name for file in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path; from core.files import new_folder\n"
        f"with new_folder(Path({str(tmp_path / 'one')!r})) as aside:\n"
        "    (aside / 'personal').touch(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert (left / "personal").exists()

    with new_folder(tmp_path / "other"):
        pass

    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_a_writer_at_work_is_left_alone(tmp_path: Path) -> None:
    with new_folder(tmp_path / "one") as aside:
        (aside / "half").touch()
        with new_folder(tmp_path / "other"):
            pass
        assert (aside / "half").exists()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]


def test_a_scratch_folder_is_gone_afterwards_and_what_was_moved_out_stays(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as scratch:
        (scratch / "kept").write_text("kept")
        (scratch / "left").write_text("left")
        (scratch / "kept").rename(tmp_path / "kept")

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
