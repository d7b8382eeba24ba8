import pytest

from core import errors


def test_missing_columns_are_named_and_sorted() -> None:
    error = errors.MissingColumnsError("features.engine", ["ts", "event"], ["b", "a"])

    assert (error.missing, error.present) == (("event", "ts"), ("a", "b"))
    assert "features.engine needs columns ['event', 'ts']" in str(error)


@pytest.mark.parametrize(
    "kind",
    [
        errors.ConfigError,
        errors.DataError,
        errors.NotEnoughDataError,
        errors.NotReadyError,
        errors.UnavailableError,
    ],
)
def test_one_except_catches_everything(kind: type[errors.SendwiseError]) -> None:
    with pytest.raises(errors.SendwiseError):
        raise kind("what, where, what next")
