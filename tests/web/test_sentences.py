"""What the domain says, read from its sources: every sentence of a refusal is one that a French page says in French."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pytest
from babel import Locale

from billing import debit_returns
from notifications.email import forms_of
from notifications.messages import ANY_PROGRAM, Organisation
from notifications.samples import sample_of
from tests.builders import NOW
from web.mail_words import in_the_readers_words
from web.office_sentences import OFFICE_PLACED
from web.reasons import recognised, said
from web.sentences import PLACED
from web.words import translations

ROOT = Path(__file__).parents[2]
FRENCH, CANADIAN = translations("fr"), Locale("fr", "CA")
# Modules whose sentences nobody reads on a page, and who reads them instead.
ELSEWHERE = {
    "who runs the commands": [
        "api/cli.py", "api/documents.py", "api/exports.py", "api/invoices.py", "api/runtime.py", "api/supervisor.py",
        "api/trace_file.py", "api/trace_report.py", "catalogue/import_words.py",
    ],
    "who writes programs against the API": [
        "api/dependencies.py", "api/documentation.py", "api/operations.py", "api/routes/*", "api/schemas/*",
        "workflows/webhooks.py",
    ],
    "who runs a payment provider": [
        "billing/gateways/sandbox_*.py", "billing/gateways/signature.py",
    ],
    "readers of mails, whose texts stand there in both languages": [
        "notifications/facts.py", "notifications/samples.py",
    ],
}  # fmt: skip
SPOKEN = [
    module
    for package in ("api", "attendance", "billing", "catalogue", "engine", "invoicing", "notifications", "workflows")
    for path in sorted((ROOT / package).rglob("*.py"))
    if (module := str(path.relative_to(ROOT))) == "engine/fire.py"
    or not (package == "engine" or any(fnmatch(module, one) for its in ELSEWHERE.values() for one in its))
]
# Whose arguments are what is wrong with a cell of an import, or with the value of a rule.
SAYS_WHAT_IS_WRONG = {"ValueError", "BadCell", "BadRow", "NotPlannable", "complain", "Reason"}
# What is put together where it is said, with each whole sentence that comes of it.
MADE_OF: dict[str, str | tuple[str, ...]] = {
    "<_shown(found)> is not <what> written as <' or '.join(formats)>":
        ("'soon' is not a date written as %Y-%m-%d", "'soon' is not a time written as %H:%M or %I %p"),
    "<_shown(found)> is not <what>: there is no such day": "'2026-02-30' is not a date: there is no such day",
    "<_shown(found)> is <'negative' if value < 0 else f'more than {most}'>":
        ("'-1' is negative", "'99' is more than 12"),
    "is empty; every row needs a <name>":
        tuple(f"is empty; every row needs a {name}" for name in ("name", "key", "category", "site")),
    "<_key(each['loc'])>: <each['msg'].removeprefix('Value error, ')>": (
        "source.encoding: 'utf-9' is not an encoding; such as utf-8, latin-1 or windows-1252", "source: Field required",
        "source.delimeter: Extra inputs are not permitted",
    ),
    "<where>.<name>: <fault>": "categories.Arts.session_price: '-1' is negative",
    "<rule>: <error>": "tax: a tax needs a name of at most 40 characters",
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
    "<activity.title> on <activity.day> is full (<places(activity.capacity)>).": "Zoo on 4 Apr is full (1 place).",
    "Booking <ticket['booking_reference']> is <words> for this session.": (
        "Booking TB-4F7K is suspended for this session.", "Booking TB-4F7K is cancelled for this session.",
    ),
    "<debit.reference>: <fault>.": (
        "DD-4F7K: its mandate names no IBAN.", "DD-4F7K: its mandate's bank code is no BSB of six digits.",
        "DD-4F7K: its account number has more than nine digits.", "DD-4F7K: its amount has more than ten digits.",
    ),
    "<money(owed)> settles <what>.": (
        "$20 settles the invoice of the same change.",
        "$20 settles the invoice of the same change, INV-7.", "$20 settles the unpaid part of INV-7.",
        "$20 settles what is open of the same booking's INV-7.",
    ),
    "<' and '.join(told)> that <each.reference> took from the wallet <goes> back there.": (
        "$20 of balance that PAY-3 took from the wallet goes back there.",
        "$5 of bonus that PAY-3 took from the wallet goes back there.",
        "$20 of balance and $5 of bonus that PAY-3 took from the wallet go back there.",
    ),
    "<said>; change it by hand, with its bookings in mind.": (
        "line 3: Karate is PUBLISHED here and DRAFT in the file; change it by hand, with its bookings in mind.",
    ),
    "<many><kept> of the week of <first> <verb> chosen: full week price.": (
        "All 5 days of the week of Mon 06 Jul 2026 are chosen: full week price.",
        "All 4 days that can be booked of the week of Mon 06 Jul 2026 are chosen: full week price.",
        "The only day of the week of Mon 06 Jul 2026 is chosen: full week price.",
        "The only day that can be booked of the week of Mon 06 Jul 2026 is chosen: full week price.",
    ),
    "<name>, line <line>: byte <error.start> (0x<data[error.start]>) is not <encoding>; <hint>.": (
        'a.csv, line 2: byte 7 (0xe9) is not utf-8; it begins as UTF-16 does: set encoding = "utf-16" in the mapping.',
        "a.csv, line 2: byte 7 (0xe9) is not utf-8; set the encoding it was saved in (such as \"windows-1252\") in the "
        "mapping, or save it as UTF-8.",
    ),
    "<name>, line <line>: <fault>, noticed on line <last>; close the quote, or double a quote that stands inside a "
    "cell.": (
        "a.csv, line 2: a quote is opened and never closed, noticed on line 9; close the quote, or double a quote that "
        "stands inside a cell.",
        "a.csv, line 2: quotes are not closed properly (',' expected), noticed on line 9; close the quote, or double a "
        "quote that stands inside a cell.",
    ),
    "<venue['name']> has <so_many(seats, 'seat')>; a session there has no more places.": (
        "Main hall has 1 seat; a session there has no more places.",
        "Main hall has 40 seats; a session there has no more places.",
    ),
    "The seat is in an order or a booking: <label>.": "The seat is in an order or a booking: row B seat 7.",
    "The line of <line['booked_on']> <how>.": (
        "The line of 2026-04-09 is set aside: a grant.", "The line of 2026-04-09 is matched whole.",
        "The line of 2026-04-09 went out.",
    ),
    "<named> of <booking.reference> are not invoiced; the order is confirmed first.": (
        "Karate of TB-4F7K are not invoiced; the order is confirmed first.",
        "Karate and 3 more of TB-4F7K are not invoiced; the order is confirmed first.",
    ),
    "<what> still to be invoiced.": (
        "1 session of TB-4F7K is still to be invoiced.", "4 sessions of TB-4F7K are still to be invoiced.",
    ),
    "<so_many(found['taken'], 'place')> <are(found['taken'])> taken; a session has no fewer places than that.": (
        "1 place is taken; a session has no fewer places than that.",
        "4 places are taken; a session has no fewer places than that.",
    ),
    "The <_words(booked.mode)> is not whole any more.": (
        "The full week is not whole any more.", "The full term is not whole any more.",
    ),
    "<source['reference']> is <how>; an expression of interest or a trial that stands is converted.": (
        "TB-4F7K is converted into TB-5A2B; an expression of interest or a trial that stands is converted.",
        "TB-4F7K is a trial session that is canceled; an expression of interest or a trial that stands is converted.",
    ),
    "<extra.name> with <line.label>: <how_many>.": ("Lunch with Zoo: only 3 left.", "Lunch with Zoo: sold out."),
    "<group.reference> <said>: <trigger> is not allowed now (allowed: <', '.join(allowed)>).": (
        "GO-3 is not submitted yet: pay is not allowed now (allowed: save, submit).",
        "GO-3 is submitted; its orders go their own ways: save is not allowed now (allowed: confirm, pay).",
    ),
    "<_units(use)> back to <use.reference>.": ("1 unit goes back to EP-3M8Q.", "2 units go back to EP-3M8Q."),
    "<_units(use)> not back to <use.reference>: it is given up too late.": (
        "1 unit goes not back to EP-3M8Q: it is given up too late.",
        "2 units go not back to EP-3M8Q: it is given up too late.",
    ),
    "What <one.enrolled.booking.reference> got back <how> meanwhile; book it with a new order.": (
        "What TB-4F7K got back has paid another invoice meanwhile; book it with a new order.",
        "What TB-4F7K got back was used meanwhile; book it with a new order.",
    ),
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


def said_in(module: str) -> Iterator[str]:
    """The same, with what is put together as it is read."""
    for text in sentences(module):
        yield from _wholes(text)


def faults(module: str) -> Iterator[str]:
    """What the module says of a value that is wrong, as the end of a sentence: it begins with a small letter."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Call) and _name(node.func) in SAYS_WHAT_IS_WRONG:
            yield from (text for text in map(_text, node.args) if " " in text)


