from __future__ import annotations

import platform

import lightgbm

from models.environment import LIBRARIES, environment


def test_python_and_every_library_are_named_with_their_versions() -> None:
    found = environment()

    assert set(found) == {"python", "machine", *LIBRARIES}
    assert found["python"] == platform.python_version()
    assert found["lightgbm"] == lightgbm.__version__
