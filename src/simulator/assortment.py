"""The products of the shop: what they cost, how popular they are, and when they are sold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.contract import CATALOGUE
from simulator.arrays import Bytes, Codes, Floats, Ints
from simulator.parameters import CURRENCY, PRODUCTS, Parameters
from simulator.texts import decimal_texts, prefixed, text_column

# First level -> typical price in minor units, and the leaves below it.
CATEGORIES: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "Women": (3_900, ("Dresses", "Knitwear", "Trousers", "Jackets", "Shirts", "Skirts")),
    "Men": (3_900, ("Shirts", "Knitwear", "Trousers", "Jackets", "Suits")),
    "Shoes": (6_900, ("Trainers", "Boots", "Sandals", "Slippers")),
    "Kids": (1_900, ("Baby", "Girls", "Boys", "Toys", "School")),
    "Home": (2_900, ("Bedding", "Curtains", "Lamps", "Rugs", "Storage", "Candles")),
    "Kitchen": (2_400, ("Pans", "Knives", "Tableware", "Baking", "Glasses")),
    "Garden": (3_400, ("Tools", "Plants", "Furniture", "Barbecue")),
    "Electronics": (8_900, ("Audio", "Phones", "Cameras", "Wearables", "Cables")),
    "Books": (1_400, ("Novels", "Children", "Cookery", "Travel", "History", "Comics", "Crime")),
    "Beauty": (1_600, ("Skin", "Hair", "Make-up", "Fragrance")),
    "Sports": (4_400, ("Running", "Cycling", "Yoga", "Outdoor", "Swimming", "Football")),
    "Pets": (1_200, ("Dogs", "Cats", "Birds")),
}
CATEGORY_NAMES: Final = tuple(CATEGORIES)
CATEGORY_WEIGHTS: Final = np.array([14, 10, 9, 8, 9, 7, 5, 8, 10, 9, 7, 4]) / 100
LEAVES: Final = tuple(
    f"{name}/{leaf}" for name, (_, leaves) in CATEGORIES.items() for leaf in leaves
)
BRANDS: Final = tuple(
    f"{first}{second}"
    for first in ("Nord", "Alba", "Vero", "Kali", "Terra", "Luma", "Orso", "Fina")
    for second in ("wind", "mare", "lund", "rosa", "stone")
)
BANDS: Final = 4  # quarters of a category by price, cheap to dear
_BRANDS_IN_CATEGORY: Final = 12
_MOST, _LEAST, _CUSTOMERS_PER_PRODUCT = 3_000, 300, 20
_LAUNCHED, _DROPPED = 0.25, 0.12  # shares of the products
_BEFORE_US: Final = 700 * 86_400_000_000  # how long before the start older products were new
NEVER_US: Final = 2**62


@dataclass(frozen=True, slots=True)
class Assortment:
    """One entry per product."""

    category: Bytes  # index in CATEGORY_NAMES
    leaf: Codes  # index in LEAVES
    brand: Codes  # index in BRANDS
    band: Bytes  # quarter of its category by price
    price_minor: Ints
    popularity: Floats  # share of the category's demand, all being equal
    created_us: Ints
    gone_us: Ints  # NEVER_US: stays

    def __len__(self) -> int:
        return len(self.category)

    def on_sale(self, from_us: int, to_us: int) -> NDArray[np.bool_]:
        """Say which products are sold all through a span of time."""
        return (self.created_us <= from_us) & (self.gone_us >= to_us)

    def ids(self) -> pa.Array:
        """Return the product ids."""
        return text_column(prefixed("p", decimal_texts(np.arange(len(self)))))


def draw_assortment(parameters: Parameters) -> Assortment:
    """Draw the products: a few hundred to thousands, as many as the customers can carry."""
    rng = parameters.random(PRODUCTS)
    size = int(np.clip(parameters.customers // _CUSTOMERS_PER_PRODUCT, _LEAST, _MOST))
    category = np.sort(np.arange(size) % len(CATEGORIES)).astype(np.uint8)
    counts = np.array([len(leaves) for _, leaves in CATEGORIES.values()])
    leaf = (np.cumsum(counts) - counts)[category] + rng.integers(0, counts[category])
    brands = rng.permuted(np.tile(np.arange(len(BRANDS)), (len(CATEGORIES), 1)), axis=1)[
        :, :_BRANDS_IN_CATEGORY
    ]
    brand = brands[category, rng.integers(0, _BRANDS_IN_CATEGORY, size)]
    typical = np.array([price for price, _ in CATEGORIES.values()])[category]
    euros = typical / 100 * rng.lognormal(0, 0.55, size)
    created, gone = _span(parameters, rng, size)
    popularity = 1 / (rng.permutation(size) / len(CATEGORIES) + 3) ** 0.9
    totals = np.bincount(category, popularity)
    return Assortment(
        category=category,
        leaf=leaf.astype(np.int32),
        brand=brand.astype(np.int32),
        band=_bands(category, euros),
        price_minor=np.maximum(np.round(euros), 1).astype(np.int64) * 100 - 5,
        popularity=(popularity / totals[category]).astype(np.float32),
        created_us=created,
        gone_us=gone,
    )


def _span(parameters: Parameters, rng: np.random.Generator, size: int) -> tuple[Ints, Ints]:
    start, end = parameters.start_us, parameters.end_us
    old = rng.integers(start - _BEFORE_US, start, size)
    new = rng.integers(start, end, size)
    created = np.where(rng.random(size) < _LAUNCHED, new, old)
    dropped = rng.random(size) < _DROPPED
    middle = start + (end - start) // 2
    gone = np.where(dropped, rng.integers(middle, end + 1, size), NEVER_US)
    return created, np.where(gone <= created, NEVER_US, gone)


def _bands(category: Bytes, price: NDArray[np.float64]) -> Bytes:
    order = np.lexsort((price, category))
    sizes = np.bincount(category, minlength=len(CATEGORIES))
    rank = np.empty(len(price), np.int64)
    rank[order] = np.arange(len(price)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return (rank * BANDS // sizes[category]).astype(np.uint8)


def catalogue(products: Assortment, parameters: Parameters) -> pa.Table:
    """Return the products as the contract has them, as of the end of the simulation.

    What is launched at the very end is in it too: a shop lists its products before it sells them.
    """
    rows = []
    for number, product_id in enumerate(products.ids().to_pylist()):
        path = LEAVES[products.leaf[number]]
        brand = BRANDS[products.brand[number]]
        name = f"{brand} {path.rpartition('/')[2]} {number:04}"
        rows.append(
            {
                "product_id": product_id,
                "name": name,
                "description": f"{name}: from our range {path.replace('/', ', ')}.",
                "category": path,
                "brand": brand,
                "price_minor": int(products.price_minor[number]),
                "currency": CURRENCY,
                "image_url": f"https://shop.example/images/{product_id}.jpg",
                "url": f"https://shop.example/p/{product_id}",
                "available": bool(products.gone_us[number] > parameters.end_us),
                "created_us": int(products.created_us[number]),
                "attributes": "{}",
            }
        )
    return pa.Table.from_pylist(rows, schema=CATALOGUE)


def products_truth(products: Assortment) -> pa.Table:
    """Return what the catalogue does not say: popularity, price band and when a product went."""
    gone = products.gone_us
    return pa.table(
        {
            "product_id": products.ids(),
            "category": pa.array(CATEGORY_NAMES).take(pa.array(products.category)),
            "band": products.band,
            "popularity": products.popularity,
            "gone_us": pa.array(gone, mask=gone == NEVER_US),
        }
    )
