"""The whole chain on a year of grocery purchases: `sendwise --home var/demo demo`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from core.errors import UnavailableError
from core.settings import Settings, without_login
from pipelines.drift_report import report_drift
from pipelines.gallery import write_gallery
from pipelines.import_data import import_data
from pipelines.outcome import Outcome, console
from pipelines.publish_campaign import publish_campaign
from pipelines.score_customers import score_customers
from pipelines.send_campaign import send_campaign
from pipelines.training import train_model

CAMPAIGN: Final = "weekly_picks"
REFERENCE, CURRENT = "2017-06", "2017-11"  # the months of the drift report
TRAINED: Final = ("propensity", "churn", "value", "clusters", "recommender")
SENDWISE: Final = Path(sys.executable).with_name("sendwise")
START_S: Final = 60.0
STOP_S: Final = 20.0


@dataclass(slots=True)
class _Steps:
    """What was done so far, in words and in numbers, and how long each step took."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    data: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(
        self, name: str, run: Callable[[], Outcome], say: Callable[[dict[str, Any]], str]
    ) -> None:
        console.print(f"[dim]{name} ...[/dim]")
        started = time.monotonic()
        outcome = run()
        seconds = time.monotonic() - started
        said = say(outcome.data)
        if outcome.status == "unchanged":
            said += " (unchanged)"
        self.rows.append((name, said, f"{seconds:.1f} s"))
        self.data[name] = {**outcome.data, "status": outcome.status, "seconds": seconds}


def run_demo(
    settings: Settings, *, as_of: datetime, trials: int, path: Path | None = None
) -> Outcome:
    """Import, train, score, publish, serve, send to the outbox, and look at the drift.

    Args:
        settings: The workspace; the demo starts a service of its own on a free port.
        as_of: The day the demo lives on; what the data hold after it stays unknown.
        trials: Optuna trials of each tuned model.
        path: Folder of the data set's files; None: the installed package.

    Raises:
        SendwiseError: What stopped the chain; what was done before stays.
    """
    steps = _Steps()
    started = time.monotonic()
    _learn(settings, steps, as_of=as_of, trials=trials, path=path)
    _reach(settings, steps, as_of=as_of)
    steps.take(
        "drift",
        lambda: report_drift(settings, reference=REFERENCE, current=CURRENT),
        lambda data: f"{data['share']:.0%} of the columns drifted; {data['report']}",
    )
    return _outcome(settings, steps, as_of=as_of, seconds=time.monotonic() - started)


def _learn(
    settings: Settings, steps: _Steps, *, as_of: datetime, trials: int, path: Path | None
) -> None:
    """Import, train and score: all that needs no customer to look at it."""
    steps.take(
        "import",
        # The year is over: its days are closed, and rows after `as_of` are there to be ignored.
        lambda: import_data(
            settings, as_of=datetime.now(as_of.tzinfo), dataset="complete-journey", path=path
        ),
        _imported,
    )
    for what in TRAINED:
        steps.take(
            f"train {what}",
            partial(train_model, settings, what, as_of=as_of, trials=trials),
            _trained,
        )
    steps.take("score", lambda: score_customers(settings, as_of=as_of), _scored)


def _reach(settings: Settings, steps: _Steps, *, as_of: datetime) -> None:
    """Publish the campaign, serve it, send it to the outbox, and show what was sent."""
    steps.take(
        f"publish {CAMPAIGN}",
        lambda: publish_campaign(settings, CAMPAIGN, as_of=as_of),
        lambda data: f"version {data['version']}",
    )
    with _service(settings, as_of=as_of) as url:
        asking = settings.model_copy(update={"service_url": url, "public_url": settings.mail_url})
        steps.take(
            f"send {CAMPAIGN}",
            lambda: send_campaign(asking, campaign=CAMPAIGN, transport="outbox", as_of=as_of),
            _sent,
        )
        steps.take(
            "gallery",
            lambda: write_gallery(asking, CAMPAIGN, as_of=as_of),
            lambda data: str(data["page"]),
        )


@contextmanager
def _service(settings: Settings, *, as_of: datetime) -> Iterator[str]:
    """Run `sendwise serve` on a free port of this machine; give its address while it is up."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = settings.home / "serve.log"
    command = [str(SENDWISE), "--home", str(settings.home)]
    command += ["serve", "--port", str(port), "--as-of", as_of.isoformat()]
    with log.open("w") as output:
        # Links go to where `sendwise serve` will listen, not to the port of this one run.
        environment = {**os.environ, "SENDWISE_PUBLIC_URL": settings.mail_url}
        server = subprocess.Popen(command, stdout=output, stderr=output, env=environment)  # noqa: S603  # ours
    try:
        _wait_until_ready(server, url, log)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise UnavailableError(f"the service did not start. {log} says why.")


def _imported(data: dict[str, Any]) -> str:
    rows = sum(part["read"] for part in data["sections"])
    refused = sum(sum(part["quarantined"].values()) for part in data["sections"])
    return (
        f"{rows:,} rows: {data['events']:,} new events of {data['customers']:,} new customers, "
        f"{refused:,} rows in quarantine"
    )


def _trained(data: dict[str, Any]) -> str:
    metric = data["metric"]
    shown = ", ".join(
        f"{one['name']} {one['metrics'][metric]:.3f}"
        for one in data["contenders"]
        if metric in one["metrics"]
    )
    unmoved = "; tuning did not beat the defaults" if data.get("tuned") is False else ""
    return f"{data['model']} v{data['version']} ({data['alias']}): {metric} of {shown}{unmoved}"


def _scored(data: dict[str, Any]) -> str:
    return f"{data['customers']:,} customers in snapshot {data['snapshot']}"


def _sent(data: dict[str, Any]) -> str:
    skipped = "; ".join(f"{number:,} skipped: {why}" for why, number in data["skipped"].items())
    return f"{data['sent']:,} e-mails" + f" ({skipped})" * bool(skipped)


def _outcome(settings: Settings, steps: _Steps, *, as_of: datetime, seconds: float) -> Outcome:
    home, day = settings.home, f"{as_of:%Y-%m-%d}"
    program = SENDWISE.parent
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    ui, address = f"{program}/mlflow ui", without_login(settings.mlflow_uri)
    return Outcome(
        title=f"The main job, end to end, as of {day}",
        columns=("step", "what came of it", "time"),
        rows=[*steps.rows, ("all", "", f"{seconds:.1f} s")],
        data={"as_of": day, "seconds": seconds, "steps": steps.data},
        notes=[
            "",
            str(steps.data["import"]["notice"]),
            "",
            f"Look at twelve of the e-mails:  {steps.data['gallery']['page']}",
            f"Look at the drift report:       {steps.data['drift']['report']}",
            f"Start the service:              {program}/sendwise --home {home} serve --as-of {day}",
            f"Browse runs and models:         {ui} --backend-store-uri {address}",
            "Read the first notebook:        notebooks/01_first_look.ipynb",
            "See what is recommended, why:   notebooks/02_recommendations.ipynb",
            "See who will buy, whom to mail: notebooks/03_who_will_buy.ipynb",
            "See the kinds of customers:     notebooks/04_customer_groups.ipynb",
            "See what customers are worth:   notebooks/05_customer_value.ipynb",
        ],
    )
