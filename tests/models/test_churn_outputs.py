from __future__ import annotations

import numpy as np
import pandas as pd

from models.churn_outputs import NEXT_ORDER, NEXT_P10, NEXT_P90, P_CHURN, churned, outputs
from models.next_order import Wait
from models.rhythm import Rhythm


def test_gone_is_who_did_not_order_within_their_own_window() -> None:
    frame = pd.DataFrame(
        {
            "orders_total": [101.0, 101.0, 101.0, 101.0],
            "gap_mean_days": [20.0, 20.0, 4.0, 4.0],
            "recency_days": [1.0] * 4,
            "next_order_days": [50.0, np.nan, 29.0, 50.0],  # windows: 60, 60, 30, 30 days
        }
    )

    assert churned(frame, Rhythm(20.0)).tolist() == [0, 1, 0, 1]


def test_who_is_likelier_gone_than_not_has_no_next_order() -> None:
    frame = pd.DataFrame(index=[3, 4, 5])
    days = np.array([7.0, 8.0, 9.0])

    got = outputs(
        frame,
        p_churn=np.array([0.2, 0.5, 0.51]),
        p_alive=np.ones(3),
        window=np.full(3, 30.0),
        wait=Wait(days, days - 1, days + 1),
    )

    assert got.index.tolist() == [3, 4, 5]
    assert got[P_CHURN].tolist() == [0.2, 0.5, 0.51]
    for column in (NEXT_ORDER, NEXT_P10, NEXT_P90):
        assert got[column].notna().tolist() == [True, True, False]
