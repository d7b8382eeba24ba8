"""Columns of text made of numbers: ids of fixed width, and words of a small vocabulary."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simulator.arrays import Flags

_DIGITS: Final = np.frombuffer(b"0123456789abcdef", np.uint8)


def _four_digits(base: int) -> NDArray[np.uint32]:
    """Return the texts of 0, 1, 2, ... in four digits, each as the bytes of one number."""
    numbers = np.arange(base**4)
    digits = np.stack([_DIGITS[numbers // base**place % base] for place in (3, 2, 1, 0)], axis=1)
    return np.ascontiguousarray(digits).view(np.uint32).ravel()


_HEX: Final = _four_digits(16)
_DECIMAL: Final = _four_digits(10)


def hex_texts(numbers: NDArray[Any]) -> NDArray[np.bytes_]:
    """Return 64-bit numbers in sixteen hexadecimal digits, 32-bit numbers in eight."""
    big = numbers.astype(numbers.dtype.newbyteorder(">"))
    parts: NDArray[np.bytes_] = _HEX[big.view(">u2")].view(f"S{2 * numbers.dtype.itemsize}")
    return parts


def decimal_texts(numbers: NDArray[Any]) -> NDArray[np.bytes_]:
    """Return numbers below a hundred million in eight digits."""
    parts = np.stack([_DECIMAL[numbers // 10_000], _DECIMAL[numbers % 10_000]], axis=1)
    return parts.view("S8").ravel()


def prefixed(letter: str, texts: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Return texts of fixed width with a letter before each."""
    width = texts.dtype.itemsize
    out = np.empty((len(texts), width + 1), np.uint8)
    out[:, 0] = ord(letter)
    out[:, 1:] = texts.view(np.uint8).reshape(-1, width)
    return out.view(f"S{width + 1}").ravel()


def text_column(texts: NDArray[np.bytes_], valid: Flags | None = None) -> pa.Array:
    """Return texts of fixed width as an Arrow column; null where not `valid`."""
    width, rows = texts.dtype.itemsize, len(texts)
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(
        rows,
        pa.py_buffer(offsets),
        pa.py_buffer(np.ascontiguousarray(texts).view(np.uint8)),
        None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little")),
    )


def word_column(words: pa.Array, codes: NDArray[Any], valid: Flags | None = None) -> pa.Array:
    """Return the words of `codes` as an Arrow column; null where not `valid`.

    A long column refers to its vocabulary, and is written to Parquet so; a short one does not.
    """
    indices = pa.array(codes, mask=None if valid is None else ~valid)
    if len(codes) < 4 * len(words):
        return words.take(indices)
    return pa.DictionaryArray.from_arrays(indices, words)
