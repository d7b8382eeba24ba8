"""Measure recommenders on anybody's interactions: benchmarks, or a shop's own export."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from core.errors import DataError, MissingColumnsError, NotEnoughDataError
from models.als import Als, AlsParams, tune
from models.assortment import Assortment
from models.blend import Blend
from models.evaluation import Quality, evaluate, interval
from models.interactions import Purchases
from models.item_knn import ItemKnnParams, fit_item_knn
from models.popularity import Popularity
from models.ranking import Ranker
from pipelines.outcome import Outcome, progress_bar
from pipelines.training import SEED

USER, ITEM, WEIGHT, TIME = "user", "item", "weight", "time"
HELD_OUT: Final = 0.1  # of the training interactions, to tune on; the test is never tuned on
WEIGHTS: Final = (0.3, 0.6, 1.0)  # of ALS in the blend, tried
RECENT: Final = 30 * 86_400  # seconds before the last interaction: "popular now", given times


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What tuning found: ALS, and its weight in the blend beside item-KNN's, which is one."""

    als: AlsParams = field(default_factory=AlsParams)
    weight: float = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Interactions to learn from and to be measured against, over the same dense ids."""

    assortment: Assortment
    purchases: Purchases
    targets: sparse.csr_matrix


def evaluate_recommender(*, train: Path, test: Path, k: int, trials: int) -> Outcome:
    """Rank all items nobody has seen yet for every user, and compare with the test file.

    Popularity is by users overall or, where there are times, in the last 30 days of training.

    Args:
        train: Interactions to learn from; what a user has there is masked.
        test: Interactions to be measured against.
        k: Places of a list that count.
        trials: Optuna trials for ALS, on 10 % of the training interactions, which choose the
            weights of the blend as well; 0: the defaults.

    Raises:
        DataError: A file cannot be read, or lacks a column.
        NotEnoughDataError: No user of the test file is in the training file.
    """
    split = split_of(read_interactions(train), read_interactions(test))
    found = _tuned(split, trials=trials, k=k)
    als = Als.fit(split.purchases, split.assortment, found.als, seed=SEED)
    item_knn = fit_item_knn(split.purchases.times, split.assortment, ItemKnnParams())
    rankers: dict[str, Ranker] = {
        "popularity": Popularity(split.assortment),
        "als": als,
        "item-knn": item_knn,
        "blend": Blend([item_knn, als], [1.0, found.weight]),
    }
    results = {
        name: evaluate(ranker, split.purchases, split.targets, k=k, scope="new")
        for name, ranker in rankers.items()
    }
    return _outcome(split, results, found, k=k)


def read_interactions(path: Path) -> pd.DataFrame:
    """Read interactions from CSV, Parquet or LightGCN text, plain or gzipped.

    LightGCN text has one line per user: `user item item ...`. The others have columns `user`
    and `item`, and may have `weight` (default 1) and `time` (ISO 8601, or seconds).

    Returns:
        Columns `user`, `item` (text), `weight` (float), `time` (seconds; nan where unknown).

    Raises:
        DataError: The file is missing, empty or not of these formats.
    """
    if not path.is_file():
        raise DataError(f"no file {path}. Give interactions as CSV, Parquet or LightGCN text.")
    kind = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    try:
        if kind == "txt":
            frame = _lightgcn(path)
        elif kind in {"csv", "parquet"}:
            table = pq.read_table(path) if kind == "parquet" else pa_csv.read_csv(path)
            frame = _columns(table.to_pandas(), path)
        else:
            raise DataError(f"{path} is neither .csv, .parquet nor .txt (LightGCN's format).")
    except (pa.ArrowInvalid, UnicodeDecodeError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if frame.empty:
        raise DataError(f"{path} holds no interactions.")
    return frame


def split_of(train: pd.DataFrame, test: pd.DataFrame) -> Split:
    """Bring both files to the same dense ids; items are those of either file.

    Raises:
        NotEnoughDataError: No user of the test file is in the training file.
    """
    items = np.unique(np.concatenate([train[ITEM].unique(), test[ITEM].unique()]).astype(np.str_))
    users = np.unique(train[USER].to_numpy(np.str_))
    known = test[test[USER].isin(set(users.tolist()))]
    if known.empty:
        raise NotEnoughDataError("no user of --test is in --train: there is nothing to compare.")
    weights = _matrix(train, users, items, train[WEIGHT].to_numpy(np.float32))
    ones = _matrix(train, users, items, np.ones(len(train), np.float32)).sign()
    recent = train[train[TIME] > train[TIME].max() - RECENT]
    now = _matrix(recent, users, items, np.ones(len(recent), np.float32)).sign()
    ever = np.asarray(ones.sum(axis=0), np.float32).ravel()
    assortment = Assortment(
        product_ids=items,
        allowed=np.ones(len(items), dtype=np.bool_),
        sold=np.asarray(now.sum(axis=0), np.float32).ravel() if len(recent) else ever,
        sold_ever=ever,
    )
    targets = _matrix(known, users, items, np.ones(len(known), np.float32)).sign()
    return Split(
        assortment=assortment,
        purchases=Purchases(times=weights, recent=weights, ever=weights),
        targets=targets - targets.multiply(ones),
    )


def _lightgcn(path: Path) -> pd.DataFrame:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    lines = [line.split() for line in text.splitlines()]
    counts = [max(len(line) - 1, 0) for line in lines]
    users = np.repeat([line[0] if line else "" for line in lines], counts)
    items = np.array([item for line in lines for item in line[1:]], dtype=object)
    return pd.DataFrame({USER: users.astype(object), ITEM: items, WEIGHT: 1.0, TIME: np.nan})


def _columns(given: pd.DataFrame, path: Path) -> pd.DataFrame:
    if absent := {USER, ITEM} - set(given.columns):
        raise MissingColumnsError(str(path), absent, map(str, given.columns))
    frame = given.dropna(subset=[USER, ITEM])
    times = frame[TIME] if TIME in frame else pd.Series(np.nan, index=frame.index)
    if not pd.api.types.is_numeric_dtype(times):
        instants = pd.to_datetime(times, utc=True, errors="coerce", format="ISO8601")
        if instants.isna().any():
            raise DataError(f"{path}: column time is neither ISO 8601 nor seconds.")
        times = (instants - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    weights = frame[WEIGHT] if WEIGHT in frame else pd.Series(1.0, index=frame.index)
    if not pd.api.types.is_numeric_dtype(weights) or not (weights > 0).all():
        raise DataError(f"{path}: column weight must hold positive numbers.")
    return pd.DataFrame(
        {
            USER: frame[USER].astype(str),
            ITEM: frame[ITEM].astype(str),
            WEIGHT: weights.astype(float),
            TIME: times.astype(float),
        }
    )


def _matrix(
    frame: pd.DataFrame,
    users: NDArray[np.str_],
    items: NDArray[np.str_],
    values: NDArray[np.float32],
) -> sparse.csr_matrix:
    rows = np.searchsorted(users, frame[USER].to_numpy(np.str_))
    columns = np.searchsorted(items, frame[ITEM].to_numpy(np.str_))
    matrix = sparse.csr_matrix((values, (rows, columns)), shape=(len(users), len(items)))
    matrix.sum_duplicates()
    return matrix


def _tuned(split: Split, *, trials: int, k: int) -> Found:
    """Tune on training interactions that are held out at random."""
    if not trials:
        return Found()
    cells = split.purchases.times.tocoo()
    held = np.random.default_rng(SEED).random(cells.nnz) < HELD_OUT

    def part(chosen: NDArray[np.bool_]) -> sparse.csr_matrix:
        at = (cells.row[chosen], cells.col[chosen])
        return sparse.csr_matrix((cells.data[chosen], at), shape=cells.shape)

    kept = part(~held)
    purchases = Purchases(times=kept, recent=kept, ever=kept)
    targets = part(held)

    def quality_of(ranker: Ranker) -> float:
        return float(evaluate(ranker, purchases, targets, k=k, scope="new").ndcg.mean())

    def fitted(params: AlsParams) -> Als:
        return Als.fit(purchases, split.assortment, params, seed=SEED)

    with progress_bar("tuning", total=trials + len(WEIGHTS)) as advance:

        def score(params: AlsParams) -> float:
            found = quality_of(fitted(params))
            advance()
            return found

        def blended(weight: float) -> float:
            found = quality_of(Blend([item_knn, als], [1.0, weight]))
            advance()
            return found

        params = tune(score, trials=trials, seed=SEED)
        als, item_knn = fitted(params), fit_item_knn(kept, split.assortment, ItemKnnParams())
        return Found(als=params, weight=max(WEIGHTS, key=blended))


def _outcome(split: Split, results: Mapping[str, Quality], found: Found, *, k: int) -> Outcome:
    items = split.purchases.times.shape[1]
    models: dict[str, dict[str, float]] = {}
    for name, one in results.items():
        low, high = interval(one.ndcg, seed=SEED)
        models[name] = {
            "recall": float(one.recall.mean()),
            "ndcg": float(one.ndcg.mean()),
            "ndcg_low": low,
            "ndcg_high": high,
        }
    tested = len(next(iter(results.values())).recall)
    als = found.als
    remark = (
        f"ALS: {als.factors} factors, alpha {als.alpha:.3g}, regularisation "
        f"{als.regularisation:.3g}. Blend: item-KNN, and ALS at {found.weight:g} of its weight. "
        f"All items ranked, a user's training items masked, ideal DCG cut at {k}; low and high are "
        "a 95 % bootstrap interval over users."
    )
    return Outcome(
        title=f"{tested:,} users tested, {items:,} items ranked",
        data={
            "k": k,
            "users": tested,
            "items": items,
            "models": models,
            "als": asdict(found.als),
            "blend": found.weight,
        },
        columns=("model", f"recall@{k}", f"NDCG@{k}", "NDCG low", "NDCG high"),
        rows=[[name, *figures.values()] for name, figures in models.items()],
        notes=[remark],
    )
