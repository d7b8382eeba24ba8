"""Exceptions callers are expected to catch.

SendwiseError
├── ConfigError              bad settings, mapping or campaign: fail at start-up, never at send time
├── DataError                a frame, file or payload breaks its contract
│   ├── MissingColumnsError
│   └── NotEnoughDataError   valid, but too little to learn from
├── NotReadyError            a model, snapshot or bundle is not there yet: fall back
└── UnavailableError         a service, broker or store does not answer
"""

from __future__ import annotations

from collections.abc import Iterable


class SendwiseError(Exception):
    """Base class; `except SendwiseError` catches everything this project raises.

    The message is one line: what is wrong, where, and what to do next. The command line
    prints it and exits with 2; it never shows a traceback for it.
    """


class ConfigError(SendwiseError, ValueError):
    """A setting, mapping file or campaign cannot be used as it is."""


class DataError(SendwiseError, ValueError):
    """Input breaks its contract. Retrying with the same input cannot help."""


class MissingColumnsError(DataError):
    """A frame or file lacks columns that the callee documents as required."""

    def __init__(
        self,
        where: str,
        missing: Iterable[str],
        present: Iterable[str],
        advice: str = "map them in conf/mappings (docs/how-to/import-your-data.md)",
    ) -> None:
        self.where = where
        self.missing = tuple(sorted(missing))
        self.present = tuple(sorted(present))
        super().__init__(
            f"{where} needs columns {list(self.missing)}; got {list(self.present)}. "
            f"Rename them, or {advice}."
        )


class NotEnoughDataError(DataError):
    """There is too little data for what was asked; the message says how much is missing."""


class NotReadyError(SendwiseError):
    """Something that a pipeline has to make first is not there yet."""


class UnavailableError(SendwiseError, OSError):
    """Something outside this process does not answer."""
