from __future__ import annotations

from models.lines import number_lines
from tests.models.corner_shop import DAY, lake_of


def test_a_product_listed_twice_in_an_order_is_one_line_with_the_units_of_both() -> None:
    lake = lake_of(
        ("ann", "milk", DAY, "o1"), ("ann", "milk", DAY, "o1"), ("ann", "tea", DAY, "o1")
    )

    number_lines(lake)

    found = lake.execute(
        "SELECT product_id, units FROM lines JOIN line_products USING (number) ORDER BY 1"
    ).fetchall()
    assert found == [("milk", 2), ("tea", 1)]


def test_numbers_follow_the_order_of_the_texts() -> None:
    lake = lake_of(("eve", "tea", DAY, "o1"), ("ann", "milk", DAY, "o2"))

    number_lines(lake)

    customers = lake.execute("SELECT customer_id FROM line_customers ORDER BY customer").fetchall()
    products = lake.execute("SELECT product_id FROM line_products ORDER BY number").fetchall()
    assert customers == [("ann",), ("eve",)]
    assert products == [("milk",), ("tea",)]


def test_the_lake_is_read_once_per_connection() -> None:
    lake = lake_of(("ann", "milk", DAY, "o1"))
    number_lines(lake)
    lake.execute("DELETE FROM items")

    number_lines(lake)

    assert lake.execute("SELECT count(*) FROM lines").fetchone() == (1,)
