"""What the service is asked and what it answers: the models behind /docs.json and the tests.

Requests are checked by these models on both surfaces, POST and GET. Answers are built as
plain dictionaries, because that is many times cheaper; the models here say what they hold.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from content.terms import MAX_PRODUCTS, Name, Terms

MAX_RECIPIENTS = 1_000
MAX_CONTEXT = 20  # names a recipient
MAX_SESSION = 50  # products a recipient looked at, has in the basket, or bought just now

CustomerId = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Products = Annotated[list[Name], Field(max_length=MAX_SESSION)]
ContextName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,59}$")]
ContextValue = Annotated[str, StringConstraints(max_length=1_000)] | int | float | bool | None
Slot = Literal[
    "new_for_you", "buy_again", "similar_to", "goes_with", "trending", "new_arrivals", "popular"
]
Rung = Literal["fresh", "snapshot", "segment", "popular", "static"]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Recipient(_Request):
    """One customer who is asked about, and what the sender knows of the moment."""

    customer_id: CustomerId = Field(examples=["hh-1"])
    context: Annotated[dict[ContextName, ContextValue], Field(max_length=MAX_CONTEXT)] = Field(
        default_factory=dict,
        description="What templates and rules of a campaign read as `context.NAME` when it is "
        "rendered; predictions and lists of products do not read it. Long texts are cut to 200 "
        "characters; null is empty.",
        examples=[{"store": "Leeds"}],
    )
    viewed: Products = Field(
        default_factory=list, description="Product ids looked at just now, the latest last."
    )
    cart: Products = Field(default_factory=list, description="Product ids in the basket.")
    bought: Products = Field(
        default_factory=list, description="Product ids bought since the snapshot was made."
    )


class _Batch(_Request):
    recipients: list[Recipient] = Field(min_length=1, max_length=MAX_RECIPIENTS)


class PredictRequest(_Batch):
    """Ask for predictions."""

    outputs: list[Name] | None = Field(
        None, max_length=100, description="Names of the outputs wanted. Default: all there are."
    )


class RecommendRequest(_Batch, Terms):
    """Ask for products."""

    slot: Slot = Field("new_for_you", description="Which list to take them from.")
    n: int = Field(10, ge=1, le=MAX_PRODUCTS, description="How many products at most.")
    exclude: list[Name] = Field(
        default_factory=list, max_length=1_000, description="Product ids not to recommend."
    )
    products: Products = Field(
        default_factory=list,
        description="Product ids that `similar_to` and `goes_with` are about, the latest last. "
        "Default: what each recipient viewed, has in the cart, or bought last.",
    )


class RenderRequest(_Batch):
    """Ask for finished content."""

    campaign: Name = Field(examples=["weekly_picks"])
    send_id: Name | None = Field(None, description="Names the send. Default: the day.")
    format: Literal["html", "json"] = Field(
        "json", description="`html` answers the bare HTML part, for one recipient."
    )


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    customer_id: str
    rung: Rung = Field(description="Which step of the fallback ladder answered.")
    model_versions: dict[str, str]
    as_of: AwareDatetime = Field(description="The instant that the data behind it describe.")


class Prediction(_Answer):
    """What is expected of one customer."""

    feature_cutoff: AwareDatetime = Field(description="Features are of what was before it.")
    outputs: dict[str, float | int | str | bool | list[str] | None]
    reasons: dict[str, str]
    why_null: dict[str, str]


class Product(BaseModel):
    """One recommended product."""

    model_config = ConfigDict(extra="forbid")

    product_id: str
    name: str
    price_minor: int | None
    currency: str | None
    url: str | None
    image_url: str | None
    score: float
    source: str
    reason: str


class Recommendation(_Answer):
    """Products for one customer, best first."""

    slot: Slot
    products: list[Product]
    decision_id: str


class RenderedBlock(BaseModel):
    """Which block stands in a slot of the content, and why."""

    model_config = ConfigDict(extra="forbid")

    slot: str
    block: str
    reason: str
    rung: Rung


class Rendering(BaseModel):
    """Finished content for one customer, or why nothing may be sent."""

    model_config = ConfigDict(extra="forbid")

    customer_id: str
    send: bool
    why_not: str | None
    subject: str | None
    preheader: str | None
    html: str | None
    text: str | None
    headers: dict[str, str]
    blocks: list[RenderedBlock]
    rung: Rung | None
    decision_id: str | None
    model_versions: dict[str, str]
    as_of: AwareDatetime


class PredictResults(BaseModel):
    """Predictions, in the order asked."""

    results: list[Prediction]


class RecommendResults(BaseModel):
    """Recommendations, in the order asked."""

    results: list[Recommendation]


class RenderResults(BaseModel):
    """Contents, in the order asked."""

    results: list[Rendering]
