"""`campaign.yaml`: what a campaign says about itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from content.templates import safe_url
from content.terms import Terms
from core.errors import ConfigError
from core.faults import first_fault

SPEC_FILE: Final = "campaign.yaml"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\r\n]*$")]
Address = Annotated[str, Field(pattern=r"^[^@\s<>,;\"]+@[^@\s<>,;\"]+$", max_length=254)]
# RFC 2606 and 6761: names that are nobody's, for examples and tests.
_RESERVED: Final = re.compile(
    r"(.*\.)?(test|example|invalid|localhost|example\.(com|net|org))", re.IGNORECASE
)
Value = str | int | float | bool | list[str]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sender(_Part):
    """Who the e-mail is from."""

    name: Line
    address: Address


class Shop(_Part):
    """The shop behind the campaign: the law asks for a name and a postal address."""

    name: Line
    url: Line = Field(description="Where the header and general links lead.")
    product_url: Line = Field(
        description="Page of a product whose catalogue row has no url; `{product_id}` is filled in."
    )
    postal_address: Line

    @field_validator("url", "product_url")
    @classmethod
    def _web_address(cls, address: str) -> str:
        if not safe_url(address):
            raise ValueError(f"{address!r} is not an http or https address")
        return address


class BlockRule(_Part):
    """One block a slot may show. The first whose `when` holds is taken."""

    block: Name
    when: str = Field("", max_length=500, description="A MiniJinja expression. Empty: always.")
    reason: str = Field("", max_length=200, description="Why somebody gets it, in words.")


class ProductRule(Terms):
    """Which products a slot shows."""

    list: Name = Field(
        description="buy_again, new_for_you, similar_to, goes_with: the customer's own; "
        "trending, new_arrivals, popular: everybody's."
    )
    n: int = Field(ge=1, le=12)
    title: Line
    fallback_title: Line = Field(description="When most products are not from the list.")
    fallback_text: Line = Field(description="When no product at all can be shown.")
    avoid: tuple[Name, ...] = Field(
        (), description="Lists of the customer whose products may not fill up this slot."
    )


class Slot(_Part):
    """A place in the e-mail."""

    name: Name
    blocks: tuple[BlockRule, ...] = Field(min_length=1)
    products: ProductRule | None = None

    @model_validator(mode="after")
    def _ends_with_a_default(self) -> Self:
        if self.blocks[-1].when:
            raise ValueError(
                f"slot {self.name!r}: the last block has a `when`; end with one that fits everybody"
            )
        if early := [rule.block for rule in self.blocks[:-1] if not rule.when]:
            raise ValueError(
                f"slot {self.name!r}: block {early[0]!r} has no `when`; those after it never show"
            )
        return self


class Static(_Part):
    """What ships with the campaign, for when nothing else can be had."""

    products: tuple[str, ...] = Field(
        (), max_length=48, description="Product ids. Empty: the best sellers when published."
    )
    reason: Line = "A shop favourite"


class CampaignSpec(_Part):
    """One campaign, as written in `conf/campaigns/NAME/campaign.yaml`."""

    name: Name
    subject: Line
    preheader: Line
    language: str = Field("en", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    sender: Sender = Field(alias="from")
    reply_to: Address | None = None
    shop: Shop
    why: Line = Field(description="Why the reader gets this e-mail; stands in the footer.")
    unsubscribe_text: Line = "Unsubscribe"
    defaults: dict[Name, Value] = Field(
        default_factory=dict,
        description="Every variable of rules and templates, with its value when it is not known.",
    )
    exclude: tuple[str, ...] = Field(
        (), description="Categories (first words of their path) that are never shown."
    )
    slots: tuple[Slot, ...] = Field(min_length=1, max_length=20)
    static: Static = Static()

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [slot.name for slot in self.slots]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"slot {sorted(twice)[0]!r} is there twice")
        return self

    def reserved_name(self) -> str:
        """Return the first name among its addresses that can be nobody's shop, else ''."""
        mailboxes = (self.sender.address, self.reply_to or "")
        names = [urlsplit(url).hostname or "" for url in (self.shop.url, self.shop.product_url)]
        names += [address.rpartition("@")[2] for address in mailboxes]
        return next((name for name in names if _RESERVED.fullmatch(name)), "")

    def slot(self, name: str) -> Slot | None:
        """Return the slot of that name."""
        return next((slot for slot in self.slots if slot.name == name), None)


def load_spec(folder: Path) -> CampaignSpec:
    """Read and check `folder/campaign.yaml`.

    Raises:
        ConfigError: The file is missing, is not YAML, or says something it may not.
    """
    path = folder / SPEC_FILE
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing. See docs/how-to/write-a-campaign.md for what belongs in it."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "is not UTF-8 text"
        raise ConfigError(f"{path}{line}: {problem}. Fix the YAML.") from None
    if not isinstance(raw, dict):
        what = "is empty" if raw is None else "holds no keys"
        raise ConfigError(
            f"{path} {what}. See docs/how-to/write-a-campaign.md for what belongs there."
        )
    try:
        spec = CampaignSpec.model_validate(raw)
    except ValidationError as error:
        where, what = first_fault(error, CampaignSpec)
        raise ConfigError(f"{path}: {where}: {what}.") from None
    if spec.name != folder.name:
        raise ConfigError(f"{path}: name {spec.name!r} differs from its folder {folder.name!r}.")
    return spec
