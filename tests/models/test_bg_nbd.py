from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from core.errors import DataError, MissingColumnsError, NotEnoughDataError
from models import bg_nbd
from models.artefact import load_model, save_model
from models.bg_nbd import BgNbd, BgNbdRule, Orders
from models.scoring_metrics import ece

CDNOW = Path(__file__).resolve().parents[3] / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"
PUBLISHED = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)  # of CDNOW, in weeks


def orders(*rows: tuple[float, float, float]) -> Orders:
    """Build customers from (repeats, last, age): tests read as a table."""
    return Orders(*np.array(rows, dtype=np.float64).T.reshape(3, -1))


def simulated(truth: BgNbd, n: int = 3_000, seed: int = 7) -> tuple[Orders, np.ndarray]:
    """Let customers live by the model for up to 300 days; also give their orders of 90 more."""
    random = np.random.default_rng(seed)
    rate = random.gamma(truth.r, 1 / truth.alpha, n)
    leaves = random.beta(truth.a, truth.b, n)
    age = random.uniform(100, 300, n)
    rows, later = [], []
    for each in range(n):
        now, repeats, last, after = 0.0, 0, 0.0, 0
        while True:
            now += random.exponential(1 / rate[each])
            if now > age[each] + 90:
                break
            if now <= age[each]:
                repeats, last = repeats + 1, now
            else:
                after += 1
            if random.random() < leaves[each]:
                break
        rows.append((repeats, last, age[each]))
        later.append(after)
    return orders(*rows), np.array(later)


def frame_of(given: Orders) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "orders_total": given.repeats + 1,
            "tenure_days": given.age,
            "recency_days": given.age - given.last,
        }
    )


@pytest.mark.skipif(not CDNOW.is_file(), reason="shared/data/cdnow is not there")
def test_finds_the_published_parameters_of_cdnow() -> None:
    lines = pd.read_csv(CDNOW, sep=r"\s+", header=None, usecols=[1, 2], names=["who", "day"])
    days = pd.to_datetime(lines["day"].astype(str), format="%Y%m%d")
    end = pd.Timestamp("1997-09-30")
    first_half = lines.assign(day=days)[days <= end].drop_duplicates()  # days count, not orders
    by = first_half.groupby("who")["day"].agg(["min", "max", "size"])
    given = Orders(
        (by["size"].to_numpy(np.float64) - 1),
        (by["max"] - by["min"]).dt.days.to_numpy(np.float64),
        (end - by["min"]).dt.days.to_numpy(np.float64),
    )

    got = BgNbd.fit(given)

    found = (got.r, got.alpha / 7, got.a, got.b)
    assert [round(each, 3) for each in found] == [0.243, 4.414, 0.793, 2.426]
    assert got.penalty == 0


def test_finds_the_parameters_that_customers_were_made_by() -> None:
    given, later = simulated(BgNbd(r=0.8, alpha=40.0, a=0.8, b=3.0))

    got = BgNbd.fit(given)

    assert got.r == pytest.approx(0.8, rel=0.15)
    assert got.alpha == pytest.approx(40, rel=0.2)
    assert got.a / (got.a + got.b) == pytest.approx(0.8 / 3.8, rel=0.2)
    assert got.expected_orders(given, 90).sum() == pytest.approx(later.sum(), rel=0.05)
    assert got.p_order(given, 90).mean() == pytest.approx((later > 0).mean(), abs=0.02)


def test_a_known_customer_gets_the_known_numbers() -> None:
    """Worked out with mpmath from equations 10 of the paper and the formula of p(alive)."""
    one = orders((2, 30.43, 38.86))  # the first customer of the published spreadsheet

    assert PUBLISHED.expected_orders(one, 39.0) == pytest.approx([1.2260], abs=5e-4)
    assert PUBLISHED.p_alive(one) == pytest.approx([0.7266], abs=5e-4)


@pytest.mark.parametrize(
    ("a", "b", "customer", "days"),
    [
        pytest.param(0.793, 2.4, (5, 100, 200), 365, id="as-published"),
        pytest.param(1.0, 4.0, (3, 50, 60), 90, id="where-the-closed-form-is-0/0"),
        pytest.param(2.0, 3.0, (0, 0, 3), 365, id="far-ahead-of-a-newcomer"),
        pytest.param(0.05, 0.5, (9, 50, 60), 90, id="most-of-them-faithful"),
    ],
)
def test_expectation_is_the_integral_over_how_faithful_one_is(
    a: float, b: float, customer: tuple[float, float, float], days: float
) -> None:
    model = BgNbd(0.3, 30.0, a, b)
    repeats, _, age = customer

    def at(logit: float) -> float:
        p = 1 / (1 + np.exp(-logit))
        ahead = days / (model.alpha + age)
        drawn = -np.expm1(-(model.r + repeats) * np.log1p(p * ahead)) / p
        return float(beta.pdf(p, a, b + repeats) * drawn * p * (1 - p))

    alive = model.p_alive(orders(customer))[0]
    expected = alive * quad(at, -300, 30, points=[-30, -3, 0], limit=500)[0]

    assert model.expected_orders(orders(customer), days) == pytest.approx([expected], rel=1e-6)


def test_expectation_holds_for_who_ordered_hundreds_of_times() -> None:
    """From mpmath at 40 digits; SciPy's hypergeometric function fails here."""
    model = BgNbd(r=0.3, alpha=30.0, a=40.0, b=500.0)
    alive = model.p_alive(orders((1_000, 365, 365)))

    got = model.expected_orders(orders((1_000, 365, 365)), 90.0) / alive

    assert got == pytest.approx([39.2799747041464], rel=1e-9)


