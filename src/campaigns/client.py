"""The service, as any e-mail provider sees it: over HTTP, with patience."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, unquote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from campaigns.message import Picture
from core.errors import ConfigError, DataError, UnavailableError
from core.settings import Settings, workspace_id

TIMEOUT_S: Final = 30.0
ATTEMPTS: Final = 6
FIRST_WAIT_S: Final = 0.25  # doubles each time: gives up after about eight seconds
LONGEST_WAIT_S: Final = 5.0  # a Retry-After beyond this is cut
LARGEST_PICTURE: Final = 1_000_000  # bytes; more does not belong inside an e-mail
_WORKSPACE: Final = "X-Sendwise-Workspace"
_NOW: Final = "X-Sendwise-Now"
_APART: Final = timedelta(days=2)  # of a long send's date, a time zone and the service's clock
_IMAGE: Final = re.compile(r"image/[a-z0-9.+-]{1,40}")  # it becomes a header of the part


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Block(_Part):
    """Which block stands in a slot, and why."""

    slot: str
    block: str
    reason: str
    rung: str


class Rendered(_Part):
    """The service's answer for one recipient; more fields than these are fine."""

    customer_id: str
    send: bool
    why_not: str | None = None
    subject: str | None = None
    preheader: str | None = None
    html: str | None = None
    text: str | None = None
    headers: dict[str, str] = {}
    blocks: list[Block] = []
    rung: str | None = None

    @model_validator(mode="after")
    def _content_to_send(self) -> Self:
        if self.send and not (self.subject and self.html and self.text):
            raise ValueError("send is true, but subject, html or text is missing")
        return self


_RENDERED: Final = TypeAdapter(list[Rendered])


@dataclass(frozen=True, slots=True)
class Expected:
    """The service that may answer: that of our customers, at our time.

    Ids are only unique within a workspace: another's service would fill our customers' e-mails
    with what other people bought.
    """

    workspace: str
    as_of: datetime


