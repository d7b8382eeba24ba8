from pathlib import Path

from core import ids


def test_the_same_content_has_the_same_digest_whatever_the_order_of_keys() -> None:
    assert ids.digest({"a": 1, "b": 2}) == ids.digest({"b": 2, "a": 1})
    assert ids.digest("a", "b") != ids.digest("ab")


def test_file_digest_follows_content_not_name(tmp_path: Path) -> None:
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    one.write_text("same")
    two.write_text("same")
    other.write_text("different")

    assert ids.file_digest(one) == ids.file_digest(two) != ids.file_digest(other)


def test_a_pseudonym_is_stable_and_does_not_show_the_id() -> None:
    assert ids.pseudonym("ann@example.test") == ids.pseudonym("ann@example.test")
    assert "ann" not in ids.pseudonym("ann@example.test")
