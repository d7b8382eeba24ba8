from __future__ import annotations

from pathlib import Path

import pytest

from core.files import new_file, new_folder


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
