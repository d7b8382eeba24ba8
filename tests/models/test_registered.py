from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import ConfigError
from models import registered

ROOT = Path(__file__).resolve().parents[2]


def constants(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_names_are_those_the_documentation_and_every_workspace_know() -> None:
    assert (
        *("propensity-order-30d", "propensity-order-90d"),
        *("engagement-opened-7d", "engagement-clicked-7d", "engagement-redeemed-30d"),
        *("churn", "value", "clusters", "recommender", "send-time"),
    ) == registered.MODELS
    assert registered.P_ORDER == "p_order_30d"


@pytest.mark.parametrize("name", [registered.PROPENSITY, registered.P_ORDER])
def test_no_code_spells_out_what_the_horizon_is_part_of(name: str) -> None:
    code = [path for room in ("src", "pipelines") for path in (ROOT / room).rglob("*.py")]

    assert not [path for path in code if name in constants(path)]


def test_a_target_names_its_model_and_its_output() -> None:
    boots = registered.Target("Product Added", 14, "SHOES/BOOTS")

    assert boots.name == "propensity-product-added-shoes-boots-14d"
    assert boots.output == "p_product_added_shoes_boots_14d"
    assert registered.output_of(registered.PROPENSITY) == registered.P_ORDER
    assert registered.is_probability(boots.name)
    assert not registered.is_probability(registered.CLUSTERS)


def test_letters_that_a_name_cannot_hold_still_make_another_name() -> None:
    names = [registered.Target(category=each).name for each in ("", "обувь", "книги", "Bücher")]

    assert len(set(names)) == len(names)
    assert names[0] == registered.PROPENSITY
    assert all(re.fullmatch(r"propensity-[a-z0-9]+(-[a-z0-9]+)*-30d", name) for name in names)


@pytest.mark.parametrize(
    ("name", "trained_by"),
    [
        ("propensity-order-30d", "propensity"),
        ("propensity-order-90d", "propensity --days 90"),
        ("propensity-product-added-14d", "propensity --event ... --days ..."),
        ("engagement-opened-7d", "engagement --answer opened"),
        ("engagement-opened-9d", "engagement --answer ... --days ..."),
        ("churn", "churn"),
    ],
)
def test_a_name_says_what_trains_it(name: str, trained_by: str) -> None:
    assert registered.trained_by(name) == trained_by


@pytest.mark.parametrize("days", [0, -1, 366])
def test_a_horizon_that_nothing_could_teach_is_refused(days: int) -> None:
    with pytest.raises(ConfigError, match="from 1 to 365"):
        registered.Target(days=days)
