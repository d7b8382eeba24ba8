"""The event contract: tables, columns and event names every source is brought to.

Names follow the Segment specification (https://segment.com/docs/connections/spec/) and its
e-commerce v2 events, so that existing trackers are clients. Times are integer microseconds
since 1970 UTC, money is integer minor units of its currency.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

PRODUCT_VIEWED: Final = "Product Viewed"
PRODUCT_LIST_VIEWED: Final = "Product List Viewed"
PRODUCT_ADDED: Final = "Product Added"
PRODUCT_REMOVED: Final = "Product Removed"
PRODUCT_WISHED: Final = "Product Added to Wishlist"
CHECKOUT_STARTED: Final = "Checkout Started"
ORDER_COMPLETED: Final = "Order Completed"
ORDER_REFUNDED: Final = "Order Refunded"
EMAIL_DELIVERED: Final = "Email Delivered"
EMAIL_OPENED: Final = "Email Opened"
EMAIL_CLICKED: Final = "Email Link Clicked"
EMAIL_BOUNCED: Final = "Email Bounced"
EMAIL_SPAM: Final = "Email Marked as Spam"
UNSUBSCRIBED: Final = "Unsubscribed"
SUPPORT_OPENED: Final = "Support Ticket Opened"
SESSION_STARTED: Final = "Session Started"
CAMPAIGN_SENT: Final = "Campaign Sent"  # ours: a mailing without e-mail events
COUPON_APPLIED: Final = "Coupon Applied"

# Every name of the contract. Other names are allowed in a log and count for nothing.
EVENT_NAMES: Final = (
    PRODUCT_VIEWED,
    PRODUCT_LIST_VIEWED,
    PRODUCT_ADDED,
    PRODUCT_REMOVED,
    PRODUCT_WISHED,
    CHECKOUT_STARTED,
    ORDER_COMPLETED,
    ORDER_REFUNDED,
    EMAIL_DELIVERED,
    EMAIL_OPENED,
    EMAIL_CLICKED,
    EMAIL_BOUNCED,
    EMAIL_SPAM,
    UNSUBSCRIBED,
    SUPPORT_OPENED,
    SESSION_STARTED,
    CAMPAIGN_SENT,
    COUPON_APPLIED,
)

EVENTS: Final = pa.schema(
    [
        ("event_id", pa.string()),
        ("customer_id", pa.string()),
        ("anonymous_id", pa.string()),
        ("event", pa.string()),
        ("ts_us", pa.int64()),
        ("received_us", pa.int64()),
        ("source", pa.string()),
        ("session_id", pa.string()),
        ("order_id", pa.string()),
        ("value_minor", pa.int64()),
        ("discount_minor", pa.int64()),
        ("currency", pa.string()),
        ("campaign_id", pa.string()),
        ("decision_id", pa.string()),
        ("device", pa.string()),
        ("country", pa.string()),
        ("region", pa.string()),
        ("city", pa.string()),
        ("url", pa.string()),
        ("is_machine", pa.bool_()),
        ("properties", pa.string()),  # JSON
    ]
)

# Texts that say something of a whole event, whichever of its lines brings them.
EVENT_TEXTS: Final = (
    "session_id",
    "order_id",
    "campaign_id",
    "device",
    "country",
    "region",
    "city",
    "url",
)

ITEMS: Final = pa.schema(
    [
        ("event_id", pa.string()),
        ("position", pa.int64()),
        ("customer_id", pa.string()),
        ("event", pa.string()),
        ("ts_us", pa.int64()),
        ("product_id", pa.string()),
        ("category", pa.string()),  # path, `/`-separated
        ("brand", pa.string()),
        ("quantity", pa.int64()),
        ("price_minor", pa.int64()),
        ("discount_minor", pa.int64()),
        ("revenue_minor", pa.int64()),
        ("currency", pa.string()),
    ]
)

CATALOGUE: Final = pa.schema(
    [
        ("product_id", pa.string()),
        ("name", pa.string()),
        ("description", pa.string()),
        ("category", pa.string()),  # path, `/`-separated
        ("brand", pa.string()),
        ("price_minor", pa.int64()),
        ("currency", pa.string()),
        ("image_url", pa.string()),
        ("url", pa.string()),
        ("available", pa.bool_()),
        ("created_us", pa.int64()),
        ("attributes", pa.string()),  # JSON
    ]
)

CUSTOMERS: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("email", pa.string()),
        ("traits", pa.string()),  # JSON
    ]
)

CONSENTS: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("purpose", pa.string()),
        ("granted", pa.bool_()),
        ("lawful_basis", pa.string()),
        ("source", pa.string()),
        ("policy_version", pa.string()),
        ("ts_us", pa.int64()),
    ]
)

TABLES: Final = {
    "events": EVENTS,
    "items": ITEMS,
    "catalogue": CATALOGUE,
    "customers": CUSTOMERS,
    "consents": CONSENTS,
}
