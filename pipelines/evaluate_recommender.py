"""Measure recommenders on anybody's interactions: benchmarks, or a shop's own export."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from core.errors import DataError, NotEnoughDataError
from models.als import Als, AlsParams
from models.blend import Blend
from models.ease import EaseParams, fit_ease
from models.evaluation import Quality, by_history, interval, qualities, targets_of
from models.exposure import Exposure, exposure
from models.frequency import Frequency
from models.item_knn import fit_item_knn
from models.popularity import Popularity
from models.ranking import Filled, Ranker, Scope
from pipelines.interaction_files import TIME, Columns, read_interactions
from pipelines.interaction_split import Split, held_out, split_of
from pipelines.outcome import Outcome, Sheet, progress_bar
from pipelines.recommender_search import Found, search, space_of
from pipelines.training import SEED

LENGTHS: Final = (5, 10, 20)  # of lists, measured as far as `k` goes
EASE_ITEMS: Final = 20_000  # more of them do not fit in memory: it grows with their square
HABITS: Final = "habits"  # the rule to beat: what the user takes most, then what is popular

Known = Mapping[str, Mapping[int, Quality]]  # with_history or without_history, then k


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One model in one scope: by users' history and k, and what its lists show together."""

    known: Known
    lists: Mapping[int, Exposure]


Results = Mapping[str, Mapping[Scope, Measured]]


def evaluate_recommender(
    *, train: Path, test: Path, k: int, trials: int, columns: Columns | None = None
) -> Outcome:
    """Rank all items for every user of the test file, and compare with what they took.

    Where there are times, popularity is of the last 30 days of training; where users take again
    what they had, items they had and new ones are measured apart as well. Without times what a
    user has in training is masked. Users whom the training file does not know are measured apart.

    Args:
        train: Interactions to learn from.
        test: Interactions to be measured against.
        k: Places of a list that count.
        trials: Optuna trials for ALS in the blend, on a fifth of the training interactions that
            is held out; 0: the defaults.
        columns: What the columns of both files are called.

    Raises:
        DataError: A file cannot be read, or lacks a column; `k` or `trials` is out of range.
        NotEnoughDataError: There is nothing to compare.
    """
    if k < 1 or trials < 0:
        raise DataError(f"--k must be at least 1 and --trials at least 0, got {k} and {trials}.")
    learnt, asked = (read_interactions(each, columns) for each in (train, test))
    split = split_of(learnt, asked)
    found, notes = _tuned(learnt, split, trials=trials, k=k)
    rankers, skipped = _fitted(split, found)
    ks = sorted({*(each for each in LENGTHS if each < k), k})
    results: dict[str, dict[Scope, Measured]] = {}
    with progress_bar("measuring", total=len(rankers)) as advance:
        for name, ranker in rankers.items():
            results[name] = {each: _measure(ranker, split, each, ks) for each in split.scopes}
            advance()
    notes += [f"No {name}: {reason}" for name, reason in skipped.items()]
    return _outcome(split, results, found, skipped, [*_remarks(learnt, asked, split), *notes])


def _tuned(learnt: pd.DataFrame, split: Split, *, trials: int, k: int) -> tuple[Found, list[str]]:
    space = space_of(split)
    try:
        return search(held_out(learnt, split), space, trials=trials, k=k), []
    except NotEnoughDataError as error:
        untuned = Found(als=space.first, als_beside=space.first)
        return untuned, [f"Not tuned: {error}"] if trials else []


def _fitted(split: Split, found: Found) -> tuple[dict[str, Ranker], dict[str, str]]:
    """Fit everybody; who cannot be fitted on this says why."""
    stock, purchases = split.assortment, split.purchases
    rankers: dict[str, Ranker] = {"popularity": Popularity(stock)}
    if "repeat" in split.scopes:
        rankers[HABITS] = Filled(Frequency(stock), rankers["popularity"])
    skipped: dict[str, str] = {}
    ease = EaseParams(products=EASE_ITEMS)
    fits: dict[str, Callable[[], Ranker]] = {
        "als": lambda: Als.fit(purchases, stock, found.als, seed=SEED),
        "item-knn": lambda: fit_item_knn(purchases.times, stock, found.item_knn),
        "ease": lambda: fit_ease(purchases.times, stock, ease),
    }
    for name, fit in fits.items():
        if name == "ease" and len(stock.product_ids) > EASE_ITEMS:
            skipped[name] = f"it takes at most {EASE_ITEMS:,} items."
            continue
        try:
            rankers[name] = fit()
        except NotEnoughDataError as error:
            skipped[name] = str(error)
    if als := rankers.get("als"):
        if found.als_beside != found.als:
            als = Als.fit(purchases, stock, found.als_beside, seed=SEED)
        rankers["blend"] = Blend([rankers["item-knn"], als], [1.0, found.weight])
    return rankers, skipped


def _measure(ranker: Ranker, split: Split, scope: Scope, ks: Sequence[int]) -> Measured:
    """Rank the tested users once, and measure that at every length."""
    tested = split.tested
    ids = ranker.rank(tested.purchases, max(ks), scope).ids
    targets = targets_of(scope, tested.targets, tested.purchases)
    known: dict[str, dict[int, Quality]] = {}
    for k, one in qualities(ids, targets, ks=ks).items():
        for name, part in by_history(one, tested.purchases).items():
            known.setdefault(name, {})[k] = part
    ever = split.purchases.ever
    buyers = ever[np.flatnonzero(np.diff(ever.indptr))]
    return Measured(
        known=known, lists={k: exposure(ids[:, :k], split.assortment, buyers) for k in ks}
    )