def _name(function: ast.expr) -> str:
    return str(getattr(function, "id", getattr(function, "attr", "")))


def _silent(node: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, assertions, what only programmers read, and the pieces of a sentence that is read whole."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr):
        yield node.body[0].value
    if isinstance(node, ast.Assert) and node.msg is not None:
        yield from ast.walk(node.msg)
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
        is_ours = node.exc.func.id in ("AssertionError", "ValueError", "TypeError")
        yield from ast.walk(node.exc) if is_ours else ()
    if isinstance(node, ast.keyword) and node.arg == "description":
        yield from ast.walk(node.value)
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
    found = list(said_in(module))

    assert [text for text in found if FRENCH.gettext(text) == text and recognised(text) is None] == []


@pytest.mark.parametrize("module", sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("catalogue/*.py")))
def test_what_is_wrong_with_a_cell_or_a_rule_has_its_french(module: str) -> None:
    found = [whole for text in faults(module) for whole in _wholes(text)]

    assert [text for text in found if said(CANADIAN, text) == text] == []


def _wholes(text: str) -> tuple[str, ...]:
    whole = MADE_OF.get(text, text)
    return (whole,) if isinstance(whole, str) else whole


@pytest.mark.parametrize("module", SPOKEN)
def test_no_word_of_ours_stays_english_in_a_place(module: str) -> None:
    """“There is no such venue.” is recognised with any word; a French page knows the word as well."""
    places = [
        word for text in sentences(module) if "<" not in text and FRENCH.gettext(text) == text
        for word in (recognised(text) or ("", {}))[1].values()
    ]  # fmt: skip

    assert [word for word in places if word not in (*PLACED, *OFFICE_PLACED)] == []


