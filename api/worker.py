"""The worker process: fires timeouts, relays the outbox, sends mail. As many as you like may run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import httpx

from api.runtime import Runtime, make_gateways, make_mailer, require_secret, running
from billing.pass_revenue import earn_due
from billing.recognition import recognise_due
from billing.reports.keeping import keep_days
from engine.database import Transaction
from engine.errors import StartupFailed
from engine.jobs import make_app
from engine.logs import configure_logs
from engine.outbox import read_message
from engine.settings import settings
from engine.worker import Duty, run_worker
from invoicing.account_papers import Receipt, render_receipt
from invoicing.document import Document, DocumentKind
from invoicing.pdf import render_pdf
from invoicing.ticket import render_tickets
from notifications.choices import is_stopped, may_stop, stop_link
from notifications.delivery import send_once
from notifications.email import compose
from notifications.facts import reading_locale
from notifications.messages import (
    Attachment,
    BookingCanceled,
    BookingConfirmed,
    DayClosed,
    InvoiceIssued,
    Message,
    OverdueFee,
    PaymentReceived,
    QuoteIssued,
)
from notifications.own_texts import own_text
from notifications.texts import Text, kind_of
from web.mail_words import in_the_readers_words
from workflows.account_papers import NotReceived, receipt_of
from workflows.debit_run import collect_due
from workflows.documents import credit_note_document, invoice_document, newest_credit_note, newest_document
from workflows.idle_orders import remove_idle
from workflows.invoice_runs import issue_due_invoices
from workflows.makeup_credit import expire_credits, remind_of_credits
from workflows.messages import TOPICS, compose_message
from workflows.overdue_fees import charge_overdue
from workflows.pass_messages import remind_of_passes
from workflows.pay_as_you_go import debit_held_sessions
from workflows.payment_events import query_processing
from workflows.payment_reminders import remind_of_payments
from workflows.refunds import pay_refunds
from workflows.set_off import set_off_left
from workflows.subscription import end_subscriptions
from workflows.subscription_terms import roll_subscriptions
from workflows.term_end import end_terms
from workflows.tickets import tickets_of_order
from workflows.timeouts import handlers
from workflows.waiting_again import look_again
from workflows.waiting_past import end_past_waits
from workflows.wallet import expire_bonus
from workflows.webhooks import deliver_due, fan_out

_TASK = "tell_family"
# Often enough that a payment whose news were lost is known before its order times out.
_QUERY_EVERY_SECONDS = 15.0
_DELIVER_EVERY_SECONDS = 2.0
_TIDY_EVERY_SECONDS = 600.0
_QUEUES_EVERY_SECONDS = 30.0
_SUBSCRIPTIONS: Mapping[str, Callable[..., int]] = {
    "roll subscriptions": roll_subscriptions, "issue scheduled invoices": issue_due_invoices,
    "end subscriptions": end_subscriptions,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way: what it says in whose words, and how its reader stops such mails, where that may be."""

    message: Message
    text: Text | None = None
    unsubscribe: str = ""


