"""Runs a command and watches the memory of its process tree."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

SAMPLE_S = 0.1


def run_and_watch(command: Sequence[str]) -> tuple[str, float, float]:
    """Run `command`; return its output, its wall seconds and the peak GiB of its whole tree."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _resident_bytes(process.pid))
            time.sleep(SAMPLE_S)
        seconds = time.monotonic() - started
        output.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
        return output.read(), seconds, peak / 2**30


def _resident_bytes(pid: int) -> int:
    """Sum the resident memory of a process and all it started; shared pages count repeatedly."""
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total
