"""Ports for peers and servers of tests."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """Return a port nobody listens on.

    It is below those that the system gives to outgoing connections: somebody else's, or our own
    asking whether the server is up yet, would otherwise take it now and then.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free between 20000 and 32000")
