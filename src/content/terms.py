"""What may be asked of a list of products: in a request, and in a campaign."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MAX_PRODUCTS: Final = 100  # of one list
MAX_DAYS: Final = 3_650

Name = Annotated[str, Field(min_length=1, max_length=128)]


def _listed(given: Any) -> Any:  # noqa: ANN401  # whatever was sent; what it is, is checked next
    """Take one path for a list of one."""
    return [given] if isinstance(given, str) else [] if given is None else given


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProductFilter(_Part):
    """Which products may be in a list. In stock they have to be anyway."""

    category: Annotated[tuple[Name, ...], BeforeValidator(_listed)] = Field(
        (),
        max_length=50,
        description="A category path, or several; what lies below them counts too. None: all.",
        examples=["GROCERY", ["GROCERY/MILK", "DELI"]],
    )
    min_price_minor: int | None = Field(None, ge=0, description="Lowest price, minor units.")
    max_price_minor: int | None = Field(None, ge=0, description="Highest price, minor units.")
    has_image: bool = Field(default=False, description="Only products with a picture of their own.")
    not_bought_days: int | None = Field(
        None, ge=1, le=MAX_DAYS, description="Not what the customer bought within so many days."
    )

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        low, high = self.min_price_minor, self.max_price_minor
        if low is not None and high is not None and low > high:
            raise ValueError("min_price_minor is above max_price_minor")
        return self

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """What the path of a category has to start with, if anything; in small letters."""
        return tuple(f"{path.rstrip('/')}/".casefold() for path in self.category)


class Promotion(_Part):
    """A product that is put at a place, if it may be in the list at all."""

    product_id: Name
    place: int = Field(1, ge=1, le=MAX_PRODUCTS, description="Counted from 1.")
    reason: str = Field(
        "A tip from our shop", min_length=1, max_length=200, description="What readers are told."
    )


class Terms(_Part):
    """What a list keeps to. What a product is left out for, the next one fills."""

    filter: ProductFilter = Field(default_factory=ProductFilter)
    max_per_category: int | None = Field(
        None, ge=1, le=MAX_PRODUCTS, description="At most so many of one category (whole path)."
    )
    diversity: float = Field(
        0.0,
        ge=0,
        le=1,
        description="0: in the order of the list; up to 1: the less alike by category the better.",
    )
    promote: tuple[Promotion, ...] = Field(
        (), max_length=20, description="Products put at places of their own."
    )
