"""The mapping file: how the columns of foreign data become the fields of the contract.

A field's value is a DuckDB SQL expression over the columns of its section's input, so the
plain name of a column is the simplest case. docs/how-to/import-your-data.md explains the format.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import available_timezones

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from core.errors import ConfigError
from core.faults import first_fault
from ingest.money import CURRENCIES


def _as_text(value: object) -> object:
    """YAML reads `1` and `true` as such; as SQL they are the same words."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Sql = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
Json = Sql | dict[str, Sql]  # an expression that gives JSON, or one expression per key


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Rule(_Strict):
    """Rows for which `when` is true go to quarantine with `reason`."""

    when: Sql
    reason: str = Field(min_length=3)


class Section(_Strict):
    """What every section has: the input it reads, and rules for rows to leave out."""

    source_table: str = Field(alias="from", default="")
    quarantine: tuple[Rule, ...] = ()

    def expressions(self, columns: Collection[str]) -> dict[str, str]:
        """Return field -> SQL for the fields that the mapping gives, over a table of `columns`."""
        given = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name not in {"source_table", "quarantine", "item"}
        }
        return {name: _sql(value, columns) for name, value in given.items() if value is not None}


class ItemFields(_Strict):
    """The product a line names; amounts are for the whole line, except `price`."""

    product_id: Sql
    line_id: Sql | None = None
    quantity: Sql | None = None
    price: Sql | None = None
    discount: Sql | None = None
    revenue: Sql | None = None
    category: Sql | None = None
    brand: Sql | None = None

    def expressions(self, columns: Collection[str]) -> dict[str, str]:
        """Return `item.field` -> SQL for the fields that the mapping gives."""
        return {f"item.{name}": _sql(value, columns) for name, value in self if value is not None}


class EventSection(Section):
    """Rows with the same `event_id` are the lines of one event."""

    event_id: Sql
    time: Sql
    event: Sql = "'Order Completed'"
    customer_id: Sql | None = None
    anonymous_id: Sql | None = None
    session_id: Sql | None = None
    order_id: Sql | None = None
    campaign_id: Sql | None = None
    value: Sql | None = None
    discount: Sql | None = None
    currency: Sql | None = None
    device: Sql | None = None
    country: Sql | None = None
    region: Sql | None = None
    city: Sql | None = None
    url: Sql | None = None
    is_machine: Sql | None = None
    properties: Json | None = None
    item: ItemFields | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.customer_id is None and self.anonymous_id is None:
            raise ValueError("give customer_id, anonymous_id or both")
        return self

    def expressions(self, columns: Collection[str]) -> dict[str, str]:
        """Return field -> SQL, fields of the item as `item.field`."""
        item = self.item.expressions(columns) if self.item else {}
        return super().expressions(columns) | item


class ProductSection(Section):
    """One row per product."""

    product_id: Sql
    name: Sql
    description: Sql | None = None
    category: Sql | None = None
    brand: Sql | None = None
    price: Sql | None = None
    currency: Sql | None = None
    image_url: Sql | None = None
    url: Sql | None = None
    available: Sql | None = None
    created: Sql | None = None
    attributes: Json | None = None


class CustomerSection(Section):
    """One row per customer."""

    customer_id: Sql
    email: Sql | None = None
    traits: Json | None = None


class ConsentSection(Section):
    """One row per customer and purpose, or change of mind."""

    customer_id: Sql
    purpose: Sql
    granted: Sql
    time: Sql
    lawful_basis: Sql = "'consent'"
    source: Sql | None = None
    policy_version: Sql = "'import'"


class Mapping(_Strict):
    """A whole mapping file."""

    source: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    currency: str
    timezone: str = "UTC"
    time_format: str | None = None
    notice: str = ""
    views: dict[str, Sql] = Field(default_factory=dict)
    events: tuple[EventSection, ...] = ()
    products: ProductSection | None = None
    customers: CustomerSection | None = None
    consents: ConsentSection | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"no time zone {name!r}; write for example Europe/London")
        return name

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, code: str) -> str:
        if code not in CURRENCIES:
            raise ValueError(f"{code!r} is not a currency of ISO 4217; write EUR, GBP or USD")
        return code

    @field_validator("events", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, dict) else value

    def sections(self) -> dict[str, Section]:
        """Return the sections by the name errors use, `from` filled in with its default."""
        named: dict[str, Section] = {}
        for number, events in enumerate(self.events, 1):
            named["events" if len(self.events) == 1 else f"events {number}"] = events
        for name in ("products", "customers", "consents"):
            if (section := getattr(self, name)) is not None:
                named[name] = section
        return {
            name: section.model_copy(
                update={"source_table": section.source_table or name.split()[0]}
            )
            for name, section in named.items()
        }


def _sql(value: Sql | dict[str, Sql], columns: Collection[str]) -> str:
    """Return a field's SQL: an expression, the quoted name of a column, or a JSON object.

    A column may be called `order` or `Invoice Date`: a value that is exactly the name of a
    column means that column. Keys of an object whose value is null are left out.
    """
    if isinstance(value, dict):
        pairs = ", ".join(f"{literal(key)}, {_sql(sql, columns)}" for key, sql in value.items())
        return f"json_merge_patch('{{}}', json_object({pairs}))"
    if value.strip().casefold() in {name.casefold() for name in columns}:
        return quoted(value.strip())
    return value


def quoted(name: str) -> str:
    """Return `name` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return `text` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises:
        ConfigError: The file is missing, is not YAML, or does not follow the format.
    """
    try:
        text: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"mapping {path.absolute()} cannot be read: {error.strerror}. Check the path, or write "
            "the file (docs/how-to/import-your-data.md)."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise ConfigError(f"mapping {path} is not valid YAML: {problem}") from None
    if not isinstance(text, dict):
        raise ConfigError(
            f"mapping {path} must hold keys such as source, currency and events "
            "(docs/how-to/import-your-data.md)."
        )
    try:
        mapping = Mapping.model_validate(text)
    except ValidationError as error:
        where, what = first_fault(error, Mapping)
        raise ConfigError(
            f"mapping {path}, {where}: {what} (docs/how-to/import-your-data.md)."
        ) from None
    if not mapping.sections():
        raise ConfigError(f"mapping {path} has no section. Add events, products or customers.")
    return mapping
