"""A compiled campaign to decide and render with; tests that break one write their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from content.campaign import CompiledCampaign, Product
from content.compile import compile_campaign
from content.decision import Candidates
from content.tiles import make_tiles
from tests.content.people import names, picks

CAMPAIGNS = Path(__file__).parents[2] / "conf" / "campaigns"


@pytest.fixture(scope="session")
def product() -> Callable[..., Product]:
    """Build a product of the catalogue."""

    def build(product_id: str, **given: object) -> Product:
        facts: dict[str, object] = {
            "name": f"Product {product_id}",
            "price_minor": 250,
            "currency": "USD",
            "url": None,
            "image_url": None,
            "category": "GROCERY/MILK",
            "available": True,
        }
        return Product(product_id=product_id, **{**facts, **given})  # type: ignore[typeddict-item]

    return build


@pytest.fixture(scope="session")
def campaign(product: Callable[..., Product]) -> CompiledCampaign:
    """The shipped campaign, with ten static products s0 to s9."""
    static = [product(f"s{number}", name=f"Favourite {number}") for number in range(10)]
    tiles = sorted(make_tiles(["GROCERY/MILK"]))
    return compile_campaign(CAMPAIGNS / "weekly_picks", static_products=static, tiles=tiles)[0]


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A copy of the shipped campaign's sources that a test may break."""
    shutil.copytree(CAMPAIGNS.parent / "blocks", tmp_path / "conf" / "blocks")
    folder = tmp_path / "conf" / "campaigns" / "weekly_picks"
    shutil.copytree(CAMPAIGNS / "weekly_picks", folder)
    return folder


@pytest.fixture
def candidates(product: Callable[..., Product]) -> Candidates:
    """Products a0.. (bought), n0.. (new), g0.. (cluster), p0.. (popular), all available."""
    known = [*names("a", 6), *names("n", 6), *names("g", 6), *names("p", 10)]
    return Candidates(
        products={product_id: product(product_id) for product_id in known},
        segment=picks(*names("g", 6), why="popular in your group"),
        popular=picks(*names("p", 10), why="popular"),
    )
