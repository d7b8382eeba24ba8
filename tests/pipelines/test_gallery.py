from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from campaigns.client import Rendered
from content.campaign import campaign_folder, load_compiled
from core.errors import NotEnoughDataError, NotReadyError, UnavailableError
from core.settings import Settings
from pipelines.gallery import SHOWN, _standing, write_gallery
from tests.campaigns.mailing_list import NOW, PEOPLE, PNG

if TYPE_CHECKING:
    from tests.campaigns.peers import Service

pytest_plugins = ["tests.campaigns.peers"]


def pages(home: Path) -> dict[str, bytes]:
    folder = home / "emails"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_twelve_emails_lie_beside_the_page(workspace: Settings) -> None:
    outcome = write_gallery(workspace, "weekly_picks", as_of=NOW)

    found = pages(workspace.home)
    index = found["index.html"].decode()
    assert outcome.data["page"] == str(workspace.home / "emails" / "index.html")
    assert re.findall(r'iframe src="([^"]+)"', index) == [
        f"{number:02d}.html" for number in range(1, SHOWN + 1)
    ]
    assert {f"{number:02d}.html" for number in range(1, SHOWN + 1)} < found.keys()


def test_they_show_every_cluster_every_block_and_one_without_personalisation(
    workspace: Settings,
) -> None:
    outcome = write_gallery(workspace, "weekly_picks", as_of=NOW)

    customers = [row[0] for row in outcome.rows]
    assert {row[1] for row in outcome.rows} == {f"cluster {number}" for number in range(6)}
    assert {row[2] for row in outcome.rows} == {"come_back", "thank_you"}
    assert customers[-1] == PEOPLE[-1]
    assert pages(workspace.home)["index.html"].count(b"no consent to personalisation") == 1


def test_each_product_that_is_shown_has_its_reason_and_no_other(workspace: Settings) -> None:
    write_gallery(workspace, "weekly_picks", as_of=NOW)

    index = pages(workspace.home)["index.html"].decode()
    assert index.count("<b>Tea p1</b> goes with your &lt;biscuits&gt;") == SHOWN
    assert "Tea p2" not in index
    assert "you shop &lt;often&gt;" in index


def test_the_reason_is_that_of_the_list_a_product_is_at_the_heart_of(workspace: Settings) -> None:
    campaign = load_compiled(campaign_folder(workspace.home, "weekly_picks"))
    mail = Rendered(customer_id="ann", send=False, html='<a href="https://shop.test/tea">')
    tea = {"product_id": "tea", "url": "https://shop.test/tea"}
    sources = ("popularity", "als", "popularity")
    lists = [{"products": [{**tea, "source": each}]} for each in sources]

    (found,) = _standing(mail, campaign, lists)

    assert found["source"] == "als"


def test_the_page_works_from_disk(workspace: Settings) -> None:
    write_gallery(workspace, "weekly_picks", as_of=NOW)

    found = pages(workspace.home)
    (picture,) = [name for name in found if name.startswith("pictures/")]
    assert found[picture] == PNG
    assert f'src="{picture}"'.encode() in found["01.html"]
    assert not re.findall(rb"(?:src|href)=\"https?:", found["index.html"])


def test_each_frame_holds_its_email_and_grows_to_its_height(workspace: Settings) -> None:
    write_gallery(workspace, "weekly_picks", as_of=NOW)

    found = pages(workspace.home)
    index = found["index.html"].decode()
    for name, held in re.findall(r'iframe src="([^"]+)"[^>]*srcdoc="([^"]+)"', index):
        assert unescape(held) == found[name].decode()
    assert index.count("srcdoc=") == SHOWN
    assert "scrollHeight" in index


def test_the_page_names_no_address(workspace: Settings) -> None:
    write_gallery(workspace, "weekly_picks", as_of=NOW)

    assert b"@example.test" not in b"".join(pages(workspace.home).values())


def test_again_gives_the_same_bytes(workspace: Settings) -> None:
    write_gallery(workspace, "weekly_picks", as_of=NOW)
    first = pages(workspace.home)

    write_gallery(workspace, "weekly_picks", as_of=NOW)

    assert pages(workspace.home) == first


def test_without_anybody_to_mail_there_is_nothing_to_show(workspace: Settings) -> None:
    with pytest.raises(NotEnoughDataError, match="consent to email_marketing"):
        write_gallery(workspace, "weekly_picks", as_of=datetime(2020, 1, 1, tzinfo=UTC))


def test_a_service_that_is_down_leaves_the_last_gallery(
    workspace: Settings, closed_port: int, service_peer: Service
) -> None:
    write_gallery(workspace, "weekly_picks", as_of=NOW)
    first = pages(workspace.home)
    down = workspace.model_copy(update={"service_url": f"http://127.0.0.1:{closed_port}"})

    with pytest.raises(UnavailableError, match="sendwise serve"):
        write_gallery(down, "weekly_picks", as_of=NOW)
    service_peer.failures = [422]
    with pytest.raises(Exception, match="422"):
        write_gallery(workspace, "weekly_picks", as_of=NOW)

    assert pages(workspace.home) == first
    assert not list(workspace.home.glob("emails.*"))


def test_an_unpublished_campaign_is_one_clear_line(workspace: Settings) -> None:
    with pytest.raises(NotReadyError, match="publish spring"):
        write_gallery(workspace, "spring", as_of=NOW)
