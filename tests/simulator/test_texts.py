from __future__ import annotations

import numpy as np
import pyarrow as pa

from simulator.texts import decimal_texts, hex_texts, prefixed, text_column, word_column


def test_numbers_in_hexadecimal_digits_of_their_width() -> None:
    assert hex_texts(np.array([0, 255, 2**63 - 1])).tolist() == [
        b"0000000000000000",
        b"00000000000000ff",
        b"7fffffffffffffff",
    ]
    assert hex_texts(np.array([-1, 0xDEADBEE], np.int32)).tolist() == [b"ffffffff", b"0deadbee"]


def test_numbers_in_eight_digits_behind_a_letter() -> None:
    texts = decimal_texts(np.array([0, 12_345_678], np.int32))

    assert prefixed("c", texts).tolist() == [b"c00000000", b"c12345678"]


def test_texts_become_a_column_with_gaps() -> None:
    column = text_column(np.array([b"ab", b"cd", b"ef"]), np.array([True, False, True]))

    column.validate(full=True)
    assert column.type == pa.string()
    assert column.to_pylist() == ["ab", None, "ef"]
    assert text_column(np.empty(0, "S2")).to_pylist() == []


def test_a_long_column_refers_to_its_vocabulary_and_a_short_one_does_not() -> None:
    words = pa.array(["a", "b"])
    codes = np.tile(np.array([1, 0], np.int8), 10)

    short = word_column(words, codes[:2])
    long = word_column(words, codes, codes == 1)

    assert short.type == pa.string()
    assert pa.types.is_dictionary(long.type)
    assert short.to_pylist() == ["b", "a"]
    assert long.to_pylist() == ["b", None] * 10


def test_a_code_without_a_word_is_allowed_where_it_does_not_count() -> None:
    column = word_column(pa.array(["a"]), np.array([-1, 0]), np.array([False, True]))

    assert column.to_pylist() == [None, "a"]
