"""The send step: ask the service for each recipient, claim, hand over, book what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, Protocol

from campaigns.audience import Recipient
from campaigns.claims import Claim, Claims, State
from campaigns.client import Rendered
from campaigns.message import Body, Mailing, Message, compose, mailbox
from campaigns.transports import (
    AddressRefusedError,
    OutcomeUnknownError,
    RefusedError,
    Transport,
    TryLaterError,
)
from core.errors import DataError, UnavailableError

BATCH: Final = 100  # recipients a request
MOST_PUT_OFF: Final = 20  # in a row: then it is not about the recipients
MOST_REFUSED: Final = 20  # likewise; dead addresses do not count


class Renders(Protocol):
    """Anything that gives the content for customers, in the order asked."""

    def render(self, campaign: str, send_id: str, customer_ids: Sequence[str]) -> list[Rendered]:
        """Return one answer per customer."""
        ...


@dataclass(slots=True)
class Sending:
    """One run of a send. A run that stops anywhere can be followed by another.

    Attributes:
        stop: Asked between two messages; true ends the run in good order.
        progress: Told how many more recipients are settled.
        done: How many recipients this run brought into each state.
    """

    mailing: Mailing
    service: Renders
    transport: Transport
    claims: Claims
    stop: Callable[[], bool] = lambda: False
    progress: Callable[[int], None] = lambda _: None
    done: Counter[State] = field(default_factory=Counter)
    put_off: int = 0  # in a row
    doubted: list[Claim] = field(default_factory=list)  # refused since the server last took one

    def run(self, recipients: Iterable[Recipient]) -> None:
        """Mail everybody who is not settled yet, in the order given.

        Nobody is claimed before the service has answered for them, so that a service that is
        down or does not know the campaign leaves no trace.

        Raises:
            SendwiseError: Going on makes no sense; what was sent is booked.
        """
        waiting = iter(recipients)
        while not self.stop() and (batch := list(islice(waiting, BATCH))):
            answers = self.service.render(
                self.mailing.campaign, self.mailing.send_id, [each.customer_id for each in batch]
            )
            messages: list[Message] = []
            booked: list[Claim] = []
            for recipient, answer in zip(batch, answers, strict=True):
                claim, message = self._prepare(recipient, answer)
                booked.append(claim)
                messages += [message] if message else []
            self._book(booked)
            self.progress(len(batch) - len(messages))
            self._hand_over_all(messages)
        if not self.stop():
            self._book(self._believed())

    def _prepare(self, recipient: Recipient, answer: Rendered) -> tuple[Claim, Message | None]:
        customer_id = recipient.customer_id
        if not answer.send:
            why = answer.why_not or "the service gave no reason"
            return Claim(customer_id, State.SKIPPED, why=why), None
        body = Body(answer.subject or "", answer.html or "", answer.text or "", answer.headers)
        try:
            to = mailbox(recipient.email)
        except DataError as error:
            return Claim(customer_id, State.REFUSED, why=str(error)), None
        message = compose(self.mailing, body, customer_id=customer_id, to=to)
        return Claim(customer_id, State.CLAIMED, message.message_id), message

    def _hand_over_all(self, messages: Sequence[Message]) -> None:
        """Hand over in turn. One commit books the last outcome and the next hand-over together."""
        outcome: list[Claim] = []
        try:
            for message in messages:
                if self.stop():
                    break
                self._book(
                    [*outcome, Claim(message.customer_id, State.HANDING_OVER, message.message_id)]
                )
                outcome = []
                outcome = self._hand_over(message)
                self.progress(1)
                self._give_up_if_in_vain(outcome[-1].why)
        finally:
            self._book(outcome)

    def _hand_over(self, message: Message) -> list[Claim]:
        """Hand over one message; return what is known now, of those before it too."""
        claim = Claim(message.customer_id, State.CLAIMED, message.message_id)
        try:
            self.transport.hand_over(message)
        except AddressRefusedError as error:
            return [replace(claim, state=State.REFUSED, why=str(error))]
        except RefusedError as error:
            # Not written off yet: were this process killed now, the next run would ask again.
            self.doubted.append(replace(claim, state=State.REFUSED, why=str(error)))
            return [replace(claim, why=str(error))]
        except OutcomeUnknownError as error:
            claim = replace(claim, state=State.UNKNOWN, why=str(error))
        except TryLaterError as error:
            self.put_off += 1
            return [replace(claim, why=str(error))]
        except UnavailableError:
            self._book([claim])
            raise
        else:
            claim = replace(claim, state=State.SENT)
        self.put_off = 0
        return [*self._believed(), claim]

    def _believed(self) -> list[Claim]:
        """Return those refused since the server last took one: it was about them, then."""
        believed, self.doubted = self.doubted, []
        return believed

    def _give_up_if_in_vain(self, last: str | None) -> None:
        where = self.transport.where
        if self.put_off >= MOST_PUT_OFF:
            raise UnavailableError(
                f"{where} puts everything off, last with: {last}. "
                "Run the same command later to go on."
            )
        if len(self.doubted) >= MOST_REFUSED:
            raise UnavailableError(
                f"{where} refused {len(self.doubted)} in a row, last with: {last}. "
                "Check the SMTP settings and these addresses, then run the same command again: "
                "they will be tried once more."
            )

    def _book(self, claims: Sequence[Claim]) -> None:
        if claims:
            self.claims.book(claims)
            self.done.update(
                claim.state
                for claim in claims
                if claim.state not in {State.CLAIMED, State.HANDING_OVER}
            )
