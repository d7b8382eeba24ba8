"""The simple shapes on the tiles, and which shelf of a shop gets which."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from PIL import ImageDraw

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Palette:
    """Three tones of one colour: the tile, the shape, its lighter parts."""

    ground: str
    ink: str
    light: str


SAGE: Final = Palette("#E4EEDF", "#4F7A4A", "#A9C9A0")
PEACH: Final = Palette("#FBE7DA", "#C4673A", "#F0B694")
BUTTER: Final = Palette("#FAF0D0", "#B58520", "#EBCB76")
SKY: Final = Palette("#E0ECF5", "#3F739B", "#9DC3DF")
ROSE: Final = Palette("#F9E2E2", "#B4525B", "#E5A3A7")
LILAC: Final = Palette("#ECE6F5", "#75599F", "#BEAADB")
SAND: Final = Palette("#F1EBE0", "#8A7350", "#CDBB9C")


class Pen:
    """Draws in a square of 100 by 100 units, wherever that lies on the picture."""

    def __init__(self, draw: ImageDraw.ImageDraw, origin: Point, unit: float, ink: Palette) -> None:
        self._draw, self._origin, self._unit = draw, origin, unit
        self.ink, self.light, self.ground = ink.ink, ink.light, ink.ground

    def _at(self, x: float, y: float) -> Point:
        return self._origin[0] + x * self._unit, self._origin[1] + y * self._unit

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: str, radius: float = 0) -> None:
        """Draw a rectangle with round corners."""
        self._draw.rounded_rectangle(
            (*self._at(x0, y0), *self._at(x1, y1)), radius=radius * self._unit, fill=fill
        )

    def oval(self, x: float, y: float, rx: float, ry: float, fill: str) -> None:
        """Draw an ellipse around its centre."""
        self._draw.ellipse((*self._at(x - rx, y - ry), *self._at(x + rx, y + ry)), fill=fill)

    def shape(self, points: Sequence[Point], fill: str) -> None:
        """Draw a polygon."""
        self._draw.polygon([self._at(x, y) for x, y in points], fill=fill)

    def line(self, points: Sequence[Point], fill: str, width: float) -> None:
        """Draw a line with round ends and joints."""
        self._draw.line(
            [self._at(x, y) for x, y in points],
            fill=fill,
            width=round(width * self._unit),
            joint="curve",
        )
        for x, y in (points[0], points[-1]):
            self.oval(x, y, width / 2, width / 2, fill)

    def arc(self, x: float, y: float, r: float, start: float, end: float, width: float) -> None:
        """Draw part of a circle in ink."""
        self._draw.arc(
            (*self._at(x - r, y - r), *self._at(x + r, y + r)),
            start,
            end,
            fill=self.ink,
            width=round(width * self._unit),
        )


def _leaf_points(x: float, y: float, length: float, angle: float, plump: float) -> list[Point]:
    """Return the outline of a leaf that starts at a point and runs along an angle (degrees)."""
    turn = math.radians(angle)
    outline = []
    for side in (1, -1):
        steps = [step / 16 for step in range(17)]
        for t in steps if side == 1 else reversed(steps):
            along, across = length * t, side * plump * math.sin(math.pi * t) * (1.15 - 0.45 * t)
            outline.append(
                (
                    x + along * math.cos(turn) - across * math.sin(turn),
                    y + along * math.sin(turn) + across * math.cos(turn),
                )
            )
    return outline


def _carton(pen: Pen) -> None:
    pen.box(40, 6, 60, 16, pen.ink, 2)
    pen.shape([(40, 16), (60, 16), (74, 36), (26, 36)], pen.light)
    pen.box(26, 34, 74, 94, pen.ink, 5)
    pen.oval(50, 66, 13, 13, pen.ground)
    pen.shape([(50, 44), (60, 62), (40, 62)], pen.ground)


def _bottle(pen: Pen) -> None:
    pen.box(42, 4, 58, 12, pen.light, 2)
    pen.box(43, 12, 57, 34, pen.ink)
    pen.shape([(43, 28), (57, 28), (70, 46), (30, 46)], pen.ink)
    pen.box(30, 44, 70, 96, pen.ink, 6)
    pen.box(30, 56, 70, 78, pen.light)


def _bread(pen: Pen) -> None:
    pen.oval(33, 36, 25, 20, pen.ink)
    pen.oval(67, 36, 25, 20, pen.ink)
    pen.box(20, 34, 80, 84, pen.ink, 7)
    pen.oval(36, 38, 17, 13, pen.light)
    pen.oval(64, 38, 17, 13, pen.light)
    pen.box(28, 38, 72, 76, pen.light, 4)


def _cheese(pen: Pen) -> None:
    pen.shape([(10, 56), (74, 18), (90, 40), (90, 56)], pen.light)
    pen.box(10, 54, 90, 84, pen.ink, 3)
    pen.oval(32, 70, 7, 7, pen.ground)
    pen.oval(62, 66, 9, 9, pen.ground)
    pen.oval(66, 42, 6, 5, pen.ground)


def _eggs(pen: Pen) -> None:
    for x in (28, 50, 72):
        pen.oval(x, 46, 12, 17, pen.light)
    pen.box(8, 52, 92, 80, pen.ink, 8)
    for x in (28, 50, 72):
        pen.oval(x, 66, 6, 6, pen.ground)


def _apple(pen: Pen) -> None:
    pen.oval(37, 60, 24, 30, pen.ink)
    pen.oval(63, 60, 24, 30, pen.ink)
    pen.line([(50, 36), (54, 16)], pen.ink, 5)
    pen.shape(_leaf_points(54, 26, 28, -28, 9), pen.light)
    pen.oval(31, 52, 6, 10, pen.light)


def _leaf(pen: Pen) -> None:
    pen.shape(_leaf_points(24, 84, 84, -50, 26), pen.ink)
    pen.line([(16, 94), (66, 36)], pen.light, 4)
    pen.line([(38, 68), (38, 50)], pen.light, 3)
    pen.line([(46, 59), (66, 60)], pen.light, 3)


def _fish(pen: Pen) -> None:
    pen.shape([(70, 50), (96, 26), (90, 50), (96, 74)], pen.light)
    pen.oval(44, 50, 38, 23, pen.ink)
    pen.oval(26, 45, 4.5, 4.5, pen.ground)
    pen.line([(42, 36), (48, 50), (42, 64)], pen.light, 4)


def _drumstick(pen: Pen) -> None:
    pen.line([(58, 58), (84, 84)], pen.light, 11)
    pen.oval(90, 80, 7, 7, pen.light)
    pen.oval(80, 90, 7, 7, pen.light)
    pen.oval(42, 42, 32, 30, pen.ink)
    pen.shape([(30, 66), (66, 30), (72, 72)], pen.ink)
    pen.oval(32, 34, 9, 7, pen.light)


def _flower(pen: Pen) -> None:
    pen.line([(50, 50), (50, 96)], pen.ink, 5)
    pen.shape(_leaf_points(50, 88, 30, -35, 8), pen.ink)
    for step in range(6):
        turn = math.radians(60 * step + 30)
        pen.oval(50 + 19 * math.cos(turn), 36 + 19 * math.sin(turn), 14, 14, pen.light)
    pen.oval(50, 36, 11, 11, pen.ink)


def _jar(pen: Pen) -> None:
    pen.box(28, 8, 72, 22, pen.light, 4)
    pen.box(22, 24, 78, 94, pen.ink, 12)
    pen.box(22, 46, 78, 74, pen.light)
    pen.line([(36, 60), (64, 60)], pen.ink, 5)


def _snowflake(pen: Pen) -> None:
    for step in range(6):
        turn = math.radians(60 * step - 90)
        dx, dy = math.cos(turn), math.sin(turn)
        pen.line([(50, 50), (50 + 42 * dx, 50 + 42 * dy)], pen.ink, 6)
        for side in (-45, 45):
            fork = math.radians(60 * step - 90 + side)
            start = (50 + 26 * dx, 50 + 26 * dy)
            pen.line(
                [start, (start[0] + 14 * math.cos(fork), start[1] + 14 * math.sin(fork))],
                pen.light,
                5,
            )


def _cup(pen: Pen) -> None:
    pen.arc(74, 56, 15, -90, 90, 6)
    pen.box(18, 36, 74, 84, pen.ink, 14)
    pen.box(18, 36, 74, 56, pen.ink, 2)
    pen.line([(12, 92), (80, 92)], pen.light, 5)
    for x in (34, 58):
        pen.line([(x, 26), (x + 4, 18), (x, 10)], pen.light, 4)


def _cookie(pen: Pen) -> None:
    pen.oval(50, 50, 40, 40, pen.ink)
    pen.oval(50, 50, 34, 34, pen.light)
    for x, y, r in ((38, 36, 6), (62, 42, 7), (44, 64, 7), (66, 66, 5), (28, 54, 4)):
        pen.oval(x, y, r, r, pen.ink)


def _pump(pen: Pen) -> None:
    pen.line([(50, 30), (50, 12), (30, 12)], pen.ink, 6)
    pen.box(38, 24, 62, 36, pen.light, 3)
    pen.box(26, 36, 74, 94, pen.ink, 10)
    pen.box(36, 52, 64, 80, pen.light, 4)


def _glass(pen: Pen) -> None:
    pen.shape([(26, 8), (74, 8), (68, 40), (50, 54), (32, 40)], pen.light)
    pen.shape([(29, 24), (71, 24), (68, 40), (50, 54), (32, 40)], pen.ink)
    pen.line([(50, 52), (50, 88)], pen.ink, 5)
    pen.line([(32, 92), (68, 92)], pen.ink, 6)


def _paw(pen: Pen) -> None:
    for x, y in ((20, 46), (39, 26), (61, 26), (80, 46)):
        pen.oval(x, y, 10, 13, pen.light)
    pen.oval(50, 66, 27, 22, pen.ink)


def _bag(pen: Pen) -> None:
    pen.arc(50, 34, 20, 180, 360, 6)
    pen.shape([(18, 34), (82, 34), (88, 94), (12, 94)], pen.ink)
    pen.line([(34, 54), (38, 62), (50, 66), (62, 62), (66, 54)], pen.light, 5)


Drawing = Callable[[Pen], None]
DRAWINGS: Final[dict[str, tuple[Drawing, Palette]]] = {
    "frozen": (_snowflake, SKY),
    "milk": (_carton, SKY),
    "bread": (_bread, BUTTER),
    "cheese": (_cheese, BUTTER),
    "eggs": (_eggs, SAND),
    "fruit": (_apple, ROSE),
    "vegetables": (_leaf, SAGE),
    "fish": (_fish, SKY),
    "meat": (_drumstick, PEACH),
    "flowers": (_flower, ROSE),
    "coffee": (_cup, SAND),
    "sweets": (_cookie, PEACH),
    "wine": (_glass, LILAC),
    "pets": (_paw, SAND),
    "drinks": (_bottle, LILAC),
    "care": (_pump, LILAC),
    "pantry": (_jar, PEACH),
    "shop": (_bag, SAGE),
}
# The first line with a word of the category path wins, so narrow shelves come before wide ones.
_SHELVES: Final[tuple[tuple[str, str], ...]] = (
    ("frozen", r"frozen|frzn|ice cream|sherb"),
    ("pets", r"pet|cat|dog|bird"),
    ("wine", r"wine|beer|beers|ale|ales|liquor|spirits"),
    (
        "sweets",
        r"cand(y|ies)|cookies?|snacks?|chocolate|chips?|crackers?|cones|popcorn|nuts|sweets",
    ),
    ("coffee", r"coffee|teas?|cocoa"),
    ("eggs", r"eggs?"),
    ("cheese", r"cheeses?|deli|dips"),
    ("milk", r"milk|yogh?urt|dairy|butter|margarines?|cream|creams"),
    ("drinks", r"drinks?|juices?|soda|water|waters|beverages?|isotonic"),
    ("bread", r"bread|breads|buns|rolls|pastry|bakery|bagels?|cakes?|muffins?|flour|bakng|baking"),
    ("fish", r"fish|seafood|salmon|shrimp|tuna"),
    ("meat", r"meats?|beef|chicken|pork|turkey|bacon|sausages?|lunchmeat|hot dogs?|poultry"),
    ("fruit", r"fruits?|berries|apples?|grapes?|citrus|melons?|bananas?|tropical"),
    ("flowers", r"floral|flowers?|roses|bouquet"),
    (
        "vegetables",
        r"produce|vegetables?|vegs?|salads?|garden|potatoes|tomatoes|onions|carrots|herbs",
    ),
    (
        "care",
        r"drug|cosmetics?|hair|soap|skin|oral|shampoo|makeup|nutrition|vitamins?|detergents?|baby",
    ),
    ("pantry", r"grocery|pasta|sauces?|soups?|canned|rice|beans|cereals?|condiments?|spices|oils?"),
)


def shelf(category: str) -> str:
    """Return the key of the drawing for a category path; `shop` when no word is known."""
    words = category.casefold()
    return next((key for key, known in _SHELVES if re.search(rf"\b({known})\b", words)), "shop")