@given(
    repeats=st.integers(0, 500),
    last=st.floats(0, 1),
    age=st.floats(0.1, 3_000),
    a=st.sampled_from([0.0, 0.05, 1.0, 40.0]),
)
def test_numbers_stay_within_what_is_possible(
    repeats: int, last: float, age: float, a: float
) -> None:
    model, one = BgNbd(0.5, 20.0, a, 2.0), orders((repeats, last * age if repeats else 0.0, age))

    alive, soon, later = model.p_alive(one), model.p_order(one, 30.0), model.p_order(one, 90.0)
    few, more = model.expected_orders(one, 30.0), model.expected_orders(one, 90.0)

    assert 0 <= soon <= later <= alive <= 1
    assert soon <= few * (1 + 1e-6) + 1e-9
    assert 0 <= few <= more * (1 + 1e-6)
    assert np.isfinite(more).all()


def test_silence_after_many_orders_says_more_than_after_few() -> None:
    alive = PUBLISHED.p_alive(orders((10, 20, 38), (2, 20, 38), (0, 0, 38)))

    assert alive[0] < alive[1] < alive[2] == 1.0


def test_where_nobody_drops_out_the_penalty_or_the_nbd_answers() -> None:
    random = np.random.default_rng(7)
    age = random.uniform(100, 200, 500)
    repeats = random.poisson(random.gamma(2.0, 2.0, 500)).astype(float)
    given = Orders(repeats, np.where(repeats > 0, age, 0.0), age)  # everybody ordered just now

    got = BgNbd.fit(given)

    assert got.penalty > 0 or got.a == 0
    assert (got.p_alive(given) > 0.9).all()
    assert np.isfinite(got.expected_orders(given, 90)).all()


def test_the_nbd_answers_where_no_penalty_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        bg_nbd, "_bg_nbd_loss", lambda numbers, orders: (np.nan, np.full(4, np.nan))
    )
    given, _ = simulated(BgNbd(r=0.8, alpha=40.0, a=0.8, b=3.0), n=500)

    got = BgNbd.fit(given)

    assert (got.a, got.b) == (0.0, 1.0)
    assert (got.p_alive(given) == 1).all()
    assert got.expected_orders(given, 30) == pytest.approx(
        (got.r + given.repeats) / (got.alpha + given.age) * 30
    )


@pytest.mark.parametrize(
    ("given_orders", "error", "message"),
    [
        pytest.param(orders(*[(1, 5, 9)] * 5), NotEnoughDataError, "5 customers", id="few"),
        pytest.param(orders(*[(0, 0, 9)] * 50), NotEnoughDataError, "0 of whom", id="no-repeats"),
        pytest.param(orders(*[(1, 5, np.inf)] * 50), DataError, "finite", id="infinite"),
        pytest.param(orders(*[(-1, 5, 9)] * 50), DataError, "negative", id="negative"),
        pytest.param(orders(*[(1, 9, 5)] * 50), DataError, "after the cut-off", id="from-ahead"),
    ],
)
def test_says_what_it_cannot_learn_from(
    given_orders: Orders, error: type[DataError], message: str
) -> None:
    with pytest.raises(error, match=message):
        BgNbd.fit(given_orders)


def test_very_many_customers_are_learnt_from_by_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    given, _ = simulated(BgNbd(r=0.8, alpha=40.0, a=0.8, b=3.0))
    monkeypatch.setattr(bg_nbd, "_MOST", 1_000)

    assert BgNbd.fit(given, seed=1) == BgNbd.fit(given, seed=1)
    assert BgNbd.fit(given, seed=1) != BgNbd.fit(given, seed=2)


def test_the_rule_reads_features_and_learns_from_the_last_cut_off_only() -> None:
    given, _ = simulated(BgNbd(r=0.8, alpha=40.0, a=0.8, b=3.0), n=500)
    last = frame_of(given).assign(cutoff_us=2)
    other = last.assign(cutoff_us=1, recency_days=0.0)

    got = BgNbdRule.fit(pd.concat([other, last]), days=90.0)

    assert got.model == BgNbd.fit(Orders.of(last))
    assert got.predict(last) == pytest.approx(got.model.p_order(given, 90.0))


def test_labels_bring_the_rule_to_their_share() -> None:
    given, later = simulated(BgNbd(r=0.8, alpha=40.0, a=0.8, b=3.0))
    rarely = (later > 0) & (np.random.default_rng(7).random(len(later)) < 0.3)  # off-season
    frame = frame_of(given)

    plain = BgNbdRule.fit(frame, days=90.0)
    brought = BgNbdRule.fit(frame, rarely, days=90.0)

    assert ece(rarely, plain.predict(frame)) > 0.1 > 0.03 > ece(rarely, brought.predict(frame))


@pytest.mark.parametrize("labelled", [True, False])
def test_the_rule_comes_back_from_disk(labelled: bool, tmp_path: Path) -> None:
    given, later = simulated(BgNbd(r=0.8, alpha=40.0, a=0.8, b=3.0), n=500)
    rule = BgNbdRule.fit(frame_of(given), later > 0 if labelled else None, days=30.0)
    save_model(rule, tmp_path / "model", meta={"name": "propensity"})

    back = load_model(tmp_path / "model")

    assert back == rule
    np.testing.assert_array_equal(back.predict(frame_of(given)), rule.predict(frame_of(given)))


def test_the_rule_names_the_missing_column() -> None:
    given, _ = simulated(BgNbd(r=0.8, alpha=40.0, a=0.8, b=3.0), n=100)

    with pytest.raises(MissingColumnsError, match="tenure_days"):
        BgNbdRule.fit(frame_of(given).drop(columns="tenure_days"))