def test_the_sources_do_say_something() -> None:
    """The control: what is looked for is there."""
    assert len([text for module in SPOKEN for text in sentences(module)]) > 500


def test_whoever_is_told_elsewhere_is_there() -> None:
    """No entry of the list outlives its module."""
    modules = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if ".venv" not in path.parts]

    assert [one for its in ELSEWHERE.values() for one in its if not any(fnmatch(m, one) for m in modules)] == []


@pytest.mark.parametrize(
    ("message", "french"),
    [
        ("The promo code SUN10 is good until 12 Apr 2026.",
         "Le code promotionnel SUN10 est valable jusqu’au 12 avr. 2026."),
        ("This passkey is not known here; sign in another way.",
         "Cette clé d’accès n’est pas connue ici; connectez-vous autrement."),
        ("Too many attempts to sign in; try again in 15 minutes.",
         "Trop de tentatives (connexion); réessayez dans 15 minutes."),
        ("By its time. Passed over: Karate is full (1 place).",
         "Selon son heure d’arrivée. Tour passé : Karate affiche complet (1 place)."),
        ("There is already a term with this site and name.",
         "Cela existe déjà : session avec la même valeur (lieu, nom)."),
        ("March 2026 is locked.", "Le mois de mars 2026 est verrouillé."),
        ("Line 3: '2026' is no day.", "Ligne 3 : '2026' n’est pas un jour."),
        ("There is no such venue.", "Introuvable : salle."),
        ("insufficient funds", "provision insuffisante"),
        ("ran out of crayons (AM04)", "ran out of crayons (AM04)"),
        ("Another device marked Mia as absent, and this one had not seen it.",
         "Un autre appareil a noté Mia « absent », et celui-ci ne l’avait pas reçu."),
    ],
)  # fmt: skip
def test_is_said_in_french(message: str, french: str) -> None:
    assert said(CANADIAN, message).replace("\xa0", " ") == french


@pytest.mark.parametrize(("code", "reason"), sorted({**debit_returns._REASONS, **debit_returns._ABA_REASONS}.items()))
def test_what_a_bank_says_of_a_debit_has_its_french(code: str, reason: str) -> None:
    """With its code too, as payments and mails tell it."""
    assert said(CANADIAN, f"{reason} ({code})") == f"{FRENCH.gettext(reason)} ({code})"
    assert FRENCH.gettext(reason) != reason


@pytest.mark.parametrize(
    ("kind", "french"),
    [("order_not_revived", "Karate affiche complet (1 place)."), ("debit_failed", "provision insuffisante"),
     ("subscription_not_rolled", "Karate affiche complet (1 place).")],
)  # fmt: skip
def test_a_mail_says_why_in_its_readers_language(kind: str, french: str) -> None:
    maple = Organisation(name="Maple Centre")
    asked = sample_of(kind, maple, currency="CAD", now=NOW, language="fr")
    if hasattr(asked, "reasons"):
        asked = replace(asked, reasons=("Karate is full (1 place).",))

    english = replace(asked, recipient=replace(asked.recipient, language="en"))

    assert french in forms_of(in_the_readers_words(asked)).plain
    assert french not in forms_of(in_the_readers_words(english)).plain


@pytest.mark.parametrize("kind", ["makeup_granted", "makeup_expiring"])
def test_a_mail_says_in_its_readers_language_that_a_credit_is_for_any_program(kind: str) -> None:
    asked = sample_of(kind, Organisation(name="Maple Centre"), currency="CAD", now=NOW, language="fr")

    text = forms_of(in_the_readers_words(replace(asked, programs=ANY_PROGRAM))).plain

    assert "une séance de n’importe quel programme" in text


@pytest.mark.parametrize("kind", ["order_not_revived", "subscription_not_rolled"])
def test_a_mail_says_amounts_of_a_reason_as_its_reader_writes_them(kind: str) -> None:
    asked = sample_of(kind, Organisation(name="Maple Centre"), currency="CAD", now=NOW, language="fr")
    asked = replace(asked, reasons=("$10.50 of TB-4F7K is still owed.",))

    text = forms_of(in_the_readers_words(asked)).plain

    assert "10,50\xa0$" in text
    assert "$10.50" not in text
