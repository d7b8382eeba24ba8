from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import clock
from core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "2017-12-01", datetime(2017, 12, 1, tzinfo=UTC), id="bare-date-is-midnight-utc"
        ),
        pytest.param(
            "2017-12-01T08:30", datetime(2017, 12, 1, 8, 30, tzinfo=UTC), id="naive-is-utc"
        ),
        pytest.param(
            "2017-12-01T08:30+02:00",
            datetime(2017, 12, 1, 6, 30, tzinfo=UTC),
            id="offset-is-kept",
        ),
    ],
)
def test_as_of_reads_iso_8601(text: str, expected: datetime) -> None:
    assert clock.parse_as_of(text) == expected


def test_an_empty_as_of_is_now() -> None:
    before = datetime.now(UTC)

    assert before <= clock.parse_as_of("") <= datetime.now(UTC)


@pytest.mark.parametrize("text", ["0001-01-10", "9999-12-31", "1492-10-12"])
def test_a_year_no_shop_has_seen_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="Is the year right"):
        clock.parse_as_of(text)


@pytest.mark.parametrize("text", ["yesterday", "2017-13-01", "01/12/2017"])
def test_an_unreadable_as_of_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ConfigError, match=r"Write 2017-12-01"):
        clock.parse_as_of(text)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        pytest.param("2017-06", (2017, 6, 1), (2017, 7, 1), id="month"),
        pytest.param("2017-12", (2017, 12, 1), (2018, 1, 1), id="december-ends-next-year"),
        pytest.param("2017-06-03", (2017, 6, 3), (2017, 6, 4), id="day"),
        pytest.param("2017-06-03..2017-06-10", (2017, 6, 3), (2017, 6, 10), id="explicit"),
    ],
)
def test_spans(text: str, start: tuple[int, int, int], end: tuple[int, int, int]) -> None:
    assert clock.parse_span(text, where="--reference") == (
        datetime(*start, tzinfo=UTC),
        datetime(*end, tzinfo=UTC),
    )


@pytest.mark.parametrize("text", ["", "2017-00", "2017-06-10..2017-06-03", "2017-06-03..", "june"])
def test_a_bad_span_names_the_option(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--reference"):
        clock.parse_span(text, where="--reference")


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))])))
def test_microseconds_lose_nothing(instant: datetime) -> None:
    assert clock.from_us(clock.to_us(instant)) == instant


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ConfigError, match="time zone"):
        clock.to_us(datetime(2017, 12, 1))
