"""Train the recommender: ALS for new products, against what is popular.

Three windows of time, each learnt from nothing but what was before it: ALS is tuned on the 30
days before the test window, all contenders are compared on the 30 days before `as_of`, and the
winner's recipe is fitted once more on everything before `as_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

import duckdb
import numpy as np
from matplotlib.figure import Figure
from scipy import sparse

from core.clock import DAY
from core.errors import NotEnoughDataError
from core.settings import Settings
from features.dataset import first_order
from ingest.lake import connect
from models.als import Als, AlsParams, shared_products, tune
from models.assortment import Assortment, Strings, read_assortment
from models.bundles import LoadedModel
from models.evaluation import SCOPES, Quality, evaluate, interval, require_targets
from models.frequency import Frequency
from models.gate import decide, mean, paired_bootstrap
from models.interactions import History, Purchases, read_targets, require_purchases
from models.popularity import Popularity
from models.ranking import Filled, Ranker, Scope
from models.ranking_plots import quality_bars, tuning_curve
from models.recommender import HALF_LIFE, Recommender
from models.registered import RECOMMENDER
from pipelines.outcome import Outcome, progress_bar
from pipelines.training import SEED, Contender, Contest, LearntFrom, finish, learners

WINDOW: Final = 30 * DAY
K: Final = 20
HEADLINE: Final = f"ndcg{K}_new"
PURPOSE: Final = (
    "Chooses products for e-mails: `new_for_you` (never bought by that customer; by ALS, or by "
    "popularity when ALS does not beat it) and `buy_again` (by the customer's own decayed "
    f"frequency). The gate looks at NDCG@{K} of new products: that is what ALS is used for."
)
SLICE: Final = (
    f"customers who bought something new to them in the {WINDOW.days} days before as-of; "
    "all products ranked, those bought before masked"
)
LIMITS: Final = (
    "Judged on what people bought by themselves; what an e-mail causes needs an experiment.",
    "Availability is that of the catalogue now, for past windows too, alike for all contenders.",
    "The recipe was judged on the test window; the registered factors have seen that window too.",
    "Products that nobody bought yet cannot be recommended.",
)

Results = Mapping[Scope, Quality]
_GAIN: Final = partial(paired_bootstrap, metric=mean, seed=SEED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was known before an instant, and what was bought in the time after it."""

    before: datetime
    assortment: Assortment
    customers: Strings
    purchases: Purchases
    digest: str
    targets: sparse.csr_matrix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The parameters found, with the score of every trial and of the rule to beat."""

    params: AlsParams
    scores: list[float]
    baseline: float


def run(settings: Settings, *, as_of: datetime, trials: int, register: bool) -> Outcome:
    """Train, compare and register `recommender`.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Too little history before the two windows, or nobody to learn from.
    """
    connection = connect(settings.home)
    try:
        _require_history(first_order(connection), as_of)
        allowed = learners(settings, connection, as_of=as_of)
        consenting = np.array(allowed.ids, dtype=np.str_)
        with allowed.named():
            now = _window(connection, consenting, as_of)
        data = LearntFrom(
            name=RECOMMENDER,
            as_of=as_of,
            digest=now.digest,
            cutoffs=[as_of - 2 * WINDOW, as_of - WINDOW, as_of],
            rows=int(now.purchases.times.nnz),
            left_out=allowed.left_out,
        )

        def fit(champion: LoadedModel | None) -> Contest:
            with allowed.named():
                earlier, test = _earlier(connection, consenting, as_of)
            return _contest(settings, _tune(earlier, trials), test, now, champion)

        params = {"trials": trials, "seed": SEED, "half_life_days": HALF_LIFE / DAY}
        return finish(settings, data=data, params=params, fit=fit, register=register)
    finally:
        connection.close()


def _require_history(begins: datetime | None, as_of: datetime) -> None:
    """Check that there are orders before the two windows, to make lists from."""
    if begins is None or as_of <= begins:
        known = "there are no orders" if begins is None else f"orders begin {begins:%Y-%m-%d}"
        raise NotEnoughDataError(
            f"nothing is known before {as_of:%Y-%m-%d}: {known}. "
            "Give a later --as-of, or import more."
        )
    if as_of - begins <= 2 * WINDOW:
        raise NotEnoughDataError(
            f"{(as_of - begins) // DAY} days of orders before {as_of:%Y-%m-%d} are too few to tune "
            f"on {WINDOW.days} days and to test on the next {WINDOW.days}: more than "
            f"{2 * WINDOW.days} are needed. Give an --as-of of "
            f"{begins + 2 * WINDOW + DAY:%Y-%m-%d} or later."
        )


def _earlier(
    connection: duckdb.DuckDBPyConnection, consenting: Strings, as_of: datetime
) -> tuple[Window, Window]:
    """Return the windows to tune and to test on, checked: an error in a trial is a traceback."""
    earlier = _window(connection, consenting, as_of - 2 * WINDOW, until=WINDOW)
    test = _window(connection, consenting, as_of - WINDOW, until=WINDOW)
    for window, scopes in ((earlier, ("new",)), (test, SCOPES)):
        shared_products(window.purchases)
        require_targets(window.targets, window.purchases, scopes)
    return earlier, test


def _window(
    connection: duckdb.DuckDBPyConnection,
    consenting: Strings,
    start: datetime,
    *,
    until: timedelta | None = None,
) -> Window:
    assortment = read_assortment(connection, before=start)
    history = History(connection, assortment, before=start, half_life=HALF_LIFE)
    customers = np.intersect1d(history.customers(), consenting)
    purchases = history.of(customers)
    require_purchases(purchases, before=start)
    targets = None
    if until is not None:
        targets = read_targets(connection, assortment, customers, start=start, end=start + until)
    return Window(
        before=start,
        assortment=assortment,
        customers=customers,
        purchases=purchases,
        digest=history.digest(customers),
        targets=targets,
    )


def _tune(window: Window, trials: int) -> Tuned:
    scores: list[float] = []
    with progress_bar("tuning", total=trials) as advance:

        def score(params: AlsParams) -> float:
            als = Als.fit(window.purchases, window.assortment, params, seed=SEED)
            scores.append(float(_measure(als, window, "new").ndcg.mean()))
            advance()
            return scores[-1]

        params = tune(score, trials=trials, seed=SEED)
    baseline = _measure(Popularity(window.assortment), window, "new")
    return Tuned(params=params, scores=scores, baseline=float(baseline.ndcg.mean()))


def _contest(
    settings: Settings, tuned: Tuned, test: Window, now: Window, champion: LoadedModel | None
) -> Contest:
    results = {
        name: {scope: _measure(ranker, test, scope) for scope in SCOPES}
        for name, ranker in _rankers(tuned.params, test, champion).items()
    }
    als = Als.fit(now.purchases, now.assortment, tuned.params, seed=SEED)
    own, simple = Recommender(now.assortment, als), Recommender(now.assortment, None)
    everyone = [
        Contender(name=name, model=own if name == "als" else simple, metrics=_metrics(result))
        for name, result in results.items()
    ]
    new = [results[each.name]["new"].ndcg for each in everyone]
    return Contest(
        candidate=everyone[0],
        baselines=everyone[1:4],
        champion=everyone[4] if champion else None,
        headline=HEADLINE,
        verdict=decide(
            candidate=new[0],
            baseline=new[1],
            rule=everyone[1].name,
            champion=new[4] if champion else None,
            metric=mean,
            margin=settings.gate_margin,
            seed=SEED,
            renews=_renews(champion, tuned.params, now),
        ),
        slice=f"{len(new[0]):,} {SLICE}",
        purpose=PURPOSE,
        limits=LIMITS,
        figures=_figures(results, tuned),
        params=asdict(tuned.params),
        tuned=tuned.params != AlsParams() if tuned.scores else None,
        notes=_remarks(results),
        gain_over=lambda name: _GAIN(new[0], results[name]["new"].ndcg),
    )


def _rankers(params: AlsParams, test: Window, champion: LoadedModel | None) -> dict[str, Ranker]:
    """Fit everybody on what was before the test window: candidate, baselines, champion."""
    popularity, frequency = Popularity(test.assortment), Frequency(test.assortment)
    rankers: dict[str, Ranker] = {
        "als": Als.fit(test.purchases, test.assortment, params, seed=SEED),
        "popularity": popularity,  # first of the baselines: the gate compares with it
        "frequency": frequency,
        "frequency-popularity": Filled(frequency, popularity),
    }
    if champion:
        rankers[f"champion v{champion.version}"] = _recipe(champion, test)
    return rankers


def _recipe(champion: LoadedModel, test: Window) -> Ranker:
    """Fit the champion's recipe on what was before the test window.

    The champion itself may have learnt from that window: it would win by having seen it.
    """
    model = champion.model
    if isinstance(model, Recommender) and model.als:
        return Als.fit(test.purchases, test.assortment, model.als.params, seed=SEED)
    return Popularity(test.assortment)


def _renews(
    champion: LoadedModel | None, params: AlsParams, now: Window
) -> Literal["candidate", "baseline"] | None:
    """Say whose recipe an older champion has: ALS with these parameters, or popularity."""
    if champion is None or not isinstance(champion.model, Recommender):
        return None
    if datetime.fromisoformat(champion.meta["as_of"]) >= now.before:
        return None
    if champion.model.als is None:
        return "baseline"
    return "candidate" if champion.model.als.params == params else None


def _measure(ranker: Ranker, window: Window, scope: Scope) -> Quality:
    return evaluate(ranker, window.purchases, window.targets, k=K, scope=scope)


def _metrics(results: Results) -> dict[str, float]:
    return {
        f"{metric}{K}_{scope}": float(getattr(results[scope], metric).mean())
        for scope in reversed(SCOPES)
        for metric in ("ndcg", "recall")
    }


def _figures(results: Mapping[str, Results], tuned: Tuned) -> dict[str, Figure]:
    means: dict[str, dict[str, float]] = {}
    intervals: dict[str, dict[str, tuple[float, float]]] = {}
    for name, result in results.items():
        means[name] = {scope: float(one.ndcg.mean()) for scope, one in result.items()}
        intervals[name] = {scope: interval(one.ndcg, seed=SEED) for scope, one in result.items()}
    figures = {"quality.png": quality_bars(means, intervals, label=f"NDCG@{K}")}
    if tuned.scores:
        figures["tuning.png"] = tuning_curve(tuned.scores, tuned.baseline, label=f"NDCG@{K}, new")
    return figures


def _remarks(results: Mapping[str, Results]) -> list[str]:
    """Say plainly where a simple rule beats the model."""
    als, habit = (results[name]["all"].ndcg.mean() for name in ("als", "frequency"))
    if habit <= als:
        return []
    return [
        f"On all items personal frequency beats ALS (NDCG@{K} {habit:.4f} against {als:.4f}).",
        "So `buy_again` goes by frequency, and ALS only chooses new products.",
    ]