class Client:
    """Asks one sendwise service; use as a context manager.

    Args:
        url: Where the service listens.
        public_url: Its address as it stands in e-mails: pictures below it are asked for here.
        expected: An answer of any other service is refused.
        pause: Waits so many seconds between two attempts.
    """

    def __init__(
        self,
        url: str,
        *,
        public_url: str,
        expected: Expected,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._expected = expected
        self._public = f"{public_url.rstrip('/')}/assets/"
        self._pause = pause
        self._pictures: dict[str, Picture | None] = {}
        try:
            self._http = httpx.Client(base_url=self._url, timeout=TIMEOUT_S)
        except (httpx.InvalidURL, ValueError) as error:
            raise ConfigError(f"SENDWISE_SERVICE_URL {url!r} is not an address: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def check(self) -> None:
        """Return if the service listens, and is ours.

        Raises:
            ConfigError: It serves another workspace, or stands at another time.
            UnavailableError: It does not listen.
        """
        try:
            response = self._http.get("/livez")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._down(error) from None
        self._require_ours(response)

    def render(self, campaign: str, send_id: str, customer_ids: Sequence[str]) -> list[Rendered]:
        """Return the content for each customer, in the order asked.

        Raises:
            ConfigError: The service does not know the campaign, or does not let us in.
            DataError: It cannot read the request.
            UnavailableError: It does not answer, or not as agreed.
        """
        results = self.ask(
            "/v1/render",
            {
                "campaign": campaign,
                "send_id": send_id,
                "recipients": [{"customer_id": each} for each in customer_ids],
                "format": "json",
            },
        )
        try:
            answers = _RENDERED.validate_python(results)
        except ValidationError as error:
            first = error.errors()[0]
            raise self._strange(f"{first['loc']}: {first['msg']}") from None
        if [answer.customer_id for answer in answers] != list(customer_ids):
            raise self._strange("the answers are not for the customers asked about")
        return answers

    def ask(self, path: str, body: dict[str, object]) -> list[dict[str, Any]]:
        """POST `body` and return the `results` of the answer, one per recipient.

        Raises:
            ConfigError: 401, 403 or 404.
            DataError: Another refusal of the request.
            UnavailableError: No answer, or not as agreed.
        """
        response = self._patiently("POST", path, body)
        if response.is_error:
            said = f"{_detail(response)} (HTTP {response.status_code} from {self._url}{path})"
            if response.status_code in {401, 403, 404}:
                raise ConfigError(said)
            raise DataError(said)
        try:
            results = response.json()["results"]
        except (ValueError, KeyError, TypeError):
            raise self._strange("no results") from None
        if not isinstance(results, list):
            raise self._strange("results are not a list")
        return results

    def picture(self, address: str) -> Picture | None:
        """Return a picture of the service, asked for once; None where there is none to embed.

        Only addresses below `public_url/assets/` are asked for, and from the service itself.

        Raises:
            UnavailableError: It does not answer. Without its pictures an e-mail waits.
        """
        if address not in self._pictures:
            self._pictures[address] = self._fetch(address)
        return self._pictures[address]

    def _fetch(self, address: str) -> Picture | None:
        name = unquote(urlsplit(address).path.partition("/assets/")[2])
        if not address.startswith(self._public) or ".." in name.split("/"):
            return None
        response = self._patiently("GET", f"/assets/{quote(name)}", None)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_picture = response.status_code == httpx.codes.OK and _IMAGE.fullmatch(kind)
        if not is_picture or len(response.content) > LARGEST_PICTURE:
            return None
        return Picture(kind, response.content)

    def _patiently(self, method: str, path: str, body: object) -> httpx.Response:
        """Ask, again after a pause where that may help. All our requests can be repeated."""
        wait = FIRST_WAIT_S
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._http.request(method, path, json=body)
            except httpx.TransportError as error:
                if attempt == ATTEMPTS:
                    raise self._down(error) from None
            else:
                busy = response.status_code == httpx.codes.TOO_MANY_REQUESTS
                if not busy and not response.is_server_error:
                    self._require_ours(response)
                    return response
                if attempt == ATTEMPTS:
                    break
                asked = response.headers.get("retry-after", "")
                wait = max(wait, float(asked)) if asked.isdigit() else wait
            self._pause(min(wait, LONGEST_WAIT_S))
            wait *= 2
        raise UnavailableError(
            f"the service at {self._url} answers HTTP {response.status_code} to {path}, "
            f"{ATTEMPTS} times in a row. Look at its log; then run the command again."
        )

    def _require_ours(self, response: httpx.Response) -> None:
        """Refuse what another service than the expected one says; it may change at any time."""
        workspace, now = (response.headers.get(name, "") for name in (_WORKSPACE, _NOW))
        try:
            apart = abs(datetime.fromisoformat(now) - self._expected.as_of)
        except (ValueError, TypeError):
            raise self._strange(f"no {_NOW}") from None
        if workspace != self._expected.workspace:
            raise ConfigError(
                f"the service at {self._url} serves another workspace, with other customers. Start "
                "that of this one with `sendwise serve`, or correct SENDWISE_SERVICE_URL."
            )
        if apart > _APART:
            raise ConfigError(
                f"the service at {self._url} stands at {now[:10]}, this command at "
                f"{self._expected.as_of:%Y-%m-%d}: consents and lists would be of another time. "
                "Give both the same --as-of."
            )

    def _down(self, error: Exception) -> UnavailableError:
        return UnavailableError(
            f"the service at {self._url} does not answer ({error}). "
            "Start it with `sendwise serve`, or set SENDWISE_SERVICE_URL."
        )

    def _strange(self, what: str) -> UnavailableError:
        return UnavailableError(
            f"{self._url} does not answer as a sendwise service does: {what}. "
            "Check SENDWISE_SERVICE_URL."
        )


def open_client(settings: Settings, *, as_of: datetime) -> Client:
    """Return a client of the service that the settings name, if it is that of their workspace."""
    return Client(
        settings.service_url,
        public_url=settings.mail_url,
        expected=Expected(workspace_id(settings), as_of),
    )


def _detail(response: httpx.Response) -> str:
    """Return what a problem document says (RFC 9457), in one line."""
    try:
        problem = response.json()
        text = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError):
        text = None
    return " ".join(str(text or response.reason_phrase).split())[:500]
