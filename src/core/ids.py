"""Stable identifiers and digests: the same content has the same name, on every machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def digest(*parts: object, length: int = 16) -> str:
    """Return a short hex SHA-256 of JSON-able `parts`, the same for the same content."""
    text = json.dumps(parts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def file_digest(*paths: Path, length: int = 16) -> str:
    """Return a short hex SHA-256 of the contents of files, in the order given."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:length]


def pseudonym(customer_id: str) -> str:
    """Return what logs show instead of a customer id."""
    return digest("customer", customer_id, length=12)