def _figures(one: Measured, k: int) -> dict[str, float | None]:
    """Return the figures of a model at k: of users with history, and of its lists."""
    return {**_with_intervals(one.known["with_history"][k]), **one.lists[k].figures()}


def _with_intervals(found: Quality) -> dict[str, float]:
    """Return the means, and between what bounds recall and NDCG lie."""
    figures = found.means()
    for name in ("recall", "ndcg"):
        low, high = interval(getattr(found, name), seed=SEED)
        figures |= {f"{name}_low": low, f"{name}_high": high}
    return figures


def _at_all_lengths(one: Measured) -> dict[str, object]:
    """Return what a program reads of a model in a scope; JSON has only text for keys."""
    return {
        **{
            name: {
                str(k): {"users": len(each.customers), **_with_intervals(each)}
                for k, each in at.items()
            }
            for name, at in one.known.items()
        },
        "lists": {str(k): each.figures() for k, each in one.lists.items()},
    }


def _in_scopes(one: Mapping[Scope, Measured]) -> dict[str, object]:
    return {"scopes": {scope: _at_all_lengths(each) for scope, each in one.items()}}


def _remarks(learnt: pd.DataFrame, asked: pd.DataFrame, split: Split) -> list[str]:
    """Say what a reader of the figures has to know of the files."""
    notes = []
    again = targets_of("repeat", split.targets, split.purchases).nnz
    if "repeat" not in split.scopes and again:
        notes.append(
            f"Pairs of --test that are in --train as well, and left out: {again:,}. Without times "
            "they may be the same ones."
        )
    if unsold := int((split.targets.sum(axis=0).A1[split.assortment.sold_ever == 0] > 0).sum()):
        notes.append(f"Items that are only in --test, so that nobody can hit them: {unsold:,}.")
    if asked[TIME].min() < learnt[TIME].max():
        notes.append(
            "--test begins before --train ends: models learn from the time they are tested on. "
            "Split the files at an instant for figures to be trusted."
        )
    return notes


def _outcome(
    split: Split,
    results: Results,
    found: Found,
    skipped: Mapping[str, str],
    remarks: Sequence[str],
) -> Outcome:
    first = split.scopes[0]
    tested = results["popularity"][first].known
    k = max(tested["with_history"])
    users = len(tested["with_history"][k].customers)
    items = len(split.assortment.product_ids)
    models = {name: _figures(one[first], k) for name, one in results.items()}
    metrics = ("recall", "ndcg", "ndcg_low", "ndcg_high", "mrr", "hit_rate", "map")
    without = tested.get("without_history")
    return Outcome(
        title=f"{users:,} users tested, {items:,} items ranked, lists of {k}",
        data={
            "k": k,
            "users": users,
            "users_without_history": len(without[k].customers) if without else 0,
            "items": items,
            "models": {name: {**models[name], **_in_scopes(one)} for name, one in results.items()},
            "als": asdict(found.als),
            "als_beside": asdict(found.als_beside),
            "item_knn": asdict(found.item_knn),
            "blend": found.weight,
            "skipped": skipped,
        },
        columns=("model", "recall", "NDCG", "low", "high", "MRR", "hit rate", "MAP"),
        rows=[[name, *(one[metric] for metric in metrics)] for name, one in models.items()],
        sheets=[*_by_scope(results, split.scopes, k), _of_lists(models)],
        notes=[_protocol(split, found, k), *_strangers(without, k), *remarks],
    )


def _by_scope(results: Results, scopes: Sequence[Scope], k: int) -> list[Sheet]:
    if len(scopes) == 1:
        return []
    rows = []
    for name, each in results.items():
        means = [each[scope].known["with_history"][k].means() for scope in scopes]
        rows.append([name, *(one[metric] for one in means for metric in ("recall", "ndcg"))])
    columns = [f"{metric} {scope}" for scope in scopes for metric in ("recall", "NDCG")]
    title = "All items, those a user had before, and those new to them"
    return [Sheet(title=title, columns=["model", *columns], rows=rows)]


def _of_lists(models: Mapping[str, Mapping[str, float | None]]) -> Sheet:
    names = ("coverage", "gini", "novelty", "diversity")
    return Sheet(
        title="What the lists show together",
        columns=("model", "coverage", "Gini", "novelty (bits)", "diversity"),
        rows=[[name, *(one[each] for each in names)] for name, one in models.items()],
    )


def _protocol(split: Split, found: Found, k: int) -> str:
    again = "repeat" in split.scopes
    masked = "" if again else "a user's training items masked, "
    habits = " Habits: what a user takes most, then what is popular." if again else ""
    return (
        f"All items ranked, {masked}ideal DCG cut at min({k}, targets); low and high are the 95 % "
        f"bootstrap interval of NDCG over users. ALS: {_words(found.als)}. Blend: item-KNN, and "
        f"ALS ({_words(found.als_beside)}) at {found.weight:g} of its weight.{habits}"
    )


def _words(als: AlsParams) -> str:
    return f"{als.factors} factors, alpha {als.alpha:.3g}, regularisation {als.regularisation:.3g}"


def _strangers(found: Mapping[int, Quality] | None, k: int) -> list[str]:
    if not found:
        return []
    note = (
        f"Users of --test who are not in --train: {len(found[k].customers):,}, apart in --json. To "
        f"them only what is popular can be shown (NDCG@{k} {found[k].ndcg.mean():.4f})."
    )
    return [note]
