"""Run the service: check what it needs, ask the registry, hand over to BentoML's own server."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from typing import NoReturn

from content.campaign import published
from core.clock import parse_as_of
from core.errors import ConfigError, NotReadyError, SendwiseError
from core.settings import Settings
from models import bundles
from models.registered import MODELS
from pipelines.outcome import console
from profiles.snapshot import open_snapshot
from serving.brain import SHIPPED

SERVICE = "serving.service:Sendwise"
FRESH_DAYS = 7  # a snapshot is made daily; older than this, somebody should know


def run_service(settings: Settings, *, host: str, port: int, as_of: str) -> NoReturn:
    """Replace this process by the server; it runs until it is stopped (Ctrl-C).

    Args:
        settings: Where the workspace is.
        host: Address to listen on.
        port: Port to listen on.
        as_of: The service's clock, ISO 8601. Empty: the setting `now`, else the real one.

    Raises:
        ConfigError: `as_of` is no instant, or nothing can listen there.
    """
    now = as_of or settings.now
    if now:
        parse_as_of(now)
    host = check_address(host, port)
    os.environ.update(server_environment(settings, now=now))
    if not settings.public_url:
        os.environ["SENDWISE_PUBLIC_URL"] = _address(host, port)
    if has_news(settings):
        fetch_champions(settings)
    _greet(settings, host=host, port=port, now=now)
    command = [sys.executable, "-m", "bentoml", "serve", SERVICE, "--host", host]
    # The folder of the rooms is the working directory: there is no file of ours to be found in it.
    command += ["--port", str(port), "--working-dir", str(SHIPPED.parent)]
    os.execv(sys.executable, command)  # noqa: S606  # no shell is wanted


def server_environment(settings: Settings, *, now: str) -> dict[str, str]:
    """Return what the server's processes need to know: they find the same workspace.

    BentoML keeps its own files in the workspace, never in the user's home, and calls nobody.
    """
    home = settings.home.absolute()
    conf = settings.conf.absolute()
    environment = {
        "SENDWISE_HOME": str(home),
        "SENDWISE_CONF": str(conf),
        "SENDWISE_NOW": now,
        "BENTOML_HOME": str(home / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONUNBUFFERED": "1",
    }
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # one row at a time: threads only cost
        environment.setdefault(name, os.environ.get(name, "1"))
    return environment


def has_news(settings: Settings) -> bool:
    """Tell whether a registry may know of other champions than those kept, without MLflow."""
    if settings.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI"):
        return True
    return (settings.home / "mlflow.db").is_file() and not bundles.are_current(settings.home)


def fetch_champions(settings: Settings) -> None:
    """Bring the last good bundles up to what the registry says; one line where it cannot.

    The service itself never imports MLflow: it serves the bundles of its workspace.
    """
    from models import registry  # MLflow: only where there is news

    for name in MODELS:
        try:
            registry.champion(settings, name)
        except NotReadyError:
            continue  # never trained: the service itself says what is missing
        except SendwiseError as error:
            console.print(f"registry: {error} Serving what was kept before.", soft_wrap=True)
            return  # it would say the same of the others


def check_address(host: str, port: int) -> str:
    """Return the IP address to listen on, after trying whether anybody may.

    Raises:
        ConfigError: It is no address, or the port is taken or not allowed.
    """
    host = "127.0.0.1" if host == "localhost" else host
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        raise ConfigError(
            f"--host {host!r} is not an IP address. Write 127.0.0.1 for this machine only, "
            "0.0.0.0 for everybody who can reach it."
        ) from None
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror or error}. "
            f"Stop what uses it, or choose another: `sendwise serve --port {port + 1}`."
        ) from None
    return host


def _greet(settings: Settings, *, host: str, port: int, now: str) -> None:
    url = _address(host, port)
    campaigns = published(settings.home)
    sample = f"{campaigns[0] if campaigns else 'weekly_picks'}/CUSTOMER_ID?format=html"
    for line in (
        f"sendwise serves {settings.home} at [bold]{url}[/bold]" + f" as of {now}" * bool(now),
        f"  docs    {url}/   (OpenAPI: {url}/docs.json)",
        f"  render  {url}/v1/render/{sample}",
        f"  health  {url}/readyz",
        "  Ctrl-C stops it.",
    ):
        console.print(line, soft_wrap=True)
    if settings.public_url:
        console.print(f"  e-mails point to {settings.public_url} (SENDWISE_PUBLIC_URL).")
    _warn_of_age(settings, now)


def _warn_of_age(settings: Settings, now: str) -> None:
    """Say so where the answers would be of another time than the service's clock."""
    try:
        with open_snapshot(settings.home) as snapshot:
            as_of = snapshot.manifest.as_of
    except SendwiseError:
        return  # none yet: the service itself says what is missing
    days = (parse_as_of(now) - as_of).days
    if days > FRESH_DAYS:
        console.print(
            f"  [yellow]the snapshot is of {as_of:%Y-%m-%d}, {days:,} days ago:[/yellow] run "
            f"`sendwise score`, or serve data of the past with --as-of {as_of:%Y-%m-%d}."
        )


def _address(host: str, port: int) -> str:
    """Return where this machine finds the service."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # all: any will do
    return f"http://{f'[{near}]' if ':' in near else near}:{port}"
