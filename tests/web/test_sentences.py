"""What the domain says, read from its sources: every sentence of a refusal is one that a French page says in French."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from babel import Locale

from notifications.email import forms_of
from notifications.messages import Organisation
from notifications.samples import sample_of
from tests.builders import NOW
from web.mail_words import in_the_readers_words
from web.reasons import recognised, said
from web.words import translations

ROOT = Path(__file__).parents[2]
FRENCH = translations("fr")
# Of what people do on pages; what is said while a file of a programme is imported is still to be translated.
SPOKEN = [
    "api/attempts.py", "api/births.py", "api/passkeys.py", "api/pins.py", "api/sign_in.py", "api/visits.py",
    "attendance/conflicts.py", "attendance/headcounts.py", "attendance/marks.py", "attendance/ratio.py",
    "attendance/roll.py", "attendance/signatures.py", "attendance/today.py", "billing/bank_csv.py",
    "billing/bank_files.py", "billing/debit_returns.py", "billing/journal.py", "billing/ledger.py",
    "billing/periods.py", "billing/reports/catalogue.py", "billing/wallet.py", "catalogue/activities.py",
    "catalogue/eligibility.py", "catalogue/promo_codes.py", "catalogue/roll_over.py", "catalogue/schedule.py",
    "catalogue/seat_plan.py", "catalogue/selection.py", "catalogue/venues.py", "engine/fire.py",
    "workflows/absence_withdrawal.py", "workflows/absences.py", "workflows/bank_statements.py",
    "workflows/bank_unmatching.py", "workflows/booking_opening.py", "workflows/capacity.py",
    "workflows/change_adjustments.py", "workflows/change_guards.py", "workflows/closure_days.py",
    "workflows/closure_facts.py", "workflows/closure_reopening.py", "workflows/debit_returns.py",
    "workflows/debit_runs.py", "workflows/direct_debit.py", "workflows/group_guards.py", "workflows/group_order.py",
    "workflows/group_payments.py", "workflows/group_schedule.py", "workflows/group_submission.py",
    "workflows/guests.py", "workflows/interest_rules.py", "workflows/invoice_runs.py", "workflows/late_pickup.py",
    "workflows/makeup_use.py", "workflows/mandate.py", "workflows/order_cart.py", "workflows/order_confirmation.py",
    "workflows/order_discounts.py", "workflows/order_guards.py", "workflows/order_requests.py",
    "workflows/order_schedule.py", "workflows/overdue_fees.py", "workflows/pass_use.py", "workflows/passes.py",
    "workflows/payment_reversal.py", "workflows/payment_reviews.py", "workflows/payment_ways.py",
    "workflows/payments.py", "workflows/places.py", "workflows/refund_request.py", "workflows/refunds.py",
    "workflows/registration.py", "workflows/roll_closing.py", "workflows/seat_guards.py", "workflows/subscription.py",
    "workflows/subscription_changes.py", "workflows/subscription_reviews.py", "workflows/subscription_rules.py",
    "workflows/subscription_terms.py", "workflows/waiting_guards.py", "workflows/waiting_list.py",
    "workflows/waiting_offers.py", "workflows/waiting_orders.py", "workflows/waiting_queue.py", "workflows/wallet.py",
    "workflows/wallet_submission.py", "workflows/wanted_activities.py", "workflows/write_off.py",
]  # fmt: skip
# What is put together where it is said, with a whole sentence that comes of it.
MADE_OF = {
    "The promo code <code> is good <when>.": "The promo code SUN10 is good from 4 Apr 2026 until 12 Apr 2026.",
    "<attendee.name> <has>; <offering.name> takes <ages_in_words(low, below)>.":
        "Mia is 5 years on 7 May 2026; Karate takes 6 to 8 years.",
    "<_WITHOUT_MAKEUP>the program gives none.": "no makeup credit: the program gives none.",
    "<_WITHOUT_MAKEUP>a trial or a makeup session is not made up for.":
        "no makeup credit: a trial or a makeup session is not made up for.",
    "<_WITHOUT_MAKEUP>it is told at least <rule.notice_hours> hours before the session.":
        "no makeup credit: it is told at least 24 hours before the session.",
    "<_WITHOUT_MAKEUP>the <rule.per_term> of this term are given.": "no makeup credit: the 3 of this term are given.",
    "<_WITHOUT_MAKEUP><taken.reference> was taken back.": "no makeup credit: MK-3M8Q was taken back.",
    "From <_when(priority, zone)> it is open to <enrolled>; <order.attendee['name']> is not.":
        "Registration for Karate opens on 4 May 2026. From 1 May 2026 it is open to those enrolled; Mia is not.",
    "Until then it is for <enrolled>; <order.attendee['name']> is not.":
        "Registration for Karate opens on 4 May 2026. Until then it is for those enrolled; Mia is not.",
    "<credit.reference> is <credit.status.name.lower()>.": "MK-3M8Q is used.",
    "<line.label> is full (<places(line.facts['capacity'])>).": "Karate is full (12 places).",
    "<order.attendee['name']> <held> <claim.label> (<claim.reference>).":
        "Mia is already booked for Karate (TB-4F7K).",
    "<facts['term']> takes no bookings (it <_term_state(facts)>).": "Spring takes no bookings (it is not open yet).",
    "Pay <format_money(over, **money)> of what is open first, or choose another way to pay.":
        "Pay later goes up to $50: $40 is open and this order adds $30. Pay $20 of what is open first, or choose "
        "another way to pay.",
    "Choose another way to pay.":
        "Pay later goes up to $50: $40 is open and this order adds $30. Choose another way to pay.",
    "<line.label>: <line.seat.label> is taken<words>.": "Hamlet: row B seat 7 is taken.",
    "<venue['name']> has <so_many(seats, 'seat')>; a session there has no more places.":
        "Hall has 22 seats; a session there has no more places.",
    "<so_many(found['taken'], 'place')> <are(found['taken'])> taken; a session has no fewer places than that.":
        "3 places are taken; a session has no fewer places than that.",
    "The line of <line['booked_on']> <how>.": "The line of 2026-04-12 is matched whole.",
    "<activity.title> on <activity.day> is full (<places(activity.capacity)>).": "Zoo on 4 Apr is full (1 place).",
}  # fmt: skip


def sentences(module: str) -> Iterator[str]:
    """What the module says to people: whole sentences, what is computed in angle brackets."""
    tree = ast.parse((ROOT / module).read_text())
    silent = {id(part) for node in ast.walk(tree) for part in _silent(node)}
    for node in ast.walk(tree):
        text = _text(node)
        if (
            text
            and id(node) not in silent
            and " " in text
            and text[-1] in ".?!"
            and (text[0].isupper() or text[0] == "<")
        ):
            yield text


def _silent(node: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, assertions, what only we read, and the pieces of a sentence that is read whole."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, documented) and isinstance(node.body[0], ast.Expr):
        yield node.body[0].value
    if isinstance(node, ast.Assert) and node.msg is not None:
        yield from ast.walk(node.msg)
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
        is_ours = node.exc.func.id in ("AssertionError", "ValueError", "TypeError")
        yield from ast.walk(node.exc) if is_ours else ()
    if isinstance(node, ast.JoinedStr):
        yield from (part for part in ast.walk(node) if part is not node)


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.strip()
    if not isinstance(node, ast.JoinedStr):
        return ""
    return "".join(
        f"<{ast.unparse(part.value)}>" if isinstance(part, ast.FormattedValue) else str(getattr(part, "value", ""))
        for part in node.values
    ).strip()


@pytest.mark.parametrize("module", SPOKEN)
def test_every_sentence_has_its_french(module: str) -> None:
    found = [MADE_OF.get(text, text) for text in sentences(module)]

    assert [text for text in found if FRENCH.gettext(text) == text and recognised(text) is None] == []


def test_the_sources_do_say_something() -> None:
    """The control: what is looked for is there."""
    assert len([text for module in SPOKEN for text in sentences(module)]) > 200


@pytest.mark.parametrize(
    ("message", "french"),
    [
        ("The promo code SUN10 is good until 12 Apr 2026.", "Le code promo SUN10 est valable jusqu’au 12 avr. 2026."),
        ("This passkey is not known here; sign in another way.",
         "Cette clé d’accès n’est pas connue ici ; connectez-vous autrement."),
        ("Too many attempts to sign in; try again in 15 minutes.",
         "Trop de tentatives (connexion) ; réessayez dans 15 minutes."),
        ("insufficient funds", "provision insuffisante"),
        ("Another device marked Mia absent, and this one had not seen it.",
         "Un autre appareil a marqué Mia absent, et celui-ci ne l’avait pas vu."),
    ],
)  # fmt: skip
def test_is_said_in_french(message: str, french: str) -> None:
    assert said(Locale("fr", "CA"), message) == french


@pytest.mark.parametrize(
    ("kind", "french"),
    [("order_not_revived", "Karate est complet (1 place)."), ("debit_failed", "provision insuffisante"),
     ("subscription_not_rolled", "Karate est complet (1 place).")],
)  # fmt: skip
def test_a_mail_says_why_in_its_readers_language(kind: str, french: str) -> None:
    maple = Organisation(name="Maple Centre")
    asked = sample_of(kind, maple, currency="CAD", now=NOW, language="fr")
    if hasattr(asked, "reasons"):
        asked = replace(asked, reasons=("Karate is full (1 place).",))

    english = replace(asked, recipient=replace(asked.recipient, language="en"))

    assert french in forms_of(in_the_readers_words(asked)).plain
    assert french not in forms_of(in_the_readers_words(english)).plain
