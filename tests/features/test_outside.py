from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings

from core.clock import to_us
from features.context import Context
from features.definitions.tastes import LOCALE
from features.engine import feature_frame
from features.formula import Around, Formula, Trait
from features.kinds.place import Place
from features.outside import Known, lookup
from features.shop import Shop
from ingest.contract import EVENT_NAMES, ORDER_COMPLETED, PRODUCT_VIEWED
from tests.features.conftest import NOW, Happened, Lake
from tests.parity import CUTOFFS, FIRST, LAST, SEEDS, Cutoffs, Log, Twins, logs

DAY = timedelta(days=1)
# Some places have a value on some days only, and each column is missing in other rows.
TABLE = "day,country,region,city,degrees,sky,warmest\n" + "".join(
    f"{FIRST + day * DAY:%Y-%m-%d},{place},{values}\n"
    for day in range(-1, (LAST - FIRST).days + 2)
    for number, (place, values) in enumerate(
        [
            ("DE,,", f"{day / 7},,1"),
            ("DE,BE,", f"{-day},grey,"),
            ("DE,,Berlin", f",sunny {day % 5},"),
            ("DE,BE,Berlin", f"{day}.25,,"),
            ("FR,,Ulm", ",,-3.5"),
        ]
    )
    if (day + number) % 4
)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Twins:
    path = tmp_path_factory.mktemp("context") / "weather.csv"
    path.write_text(TABLE)
    context = Context.read(path)
    places: list[Formula] = [Place(EVENT_NAMES).side("city")]
    degrees, sky, warmest = (one.value for one in context.features)
    return Twins([degrees, sky, warmest, degrees - warmest, LOCALE, *places], context=context)


@settings(max_examples=40)
@given(log=logs(PRODUCT_VIEWED, ORDER_COMPLETED), cutoffs=CUTOFFS, seed=SEEDS)
def test_stream_is_batch(twins: Twins, log: Log, cutoffs: Cutoffs, seed: int) -> None:
    twins.prove(log, cutoffs, seed)


PLACES = {
    "city of its region": ("DE", "BE", "Berlin"),
    "city of the country": ("DE", "", "Berlin"),
    "region": ("DE", "BE", ""),
    "city without a row": ("DE", "BE", "Potsdam"),
    "country": ("DE", "SN", "Dresden"),
    "elsewhere": ("FR", "BE", "Berlin"),
    "nowhere": (None, "BE", "Berlin"),
}
EXPECTED = {
    "city of its region": (4.0, "of the city", 3.0),
    "city of the country": (3.0, "of the city", 3.0),
    "region": (2.0, "", 1.0),
    "city without a row": (2.0, "", 1.0),
    "country": (1.0, "", 1.0),
    "elsewhere": (0.0, "", 0.0),
    "nowhere": (0.0, "", 0.0),
}


def test_the_most_specific_row_that_has_a_value_wins(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "context.csv"
    path.write_text(
        "day,country,region,city,a,b,c\n"
        "2024-03-01,DE,,,1,,1\n"
        "2024-03-01,DE,BE,,2,,\n"
        "2024-03-01,DE,,Berlin,3,of the city,3\n"
        "2024-03-01,DE,BE,Berlin,4,,\n"
        "2024-02-29,DE,BE,Berlin,9,yesterday,9\n"
    )
    context = Context.read(path)
    connection = lake(
        Happened(customer=who, at=NOW - DAY, country=country, region=region, city=city)
        for who, (country, region, city) in PLACES.items()
    )
    connection.register("context", context.table)

    frame = feature_frame(connection, cutoffs=[NOW], features=context.features)

    assert (
        dict(
            zip(
                frame["customer_id"],
                frame.iloc[:, 2:].itertuples(index=False, name=None),
                strict=True,
            )
        )
        == EXPECTED
    )
    known = Known(context=context.surroundings())
    for who, place in PLACES.items():
        for one, expected in zip(context.features, EXPECTED[who], strict=True):
            assert isinstance(one.value, Around)
            found = lookup(one.value, Shop())(known, to_us(NOW), *place)
            assert expected == (one.default if found is None else found)


def test_the_day_is_that_of_the_shop_s_clock(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "context.csv"
    path.write_text("day,country,a\n2024-02-29,DE,29\n2024-03-01,DE,1\n2024-03-02,DE,2\n")
    context = Context.read(path)
    connection = lake([Happened(customer="ann", at=NOW - 9 * DAY, country="DE")])
    connection.register("context", context.table)
    cutoffs = [
        NOW - timedelta(hours=1),
        NOW + timedelta(hours=22, minutes=59),
        NOW + timedelta(hours=23),
    ]

    frames = [
        feature_frame(
            connection, cutoffs=each, features=context.features, shop=Shop(timezone="Europe/Berlin")
        )
        for each in (cutoffs, cutoffs[:1], cutoffs[1:2], cutoffs[2:])
    ]

    assert [frame["context_a"].tolist() for frame in frames] == [
        [1.0, 1.0, 2.0],
        [1.0],
        [1.0],
        [2.0],
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("de-DE", "de-DE"),
        ("pt_BR", "pt_BR"),
        ("gsw", "gsw"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("German", None),
        ("", None),
        (49, None),
        (None, None),
    ],
)
def test_a_trait_counts_where_it_is_what_it_should_be(given: object, expected: str | None) -> None:
    assert isinstance(LOCALE.value, Trait)

    assert lookup(LOCALE.value, Shop())(Known(traits={"locale": given}), 0) == expected
    assert lookup(LOCALE.value, Shop())(Known(), 0) is None
