"""What churn says of a customer: the columns, and the label they are learnt from."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import ahead
from models.calibration import Floats
from models.next_order import Wait
from models.rhythm import Rhythm

P_CHURN: Final = "p_churn"
P_ALIVE: Final = "p_alive"
WINDOW: Final = "churn_window_days"
NEXT_ORDER: Final = "expected_next_order_days"  # from the cut-off
NEXT_P10: Final = "expected_next_order_days_p10"
NEXT_P90: Final = "expected_next_order_days_p90"
LIKELIER_GONE: Final = 0.5  # above, a next order is not expected and has no date


def churned(frame: pd.DataFrame, rhythm: Rhythm) -> NDArray[np.int8]:
    """Say of each row of `features.ahead` whether no order came within the customer's window."""
    came = frame[ahead.DAYS].to_numpy(dtype=np.float64) < rhythm.window(frame)  # NaN: none came
    return np.asarray(~came, dtype=np.int8)


def outputs(
    frame: pd.DataFrame, *, p_churn: Floats, p_alive: Floats, window: Floats, wait: Wait
) -> pd.DataFrame:
    """Return all outputs, one column each; who is likelier gone than not has no next order."""
    gone = p_churn > LIKELIER_GONE
    days = (np.where(gone, np.nan, each) for each in wait)
    columns = (p_churn, p_alive, window, *days)
    known = (P_CHURN, P_ALIVE, WINDOW, NEXT_ORDER, NEXT_P10, NEXT_P90)
    return pd.DataFrame(dict(zip(known, columns, strict=True)), index=frame.index)
