from __future__ import annotations

import io

import pytest
from matplotlib.figure import Figure

from models.send_time import SendTime, Shrinkage
from models.send_time_fit import fit_send_time
from models.send_time_measures import Readers
from models.send_time_plots import best_hours, later_hits
from tests.models.readers import larks_and_owls


@pytest.fixture(scope="module")
def known() -> tuple[SendTime, Readers]:
    past, later = larks_and_owls(60)
    return fit_send_time(past, Shrinkage()), Readers.of(past, later)


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def test_each_customer_is_in_one_of_the_bars(known: tuple[SendTime, Readers]) -> None:
    figure = best_hours(*known)

    (axes,) = figure.axes
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(1.0)
    assert png(figure) == png(best_hours(*known))


def test_both_hours_are_drawn_by_what_was_known(known: tuple[SendTime, Readers]) -> None:
    figure = later_hits(*known)

    own, shop = figure.axes[0].lines
    assert own.get_xdata().tolist() == shop.get_xdata().tolist() == [3]
    assert own.get_ydata()[0] > shop.get_ydata()[0]
    assert png(figure)
