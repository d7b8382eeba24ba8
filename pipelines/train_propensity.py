"""Train the propensity to order, and let it meet the rules it has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from core import columns as c
from core.errors import MissingColumnsError
from core.settings import Settings
from features.dataset import Dataset, cutoffs, first_order, training_set
from features.feature import definitions_digest
from features.registry import PROPENSITY
from features.shop import Shop
from ingest.lake import connect
from models import registered
from models.artefact import Artefact
from models.bundles import LoadedModel
from models.contribution_plots import contribution_swarm
from models.gate import Interval, auc, decide, paired_bootstrap
from models.plots import calibration_curve, gain_curves, importance_bars, ranking_curves
from models.propensity import Fitted, fit_propensity
from models.registered import HORIZON
from models.rules import Logistic, Recency, RfmSum
from models.scoring_metrics import scoring_intervals, scoring_metrics
from models.sufficiency import require
from pipelines.learnable import facts_of
from pipelines.outcome import Outcome, progress_bar
from pipelines.training import SEED, Contender, Contest, LearntFrom, finish, learners

SWARM: Final = 2_000  # customers of the test slice whose contributions are drawn, without a name
PURPOSE: Final = (
    f"Probability that a customer with at least one order places another within {HORIZON.days} "
    "days. For choosing whom to write to and what to say: those who would order anyway need no "
    "discount, those who slip away a reason to come back."
)
LIMITS: Final = (
    "It says who will order, not whom an e-mail would make order: that needs an experiment.",
    "Customers without an order have no score.",
    "The share of buyers moves with the season; the probabilities follow it one slice late.",
    "What is registered is what was judged: nothing is fitted again on the test slice.",
)


def run(settings: Settings, *, as_of: datetime, trials: int, register: bool) -> Outcome:
    """Train, compare and register `propensity-order-30d`.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Too little history, or too few buyers or non-buyers.
    """
    connection = connect(settings.home)
    try:
        allowed = learners(settings, connection, as_of=as_of)
        require(facts_of(settings, connection, allowed, as_of=as_of), "propensity")
        times = cutoffs(first_order(connection), as_of, HORIZON)
        with allowed.named():
            dataset = training_set(
                connection,
                cutoffs=times,
                shop=Shop.of(settings),
                customers=set(allowed.ids),
                least=settings.least_examples,
            )
    finally:
        connection.close()
    data = LearntFrom(
        name=registered.PROPENSITY,
        as_of=as_of,
        digest=dataset.digest,
        # The test slice only judges.
        cutoffs=(*dataset.cutoffs.training, dataset.cutoffs.validation),
        rows=len(dataset.training) + len(dataset.validation),
        left_out=allowed.left_out,
        features={feature.name: feature.dtype for feature in PROPENSITY},
        features_digest=definitions_digest(PROPENSITY),
    )

    def fit(champion: LoadedModel | None) -> Contest:
        with allowed.named(), progress_bar("tuning", total=trials) as advance:
            fitted = fit_propensity(dataset, trials=trials, seed=SEED, advance=advance)
        return _contest(settings, dataset, fitted, champion)

    params = {"trials": trials, "seed": SEED, "horizon_days": HORIZON.days}
    return finish(settings, data=data, params=params, fit=fit, register=register)


def _contest(
    settings: Settings, dataset: Dataset, fitted: Fitted, champion: LoadedModel | None
) -> Contest:
    models = _models(dataset, fitted)
    notes = list(fitted.notes)
    scores = {name: _score(model, dataset.test) for name, model in models.items()}
    truth = dataset.test[c.LABEL].to_numpy()
    everyone = [_contender(name, model, truth, scores[name]) for name, model in models.items()]
    current, of_champion = _champion(champion, dataset, truth, notes)
    pairs = {name: _pairs(truth, score) for name, score in scores.items()}

    def gain_over(name: str) -> Interval:
        return paired_bootstrap(pairs["lightgbm"], pairs[name], metric=auc, seed=SEED)

    verdict = decide(
        candidate=pairs["lightgbm"],
        baseline=pairs["rfm-sum"],
        rule="rfm-sum",
        champion=None if of_champion is None else _pairs(truth, of_champion),
        metric=auc,
        margin=settings.gate_margin,
        seed=SEED,
        stays=current is None and _has_seen(champion, dataset),
    )
    return Contest(
        candidate=everyone[0],
        baselines=everyone[1:],
        champion=current,
        headline="auc",
        verdict=verdict,
        slice=_slice(dataset, truth),
        purpose=PURPOSE,
        limits=LIMITS,
        figures=_figures(fitted, dataset.test, scores),
        params=_found(fitted),
        tuned=fitted.tuned if "tuned" in fitted.validation else None,
        notes=notes,
        gain_over=gain_over,
    )


def _slice(dataset: Dataset, truth: NDArray[Any]) -> str:
    return (
        f"{len(truth):,} customers with an order before {dataset.cutoffs.test:%Y-%m-%d}, "
        f"{truth.mean():.1%} of whom ordered in the {HORIZON.days} days from then"
    )


def _figures(
    fitted: Fitted, test: pd.DataFrame, scores: Mapping[str, NDArray[np.float64]]
) -> dict[str, Figure]:
    truth, model = test[c.LABEL].to_numpy(), fitted.model
    some = test.sample(min(SWARM, len(test)), random_state=SEED)
    values = some[list(model.features)].to_numpy(dtype=np.float64)
    return {
        "calibration.png": calibration_curve(truth, scores),
        "ranking.png": ranking_curves(truth, scores),
        "gains.png": gain_curves(truth, scores),
        "importance.png": importance_bars(model.importance()),
        "contributions.png": contribution_swarm(model.features, model.contributions(some), values),
    }


def _models(dataset: Dataset, fitted: Fitted) -> dict[str, Artefact]:
    """Return the candidate, then the baselines, fitted on what came before the test slice."""
    seen = pd.concat([dataset.training, dataset.validation], ignore_index=True)
    label = seen[c.LABEL].to_numpy()
    models: dict[str, Artefact] = {
        "lightgbm": fitted.model,
        # First of the baselines: the gate compares with it. Its yearly sums grow with the shop's
        # history, so the fairest quintiles are those of the latest slice.
        "rfm-sum": RfmSum.fit(dataset.validation, dataset.validation[c.LABEL].to_numpy()),
        "recency": Recency.fit(seen, label),
        "logistic": Logistic.fit(seen, label, features=dataset.features),
    }
    if fitted.tuned:
        models["lightgbm-defaults"] = fitted.default
    return models


def _champion(
    champion: LoadedModel | None, dataset: Dataset, truth: NDArray[Any], notes: list[str]
) -> tuple[Contender | None, NDArray[np.float64] | None]:
    """Score the champion on the test slice; one that needs other features cannot defend itself."""
    if champion is None:
        return None, None
    if _has_seen(champion, dataset):
        notes.append(
            f"champion v{champion.version} was not compared: it is of "
            f"{champion.meta['as_of'][:10]} and has learnt from the test slice"
        )
        return None, None
    try:
        score = _score(champion.model, dataset.test)
    except MissingColumnsError as error:
        absent = ", ".join(error.missing)
        notes.append(
            f"champion v{champion.version} was not compared: it needs {absent}, no longer defined"
        )
        return None, None
    return _contender(f"champion v{champion.version}", champion.model, truth, score), score


def _has_seen(champion: LoadedModel | None, dataset: Dataset) -> bool:
    """Tell whether the champion has learnt from labels of after the test cut-off.

    What a model learns from ends one horizon before its own `as_of`; its test slice only judged
    it. So a champion of an earlier or the same `as_of` has not seen the slice.
    """
    if champion is None:
        return False
    at = dataset.cutoffs
    return datetime.fromisoformat(champion.meta["as_of"]) - at.horizon > at.test


def _contender(
    name: str, model: Artefact, truth: NDArray[Any], score: NDArray[np.float64]
) -> Contender:
    return Contender(
        name=name,
        model=model,
        metrics=scoring_metrics(truth, score),
        intervals=scoring_intervals(truth, score, seed=SEED),
    )


def _score(model: Artefact, frame: pd.DataFrame) -> NDArray[np.float64]:
    return np.asarray(model.predict(frame), dtype=np.float64)


def _pairs(truth: NDArray[Any], score: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([truth.astype(np.float64), score])


def _found(fitted: Fitted) -> dict[str, object]:
    params = fitted.model.params
    return {
        "tuned": fitted.tuned,
        "sigmoid": fitted.model.sigmoid is not None,
        "rounds": params.rounds,
        "learning_rate": round(params.learning_rate, 6),
        "num_leaves": params.num_leaves,
        "min_data_in_leaf": params.min_data_in_leaf,
        "feature_fraction": round(params.feature_fraction, 6),
        "bagging_fraction": round(params.bagging_fraction, 6),
        "lambda_l2": round(params.lambda_l2, 6),
        **{
            f"validation_log_loss_{name}": round(loss, 6)
            for name, loss in fitted.validation.items()
        },
    }
