"""Running templates nobody has vouched for: in a child process with little time and memory.

Fuel counts instructions, not bytes: a short template can build a gigabyte within it. So a
campaign is rendered in every branch here, before it is rendered anywhere else.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from content.templates import RenderError, environment, plain, run
from core.errors import ConfigError

TIMEOUT_S: Final = 2.0  # of processor time for everything; a campaign takes about 0.05 s
_START_S: Final = 20.0  # a busy machine may take long to start Python; the child counts its own
_MEMORY: Final = 256 * 2**20  # beyond what the child has when it starts


@dataclass(frozen=True, slots=True)
class Branch:
    """One way an e-mail can turn out: what to render, with which variables."""

    name: str
    templates: tuple[str, ...]
    context: Mapping[str, object]


def try_out(
    sources: Mapping[str, str],
    branches: Sequence[Branch],
    *,
    folder: Path,
    paths: Mapping[str, Path],
) -> list[dict[str, str]]:
    """Render every branch strictly, in a child process that cannot hurt.

    `subject` and `preheader`, where a branch renders them, are variables of what it renders next.

    Returns:
        Per branch, template name -> output.

    Raises:
        ConfigError: A template does not parse, misses a variable, or takes too long or too
            much memory. The message names the file (from `paths`, else in `folder`) and line.
    """
    order = json.dumps({"sources": sources, "branches": [asdict(branch) for branch in branches]})
    try:
        child = subprocess.run(  # our own module
            [sys.executable, "-m", "content.trial"],
            input=order.encode(),
            capture_output=True,
            timeout=_START_S,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        output = child.stdout
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
    lines = [json.loads(line) for line in output.splitlines() if line.endswith(b"}")]
    if not lines:
        raise ConfigError(f"{folder}: the templates could not be tried out: no answer in time.")
    last = lines[-1]
    path = paths.get(last.get("template", ""), folder / last.get("template", ""))
    if "error" in last:
        branch = f" (when {last['branch']})" if last["branch"] else ""
        raise ConfigError(f"{path} line {last['line']}: {last['error']}{branch}.")
    if "done" not in last:
        raise ConfigError(
            f"{path}: takes more than {TIMEOUT_S:.0f} s or "
            f"{_MEMORY // 2**20} MB to render (when {last['branch']}). Look for a loop that grows."
        )
    done: list[dict[str, str]] = last["done"]
    return done


def _main() -> None:
    order = json.load(sys.stdin)
    _confine()
    branch = ""
    try:
        env = environment(order["sources"], strict=True)
        done = []
        for given in order["branches"]:
            branch = given["name"]
            context = dict(given["context"])
            outputs: dict[str, str] = {}
            for name in given["templates"]:
                _say({"template": name, "branch": branch})
                outputs[name] = run(env, name, context)
                if name in ("subject.txt", "preheader.txt"):
                    context[name.removesuffix(".txt")] = plain(outputs[name])
            done.append(outputs)
        _say({"done": done})
    except RenderError as error:
        _say(
            {"error": error.what, "template": error.template, "line": error.line, "branch": branch}
        )


def _confine() -> None:
    used_s = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used_s.ru_utime + used_s.ru_stime + TIMEOUT_S + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    memory = pages * resource.getpagesize() + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _say(line: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
