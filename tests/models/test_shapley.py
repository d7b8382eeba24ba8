from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from core.errors import MissingColumnsError
from models.calibration import Floats
from models.shapley import median_of, shapley_values


class Product:
    """Neither of the first two says anything alone."""

    features = ("x", "y", "z")

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return a probability per row."""
        return np.asarray(expit(self.score(frame)))

    def score(self, frame: pd.DataFrame) -> Floats:
        """Return its log odds."""
        return (frame["x"] * frame["y"] + 3 * frame["z"]).to_numpy()


def row(x: float, y: float, z: float) -> pd.DataFrame:
    return pd.DataFrame({"x": [x], "y": [y], "z": [z]})


def test_a_joint_effect_is_shared_equally() -> None:
    found = shapley_values(Product(), row(2, 3, 1), (0, 0, 0))

    assert found.tolist() == [pytest.approx([3.0, 3.0, 3.0], abs=1e-6)]


@given(st.lists(st.floats(-1.5, 1.5), min_size=6, max_size=6))
def test_shares_add_up_to_the_whole_way(numbers: list[float]) -> None:
    there, middle = row(*numbers[:3]), row(*numbers[3:])

    found = shapley_values(Product(), there, numbers[3:])

    way = Product().score(there) - Product().score(middle)
    assert found.sum(axis=1) == pytest.approx(way, abs=1e-5)


def test_who_is_as_the_middle_is_moved_by_nothing() -> None:
    assert not shapley_values(Product(), row(1, 2, 1), (1, 2, 1)).any()


def test_the_median_customer_is_so_feature_by_feature() -> None:
    frame = pd.DataFrame({"x": [1, 2, 9], "y": [5, 4, 0]})

    assert median_of(frame, ("y", "x")) == (4, 2)
    with pytest.raises(MissingColumnsError, match="z"):
        median_of(frame, ("z",))
