"""Names of the columns that cross room borders.

A column used inside one module is a plain string there; a column that two rooms
agree on is named once, here.
"""

from typing import Final

CUSTOMER_ID: Final = "customer_id"
ANONYMOUS_ID: Final = "anonymous_id"
PRODUCT_ID: Final = "product_id"
EVENT_ID: Final = "event_id"
EVENT: Final = "event"
CATEGORY: Final = "category"
BRAND: Final = "brand"
QUANTITY: Final = "quantity"
REVENUE_MINOR: Final = "revenue_minor"  # integer minor units (cents), never float
TS_US: Final = "ts_us"  # stores and engines: integer microseconds, UTC
CUTOFF_US: Final = "cutoff_us"  # the instant a feature row describes, same unit
LABEL: Final = "label"  # what a model learns to say about the time after the cut-off
