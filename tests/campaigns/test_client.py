from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from campaigns.client import ATTEMPTS, Client, Expected
from core.clock import DAY
from core.errors import ConfigError, DataError, UnavailableError
from tests.campaigns.mailing_list import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.campaigns.peers import Service

pytest_plugins = ["tests.campaigns.peers"]
OURS = Expected("ours", NOW)


@pytest.fixture
def pauses() -> list[float]:
    """How long the client would have waited."""
    return []


@pytest.fixture
def client(service_peer: Service, pauses: list[float]) -> Iterator[Client]:
    with Client(
        service_peer.url, public_url=service_peer.url, expected=OURS, pause=pauses.append
    ) as client:
        yield client


def test_answers_come_in_the_order_asked(client: Client) -> None:
    answers = client.render("weekly_picks", "monday", ["bea", "ann"])

    assert [answer.customer_id for answer in answers] == ["bea", "ann"]
    assert answers[0].text == "Hello bea"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again_a_little_later(
    client: Client, service_peer: Service, pauses: list[float], status: int
) -> None:
    service_peer.failures = [status] * 3

    assert client.render("weekly_picks", "monday", ["ann"])[0].send
    assert pauses == [0.25, 0.5, 1.0]


def test_patience_has_an_end(client: Client, service_peer: Service, pauses: list[float]) -> None:
    service_peer.failures = [503] * ATTEMPTS

    with pytest.raises(UnavailableError, match=f"503.*{ATTEMPTS} times"):
        client.render("weekly_picks", "monday", ["ann"])
    assert sum(pauses) < 10


@pytest.mark.parametrize(
    ("status", "error"), [(401, ConfigError), (403, ConfigError), (422, DataError)]
)
def test_a_refusal_is_not_asked_again(
    client: Client, service_peer: Service, pauses: list[float], status: int, error: type[Exception]
) -> None:
    service_peer.failures = [status]

    with pytest.raises(error, match=str(status)):
        client.render("weekly_picks", "monday", ["ann"])
    assert pauses == []


def test_an_unknown_campaign_is_told_in_the_words_of_the_service(client: Client) -> None:
    with pytest.raises(ConfigError, match="No campaign 'spring'"):
        client.render("spring", "monday", ["ann"])


def test_a_service_that_is_down_is_one_clear_line(closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}"

    with (
        Client(url, public_url=url, expected=OURS) as client,
        pytest.raises(UnavailableError, match="sendwise serve") as caught,
    ):
        client.check()

    assert url in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://[broken"])
def test_an_address_that_is_none_is_one_clear_line(url: str) -> None:
    with (
        pytest.raises((ConfigError, UnavailableError), match="SENDWISE_SERVICE_URL"),
        Client(url, public_url=url, expected=OURS) as client,
    ):
        client.check()


@pytest.mark.parametrize(
    "wrong",
    [
        {"send": True, "html": None},
        {"customer_id": "somebody else"},
        {"send": "perhaps"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_answer_that_breaks_the_contract_is_not_sent(
    client: Client,
    service_peer: Service,
    monkeypatch: pytest.MonkeyPatch,
    wrong: dict[str, object],
) -> None:
    good = service_peer.answer("ann")
    monkeypatch.setattr(service_peer, "answer", lambda _: {**good, **wrong})

    with pytest.raises(UnavailableError, match="does not answer as a sendwise service"):
        client.render("weekly_picks", "monday", ["ann"])


def test_a_picture_is_asked_for_once(client: Client, service_peer: Service) -> None:
    address = f"{service_peer.url}/assets/weekly_picks/tiles/GROCERY.png"

    first, second = client.picture(address), client.picture(address)

    assert first is second
    assert first is not None
    assert first.content_type == "image/png"
    assert service_peer.paths["/assets/weekly_picks/tiles/GROCERY.png"] == 1


@pytest.mark.parametrize(
    "path",
    [
        "/assets/weekly_picks/tiles/GONE.png",
        "/assets/../livez",
        "/assets/%2e%2e/livez",
        "/livez",
        "/v1/assets/weekly_picks/tiles/GROCERY.png",
    ],
)
def test_only_pictures_among_the_assets_are_embedded(
    client: Client, service_peer: Service, path: str
) -> None:
    assert client.picture(service_peer.url + path) is None
    assert service_peer.paths["/livez"] == 0


def test_nobody_elses_server_is_asked(client: Client, service_peer: Service) -> None:
    assert client.picture("http://elsewhere.test/assets/weekly_picks/tiles/GROCERY.png") is None
    assert not service_peer.paths


def test_a_picture_that_cannot_be_had_holds_the_e_mail_up_and_is_asked_for_again(
    client: Client, service_peer: Service
) -> None:
    address = f"{service_peer.url}/assets/weekly_picks/tiles/GROCERY.png"
    service_peer.broken_pictures = ATTEMPTS

    with pytest.raises(UnavailableError, match="503"):
        client.picture(address)

    assert client.picture(address) is not None


def test_the_service_of_another_workspace_is_not_asked(
    client: Client, service_peer: Service
) -> None:
    service_peer.workspace = "another"

    with pytest.raises(ConfigError, match=r"serves another workspace.*SENDWISE_SERVICE_URL"):
        client.check()


def test_a_service_that_is_swapped_for_anothers_meanwhile_is_noticed(
    client: Client, service_peer: Service
) -> None:
    client.check()
    service_peer.workspace = "another"

    with pytest.raises(ConfigError, match="another workspace"):
        client.render("weekly_picks", "monday", ["ann"])


@pytest.mark.parametrize(("days", "is_asked"), [(-3, False), (1, True), (3, False)])
def test_a_service_at_another_time_is_not_asked(
    client: Client,
    service_peer: Service,
    days: int,
    is_asked: bool,
) -> None:
    service_peer.now = NOW + days * DAY

    if is_asked:
        client.check()
    else:
        with pytest.raises(ConfigError, match=r"stands at 2024-0.*--as-of"):
            client.check()