class TellFamily:
    """The job of an outbox message: the mail to the family, with the document that it is about as PDF."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.mailer = make_mailer(runtime.settings)

    def __call__(self, *, organisation_id: UUID, message_id: UUID) -> None:
        now = self.runtime.clock.now()
        self.runtime.database.run(organisation_id, lambda tx: fan_out(tx, read_message(tx, message_id), now=now))
        letter = self._compose(organisation_id, message_id, now)
        mail = None if letter is None else compose(
            letter.message, message_id=message_id, from_address=self.mailer.from_address, now=now, text=letter.text,
            unsubscribe=letter.unsubscribe,
        )  # fmt: skip
        send_once(
            self.runtime.database, self.mailer, organisation_id=organisation_id, message_id=message_id, now=now,
            make=lambda _: mail,
        )  # fmt: skip

    def _compose(self, organisation_id: UUID, message_id: UUID, now: datetime) -> "Letter | None":
        """Read in one transaction, render after it: no transaction waits for a PDF."""
        with self.runtime.database.transaction(organisation_id) as tx:
            entry = read_message(tx, message_id)
            letter = self._address(tx, compose_message(
                tx, entry, base_url=self.runtime.settings.base_url, secret=self.runtime.settings.secret
            ), now)  # fmt: skip
            message = letter.message if letter else None
            document = self._document(tx, message, entry.payload)
            receipt = self._receipt(tx, message, entry.payload)
            tickets = self._tickets(tx, message, entry.payload)
        if letter is None or (document, receipt, tickets) == (None, None, None):
            return letter
        attachments = []
        if document is not None:
            content = render_pdf(document)
            self.runtime.document_path(organisation_id, document.number).write_bytes(content)
            attachments.append(Attachment(filename=f"{document.number}.pdf", content=content))
        if receipt is not None:
            attachments.append(Attachment(filename=f"receipt-{receipt.number}.pdf", content=render_receipt(receipt)))
        if tickets is not None:
            reference = tickets["tickets"][0].booking_reference
            attachments.append(Attachment(filename=f"{reference}-tickets.pdf", content=render_tickets(**tickets)))
        return replace(letter, message=replace(letter.message, attachments=tuple(attachments)))

    def _address(self, tx: Transaction, message: Message | None, now: datetime) -> "Letter | None":
        """The message in the organisation's words, with the way to stop such mails; None where it was stopped."""
        if message is None:
            return None
        message = in_the_readers_words(message)
        kind, account_id = kind_of(message), message.recipient.account_id
        text = own_text(tx, kind, reading_locale(message).language)
        if account_id is None or not may_stop(message):
            return Letter(message, text)
        if is_stopped(tx, account_id, kind):
            return None
        settings = self.runtime.settings
        link = stop_link(settings.secret, tx.organisation_id, account_id, kind, now=now)
        return Letter(message, text, f"{settings.base_url.rstrip('/')}/mail/stop/{link}")

    @staticmethod
    def _tickets(tx: Transaction, message: Message | None, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a confirmation with seats brings along besides its invoice."""
        if not isinstance(message, BookingConfirmed) or not message.has_tickets:
            return None
        return tickets_of_order(tx, UUID(str(payload["subject_id"])))

    @staticmethod
    def _receipt(tx: Transaction, message: Message | None, payload: Mapping[str, Any]) -> Receipt | None:
        """Of money that came in, unless the bank has taken it back since."""
        if not isinstance(message, PaymentReceived):
            return None
        try:
            return receipt_of(tx, UUID(str(payload["payment_id"])))
        except NotReceived:
            return None

    @staticmethod
    def _document(tx: Transaction, message: Message | None, payload: Mapping[str, Any]) -> Document | None:
        if isinstance(message, BookingConfirmed):
            return newest_document(tx, order_id=UUID(str(payload["subject_id"])), kind=DocumentKind.INVOICE)
        if isinstance(message, InvoiceIssued | OverdueFee):
            return invoice_document(tx, UUID(str(payload["invoice_id"])))
        if isinstance(message, BookingCanceled):
            booking_id = UUID(str(payload["subject_id"]))
            return newest_credit_note(tx, booking_id=booking_id, number=message.credit_note_number)
        if isinstance(message, DayClosed) and payload.get("credit_note_id"):
            return credit_note_document(tx, UUID(str(payload["credit_note_id"])))
        if isinstance(message, QuoteIssued):
            return newest_document(tx, order_id=UUID(str(payload["subject_id"])), kind=DocumentKind.QUOTE)
        return None


def work(runtime: Runtime) -> None:
    """Work until SIGTERM or SIGINT. Raises StartupFailed."""
    require_secret(runtime.settings)
    configure_logs(runtime.settings.log_level)
    app = make_app(runtime.owner_url, tasks={_TASK: TellFamily(runtime)}, app_role=runtime.settings.app_role)
    gateways = make_gateways(runtime.settings)

    def query() -> int:
        return query_processing(runtime.database, gateways, now=runtime.clock.now())

    def refund() -> int:
        return pay_refunds(runtime.database, gateways, now=runtime.clock.now())

    def remove() -> int:
        return remove_idle(runtime.database, now=runtime.clock.now())

    def end_waits() -> int:
        return end_past_waits(runtime.database, now=runtime.clock.now())

    def collect() -> int:
        return collect_due(runtime.database, now=runtime.clock.now())

    def end() -> int:
        return end_terms(runtime.database, now=runtime.clock.now())

    def expire() -> int:
        return expire_credits(runtime.database, now=runtime.clock.now())

    client = httpx.Client(headers={"User-Agent": "Termbook"})

    def deliver() -> int:
        chosen = runtime.settings
        return deliver_due(runtime.database, client, secret=chosen.secret, now=runtime.clock.now(),
                           only_public=chosen.base_url.startswith("https://"))  # fmt: skip

    def run_now(job: Callable[..., int]) -> int:
        return job(runtime.database, now=runtime.clock.now())

    def remind_families() -> int:
        return remind_of_payments(runtime.database, now=runtime.clock.now())

    run_worker(
        runtime.database, runtime.clock, app=app, topics=dict.fromkeys(TOPICS, _TASK), handlers=handlers(),
        duties=[
            Duty("deliver webhooks", _DELIVER_EVERY_SECONDS, deliver),
            Duty("query payments", _QUERY_EVERY_SECONDS, query),
            Duty("remove idle orders", _TIDY_EVERY_SECONDS, remove),
            Duty("look at queues again", _QUEUES_EVERY_SECONDS, partial(run_now, look_again)),
            Duty("end past waits", _TIDY_EVERY_SECONDS, end_waits),
            Duty("collect debits", _TIDY_EVERY_SECONDS, collect),
            Duty("remind of payments", _TIDY_EVERY_SECONDS, remind_families),
            Duty("charge overdue fees", _TIDY_EVERY_SECONDS, partial(run_now, charge_overdue)),
            Duty("expire makeup credits", _TIDY_EVERY_SECONDS, expire),
            Duty("remind of makeup credits", _TIDY_EVERY_SECONDS, partial(run_now, remind_of_credits)),
            Duty("remind of passes", _TIDY_EVERY_SECONDS, partial(run_now, remind_of_passes)),
            Duty("pay refunds", _QUERY_EVERY_SECONDS, refund),
            Duty("expire bonus", _TIDY_EVERY_SECONDS, partial(run_now, expire_bonus)),
            Duty("set off debts", _QUEUES_EVERY_SECONDS, partial(run_now, set_off_left)),
            Duty("debit held sessions", _QUEUES_EVERY_SECONDS, partial(run_now, debit_held_sessions)),
            Duty("end terms", _TIDY_EVERY_SECONDS, end),
            Duty("recognise revenue", _TIDY_EVERY_SECONDS, partial(run_now, recognise_due)),
            Duty("earn passes", _TIDY_EVERY_SECONDS, partial(run_now, earn_due)),
            Duty("keep days", _TIDY_EVERY_SECONDS, partial(run_now, keep_days)),
            *(Duty(name, _TIDY_EVERY_SECONDS, partial(run_now, job)) for name, job in _SUBSCRIPTIONS.items()),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    try:
        with running(settings()) as started:
            work(started)
    except StartupFailed as failure:
        raise SystemExit(failure.message) from None
