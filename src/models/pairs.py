"""Candidates as pairs of a customer and a product, and what is known of each pair.

A pair is known by what the candidate models say of it, by what the customer did with the product,
and by both alone. What is not known is nan, which LightGBM takes as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.assortment import Assortment
from models.interactions import Purchases
from models.ranking import NOTHING, Ranked, Ranker, Scope, lists_of, rows_of

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_OF_PRODUCT: Final = (
    "sold",
    "sold_ever",
    "sold_week",
    "fading",
    "first_days",
    "last_days",
    "repeat_rate",
    "gap_days",
    "price",
)
_OF_CUSTOMER: Final = ("orders", "basket", "distinct", "again_share", "idle_days")
_OF_PAIR: Final = (
    "times",
    "recent",
    "since_days",
    "own_gap_days",
    "since_own_gap",
    "since_gap",
    "since_last_order",
    "trend",
    "trend_week",
    "price_fit",
    "category_share",
    "department_share",
)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs sorted by customer, then product; each once."""

    rows: Ints  # of the purchases they are of
    products: Ints  # dense ids
    values: Floats  # shape (pairs, names), nan where not known
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What one model ranks in one scope."""

    name: str
    keys: Ints
    scores: Floats
    places: Floats


def pairs_of(
    rankers: Sequence[Ranker],
    assortment: Assortment,
    purchases: Purchases,
    n: int,
    scope: Scope,
) -> Pairs:
    """Return the first `n` of each model and scope for each customer, with what is known of them.

    In the scope `all` these are the first `n` of what a customer bought, and of what not.
    """
    width = len(assortment.product_ids)
    scopes: Sequence[Scope] = ("repeat", "new") if scope == "all" else (scope,)
    found = [
        _found(one.name, ranked, width)
        for one in rankers
        for ranked in lists_of(one, purchases, n, scopes).values()
    ]
    keys = np.unique(np.concatenate([each.keys for each in found]))
    rows, products = np.divmod(keys, width)
    columns = {
        f"{one.name}{part}": _nothing(len(keys)) for one in rankers for part in ("", " place")
    }
    for each in found:
        at = np.searchsorted(keys, each.keys)
        columns[each.name][at] = each.scores
        columns[f"{each.name} place"][at] = each.places
    columns |= _facts(rows, products, assortment, purchases)
    return Pairs(rows, products, np.column_stack([*columns.values()]), tuple(columns))


def names_of(rankers: Sequence[Ranker]) -> tuple[str, ...]:
    """Return the names of what is known of a pair, in their order."""
    sources = [f"{one.name}{part}" for one in rankers for part in ("", " place")]
    return (*sources, *_OF_PRODUCT, *_OF_CUSTOMER, *_OF_PAIR)


def _found(name: str, ranked: Ranked, width: int) -> _Found:
    rows, places = np.nonzero(ranked.ids >= 0)
    return _Found(
        name=name,
        keys=rows * np.int64(width) + ranked.ids[rows, places],
        scores=ranked.scores[rows, places],
        places=places.astype(np.float32),
    )


def _facts(
    rows: Ints, products: Ints, assortment: Assortment, purchases: Purchases
) -> Mapping[str, Floats]:
    of_product = {name: getattr(assortment, name) for name in _OF_PRODUCT}
    product = {
        name: _nothing(len(rows)) if values is None else values[products]
        for name, values in of_product.items()
    }
    customer = {name: values[rows] for name, values in _customers(purchases).items()}
    cells = cells_at(purchases.times, rows, products)
    times, recent, since, first = (
        values_at(each, cells)
        for each in (
            purchases.times,
            purchases.recent,
            purchases.last_days,
            purchases.first_days,
        )
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.where(times > 1, (first - since) / (times - 1), np.nan)
        pair = {
            "times": times,
            "recent": recent,
            "since_days": since,
            "own_gap_days": gap,
            "since_own_gap": since / np.maximum(gap, 1),
            "since_gap": since / np.maximum(product["gap_days"], 1),
            "since_last_order": since - customer["idle_days"],
            "trend": (product["sold"] + 1) / (product["sold_ever"] + 10),
            "trend_week": (product["sold_week"] + 1) / (product["sold"] + 5),
            "price_fit": _price_fit(rows, products, assortment, purchases),
            **_shares(rows, products, assortment, purchases),
        }
    return {**product, **customer, **{name: pair[name].astype(np.float32) for name in _OF_PAIR}}


def _customers(purchases: Purchases) -> dict[str, Floats]:
    times = np.asarray(purchases.times.sum(axis=1), np.float32).ravel()
    distinct = np.diff(purchases.times.indptr).astype(np.float32)
    unknown = _nothing(len(times))
    orders = unknown if purchases.orders is None else purchases.orders
    idle = unknown
    if purchases.last_days is not None:
        idle = np.full(len(times), np.inf, np.float32)
        np.minimum.at(idle, rows_of(purchases.last_days), purchases.last_days.data)
        idle[np.isinf(idle)] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "orders": orders,
            "basket": times / orders,
            "distinct": distinct,
            "again_share": 1 - distinct / times,
            "idle_days": idle,
        }


def _price_fit(rows: Ints, products: Ints, assortment: Assortment, purchases: Purchases) -> Floats:
    """Return how far a price is from what the customer pays, as the logarithm of their ratio."""
    if assortment.price is None:
        return _nothing(len(rows))
    price = np.log1p(assortment.price)
    priced = ~np.isnan(price)
    bought = purchases.times.astype(bool).astype(np.float32)
    usual = (bought @ np.where(priced, price, 0)) / (bought @ priced.astype(np.float32))
    return np.asarray(price[products] - usual[rows], np.float32)


def _shares(
    rows: Ints, products: Ints, assortment: Assortment, purchases: Purchases
) -> dict[str, Floats]:
    """Return which part of the customer's purchases was of the product's category."""
    total = np.asarray(purchases.times.sum(axis=1)).ravel()
    found = {}
    for name in ("category", "department"):
        codes = getattr(assortment, name)
        share = _nothing(len(rows))
        if codes is not None and codes.max(initial=-1) >= 0:
            known = np.flatnonzero(codes >= 0)
            member = sparse.csr_matrix(
                (np.ones(len(known), np.float32), (known, codes[known])),
                shape=(len(codes), codes.max() + 1),
            )
            counts = (purchases.times @ member).tocsr()
            counts.sort_indices()
            own = codes[products]
            share = np.nan_to_num(at_cells(counts, rows, np.maximum(own, 0))) / total[rows]
            share = np.where(own >= 0, share, np.nan)
        found[f"{name}_share"] = share
    return found


def at_cells(matrix: sparse.csr_matrix | None, rows: Ints, columns: NDArray[np.integer]) -> Floats:
    """Look up cells of a matrix with sorted rows; nan where there is none."""
    return (
        _nothing(len(rows))
        if matrix is None
        else values_at(matrix, cells_at(matrix, rows, columns))
    )


def cells_at(matrix: sparse.csr_matrix, rows: Ints, columns: NDArray[np.integer]) -> Ints:
    """Return which of the stored cells each wanted one is, -1 where it is not stored."""
    if not matrix.nnz:
        return np.full(len(rows), NOTHING)
    width = np.int64(matrix.shape[1])
    keys = rows_of(matrix) * width + matrix.indices
    wanted = rows * width + columns
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, NOTHING)


def values_at(matrix: sparse.csr_matrix | None, cells: Ints) -> Floats:
    """Return the values of stored cells, of a matrix with the same cells; nan at -1."""
    found = _nothing(len(cells))
    if matrix is not None:
        known = cells >= 0
        found[known] = matrix.data[cells[known]]
    return found


def _nothing(size: int) -> Floats:
    return np.full(size, np.nan, np.float32)
