from __future__ import annotations

import pytest
from pydantic import ValidationError

from content.terms import ProductFilter, Terms


@pytest.mark.parametrize(
    ("given", "heads"),
    [
        (None, ()),
        ([], ()),
        ("Tea", ("tea/",)),
        (["Tea/Green/", "MUGS"], ("tea/green/", "mugs/")),
    ],
)
def test_a_category_is_one_path_or_several(given: object, heads: tuple[str, ...]) -> None:
    assert ProductFilter.model_validate({"category": given}).heads == heads


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"filter": {"min_price_minor": 2, "max_price_minor": 1}}, "above"),
        ({"filter": {"category": [""]}}, "category"),
        ({"filter": {"not_bought_days": 0}}, "not_bought_days"),
        ({"max_per_category": 0}, "max_per_category"),
        ({"diversity": 1.1}, "diversity"),
        ({"diversity": float("nan")}, "diversity"),
        ({"promote": [{"product_id": "a", "place": 0}]}, "place"),
        ({"promote": [{"product_id": "a", "reason": ""}]}, "reason"),
        ({"divers": 1}, "divers"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, object], where: str) -> None:
    with pytest.raises(ValidationError, match=where):
        Terms.model_validate(given)


def test_terms_come_back_from_json_as_they_were() -> None:
    terms = Terms.model_validate(
        {"filter": {"category": "tea"}, "diversity": 0.5, "promote": [{"product_id": "a"}]}
    )
    assert terms.filter.heads

    assert Terms.model_validate(terms.model_dump(mode="json")) == terms
