from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import registered

ROOT = Path(__file__).resolve().parents[2]


def constants(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_names_are_those_the_documentation_and_every_workspace_know() -> None:
    assert registered.MODELS == ("propensity-order-30d", "clusters", "recommender", "send-time")
    assert registered.P_ORDER == "p_order_30d"


@pytest.mark.parametrize("name", [registered.PROPENSITY, registered.P_ORDER])
def test_no_code_spells_out_what_the_horizon_is_part_of(name: str) -> None:
    code = [path for room in ("src", "pipelines") for path in (ROOT / room).rglob("*.py")]

    assert not [path for path in code if name in constants(path)]
