"""Names of the columns that cross room borders.

A column used inside one module is a plain string there; a column that two rooms
agree on is named once, here.
"""

from typing import Final

CUSTOMER_ID: Final = "customer_id"
CUTOFF_US: Final = "cutoff_us"  # the instant a feature row describes: integer microseconds, UTC
LABEL: Final = "label"  # what a model learns to say about the time after the cut-off
