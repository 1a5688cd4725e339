"""Why something is refused, in the reader's language: the domain says it in English, each code with its sentences.

A sentence that came in is recognised by its words, what stands in its places is taken over, days and amounts as the
reader writes them, and the sentence of the reader's language is filled with it. What is not recognised stays as it was
said. A test holds the sentences to the guards that say them.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from babel import Locale
from babel.dates import get_month_names
from babel.support import NullTranslations

from catalogue.eligibility import ages_in_words
from web.amounts import AS_SAID, Amounts
from web.catalogue_sentences import CATALOGUE_SENTENCES
from web.days import days_rewritten
from web.office_sentences import OFFICE_PLACED, OFFICE_SENTENCES
from web.sentences import PLACED, SENTENCES
from web.words import N_, SOURCE, translations

# By the code of the reason: whatever a family or a guest may be told.
PHRASES: Mapping[str, tuple[str, ...]] = {
    "refused": (
        N_("%(trigger)s of %(ref)s is refused: %(why)s (and %(n)s more reason)"),
        N_("%(trigger)s of %(ref)s is refused: %(why)s (and %(n)s more reasons)"),
        N_("%(trigger)s of %(ref)s is refused: %(why)s"),
    ),
    "not_allowed_now": (
        N_("%(ref)s is %(state)s: %(trigger)s is not allowed now (allowed: %(allowed)s)."),
    ),
    "moved_meanwhile": (N_("%(ref)s was changed by somebody else; look at it again."),
                        N_("%(ref)s was changed meanwhile; look at it again."),
                        N_("%(ref)s was submitted meanwhile; look at it again.")),
    "cart_empty": (N_("The cart is empty; choose at least one session."),),
    "session_closed": (N_("%(session)s does not take place."),),
    "session_over": (N_("%(session)s is over."),),
    "session_full": (N_("%(session)s is full (1 place)."), N_("%(session)s is full (%(n)s places).")),
    "other_term": (N_("%(session)s belongs to another term (%(term)s)."),),
    "extra_not_offered": (N_("%(extra)s is not offered with %(session)s."),),
    "extra_sold_out": (N_("%(extra)s with %(session)s: only %(n)s left."), N_("%(extra)s with %(session)s: sold out.")),
    "offering_not_published": (N_("%(program)s cannot be booked."),),
    "term_closed": (N_("%(term)s takes no bookings (it is not open yet)."),
                    N_("%(term)s takes no bookings (it ended on %(day)s).")),
    "price_changed": (N_("The price is %(amount)s now; look at it and submit again."),
                      N_("The price of all orders is %(amount)s now; look at it and submit again.")),
    "window_closed": (N_("Registration for %(program)s closed on %(when)s."),),
    "window_not_open": (N_("Registration for %(program)s opens on %(when)s."),),
    "past_cut_off": (N_("%(session)s is booked at least %(n)s minutes before it starts."),),
    "order_type_not_offered": (N_("%(program)s offers no %(what)s."),),
    "confirmation_type_not_offered": (
        N_("%(program)s is not confirmed by %(what)s (offered: %(offered)s)."),
        N_("A place from the waiting list is not confirmed by direct debit; choose another way to pay, or ask "
           "the centre."),
    ),
    "deposit_buys_no_time": (N_("The rest of the deposit would be due today as well."),),
    "no_deposit": (N_("%(program)s takes no deposit; choose another way to confirm."),),
    "trial_limit": (N_("%(name)s may try %(program)s %(often)s; already taken: %(taken)s, asked for: %(wanted)s."),),
    "double_booked": (
        N_("%(name)s is already booked for %(session)s (%(ref)s)."),
        N_("%(name)s has an interest in %(session)s (%(ref)s)."),
        N_("%(session)s overlaps %(other)s of this order."),
        N_("%(session)s: not available at this time."),
        N_("%(name)s waits for %(session)s already."),
    ),
    "overdue": (N_("Pay later needs every due invoice paid; overdue: %(invoices)s. Pay %(amount)s and submit again."),),
    "pay_later_limit": (
        N_("Pay later goes up to %(limit)s: %(owed)s is open and this order adds %(amount)s. Choose another way to "
           "pay."),
        N_("Pay later goes up to %(limit)s: %(owed)s is open and this order adds %(amount)s. Pay %(over)s of what is "
           "open first, or choose another way to pay."),
    ),
    "age_does_not_fit": (N_("%(name)s is %(age)s on %(day)s; %(program)s takes %(ages)s."),
                         N_("%(name)s is not born yet on %(day)s; %(program)s takes %(ages)s.")),
    "school_year_does_not_fit": (N_("%(name)s's school year is %(has)s; %(program)s takes school year %(ages)s."),),
    "school_year_unknown": (N_("%(name)s's school year is not known; %(program)s takes school year %(ages)s."),),
    "height_does_not_fit": (N_("%(name)s's height is %(has)s; %(program)s takes height %(ages)s."),),
    "height_unknown": (N_("%(name)s's height is not known; %(program)s takes height %(ages)s."),),
    "weight_does_not_fit": (N_("%(name)s's weight is %(has)s; %(program)s takes weight %(ages)s."),),
    "weight_unknown": (N_("%(name)s's weight is not known; %(program)s takes weight %(ages)s."),),
    "promo_code_unknown": (N_("Nothing of this order takes the promo code %(code)s."),),
    "promo_code_used_before": (N_("The promo code %(code)s is used by another order of the group."),
                               N_("The account has used the promo code %(code)s before.")),
    "promo_code_not_valid_today": (N_("The promo code %(code)s is good from %(day)s until %(last)s."),
                                   N_("The promo code %(code)s is good from %(day)s."),
                                   N_("The promo code %(code)s is good until %(last)s.")),
    "promo_code_used_up": (N_("The promo code %(code)s is used up."),),
    "promo_code_malformed": (N_("'%(code)s' is not a promo code of 3 to 30 letters, digits and dashes."),),
    "seat_required": (N_("%(session)s is seated; choose a seat."),),
    "seat_taken": (N_("%(session)s: row %(row)s seat %(seat)s is taken; the nearest free ones: %(seats)s."),
                   N_("%(session)s: row %(row)s seat %(seat)s is taken.")),
    "seated_session": (N_("%(session)s is seated; there is no waiting list for seats."),),
    "modes_mixed": (N_("%(program)s: one week is booked in one mode, and a full term as a whole."),),
    "activity_full": (N_("%(activity)s on %(day)s is full (1 place)."),
                      N_("%(activity)s on %(day)s is full (%(n)s places).")),
    "mode_reason": (
        N_("All %(n)s days of the week of %(day)s are chosen: full week price."),
        N_("All %(n)s sessions of the term that can be booked are chosen: full term price."),
        N_("The full week is not whole any more."), N_("The full term is not whole any more."),
    ),
    "pass_reason": (
        N_("covered by %(ref)s"), N_("covered by %(ref)s, %(n)s units"), N_("covered by %(ref)s, with its session"),
    ),
    "pass_withdrawn": (N_("%(name)s is not sold any more."),),
    "in_the_past": (N_("The pass is not sold. %(why)s"), N_("Let it be good from today on, or from a later day.")),
    "wallet_too_low": (N_("The wallet does not hold as much."),),
    "bank_account_invalid": (
        N_("Give an IBAN, or an account number with its bank code; not both."),
        N_("This is not an IBAN; check its digits."),
        N_("An account number has 4 to 20 digits; or give an IBAN."),
        N_("A bank code has 3 to 12 letters or digits; or give an IBAN."),
    ),
    "in_the_future": (N_("A mandate is not signed on a day to come."),),
    "mandate_waits": (N_("%(ref)s of %(name)s waits for its activation; revoke it first."),),
    "past_cancellation_window": (N_("%(session)s could be given up until %(when)s; ask the centre."),
                                 N_("The extras of %(session)s could be given up until %(when)s; ask the centre."),
                                 N_("%(session)s could be cancelled until %(when)s; ask the centre.")),
    "nothing_to_cancel": (N_("%(ref)s has no session to come."),),
    "nothing_changed": (N_("%(ref)s changes nothing."),),
    "nothing_left": (N_("Nothing of %(ref)s would stay; cancel the booking."),),
    "session_held": (N_("%(session)s was held; it stays."),),
    "change_open": (N_("%(name)s has a change open since %(when)s (%(ref)s); confirm or discard it first."),),
    "offer_expired": (N_("The offer of %(ref)s ran out; the place goes to the next who waits."),),
    "quote_expired": (N_("The quote of %(ref)s expired on %(when)s."),),
    "nothing_due": (N_("Everything that %(ref)s requires is paid."),),
    "payment_moving": (N_("A payment for %(ref)s is being processed; its outcome is awaited."),
                       N_("A payment for %(ref)s is being processed.")),
    "above_refundable": (N_("%(asked)s is asked back for %(ref)s, and %(most)s can go to the wallet now."),
                         N_("%(asked)s is asked back for %(ref)s, and %(most)s can go the way it was paid now."),
                         N_("%(asked)s is asked back out of the wallet, and %(most)s can go the way it was paid now.")),
    "refundable": (
        N_("There is no money in the wallet; a bonus cannot be paid out."),
        N_("What is in the wallet came by no payment that could be sent back."),
        N_("Nothing was paid for this booking yet."),
        N_("What came back of it is in your wallet already."),
        N_("All that was paid is used by what is booked. Give sessions up first: what they free can go back."),
        N_("It was paid from the wallet, and can only go back there."),
        N_("What came back of it went into your wallet, and was spent since."),
    ),
    "amount_not_positive": (N_("Name an amount of more than 0."), N_("Write an amount of more than 0.")),
    "amount_too_large": (N_("At most %(amount)s."),),
    "not_an_amount": (N_("'%(text)s' is not an amount; write it as %(example)s"),
                      N_("%(text)s has too many decimals: %(currency)s has at most %(n)s decimals")),
    "photo": (N_("A photo has at most 5 MB."), N_("The photo has too many pixels; make it smaller."),
              N_("Choose a photo that is a JPEG, PNG or WebP file.")),
    "consents": (N_("The text was changed meanwhile; read it again."),
                 N_("Nothing was given that could be taken back.")),
    "not_found": (N_("There is no such booking."), N_("There is no such group order."),
                  N_("There is no such attendee."), N_("This program has no sessions to come any more."),
                  N_("There is no payment provider.")),
}  # fmt: skip

# In what stands in a place for an age, a range, or a span of time.
WORDS = (
    N_("and older"), N_("all ages"), N_("up to"), N_("to under"), N_("under"), N_("years"), N_("year"), N_("months"),
    N_("month"), N_("from"), N_("to"), N_("days"), N_("day"), N_("hours"), N_("hour"), N_("minutes"), N_("minute"),
)  # fmt: skip
_IN_WORDS = re.compile("|".join(rf"\b{word}\b" for word in WORDS))
_LONG_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                "November", "December")  # fmt: skip
_MONTH = re.compile(rf"\b({'|'.join(_LONG_MONTHS)}) (\d{{4}})\b")
_PLACED = frozenset((*PLACED, *OFFICE_PLACED))
_LIST = re.compile(r", | and ")
# "insufficient funds (AM04)": what a bank says of a debit, with its code.
_OF_A_BANK = re.compile(r"(.+) (\(\w{1,8}\))")
_OF_SOMEBODY = N_("%(name)s: %(why)s")
_DISCOUNTS = frozenset(SENTENCES["discounts that nobody gave a name"])  # which any other name may stand for


@cache
def _known() -> list[tuple[str, re.Pattern[str]]]:
    found = []
    for _, phrase in phrases():
        escaped = re.sub(r"%\((\w+)\)s", lambda place: f"\0{place[1]}\0", phrase)
        pattern = re.sub("\0(\\w+)\0", lambda place: f"(?P<{place[1]}>.+?)", re.escape(escaped).replace("\\\0", "\0"))
        found.append((phrase, re.compile(pattern, re.DOTALL)))
    # The one that says most itself comes first: the other would take its words for what stands in a place.
    return sorted(found, key=lambda one: -len(re.sub(r"%\(\w+\)s", "", one[0])))


def recognised(message: str) -> tuple[str, dict[str, str]] | None:
    """The sentence that it is, and what stands in its places."""
    for phrase, pattern in _known():
        if match := pattern.fullmatch(message):
            return phrase, match.groupdict()
    return None


def said(locale: Locale, message: str, amounts: Amounts = AS_SAID) -> str:
    """The message in the reader's language, as far as it is known there; days and amounts as the reader writes them."""
    return days_rewritten(locale, _said(locale, message, amounts))


def _said(locale: Locale, message: str, amounts: Amounts) -> str:
    if not message or (locale.language == SOURCE and amounts.are_alike):
        return message
    spoken = translations(locale.language)
    whole = str(spoken.gettext(message))
    if whole != message:
        return whole
    found = recognised(message)
    if found is not None:
        phrase, facts = found
        translated = str(spoken.gettext(phrase))
        return translated % {name: _place(locale, spoken, name, text, amounts) for name, text in facts.items()}
    if (found_code := _OF_A_BANK.fullmatch(message)) and found_code[1] in _PLACED:
        return f"{spoken.gettext(found_code[1])} {found_code[2]}"
    name, colon, rest = message.partition(": ")
    if colon and recognised(rest) is not None:
        if name in _DISCOUNTS:
            name = str(spoken.gettext(name))
        return str(spoken.gettext(_OF_SOMEBODY)) % {"name": name, "why": _said(locale, rest, amounts)}
    return message


def ages(locale: Locale, from_months: int | None, below_months: int | None) -> str:
    """Whom a program takes, as its reader says it; nothing where it takes everybody."""
    if from_months is None and below_months is None:
        return ""
    return _place(locale, translations(locale.language), "ages", ages_in_words(from_months, below_months))


def _place(
    locale: Locale, spoken: NullTranslations, name: str, text: str, amounts: Amounts = AS_SAID
) -> str:  # fmt: skip
    """What stands in a place: a reason in a reason, an age or a span, a month, an amount; anything else as it is."""
    if name == "why":
        return _said(locale, text, amounts)
    if name in ("fields", "offered"):
        return ", ".join(str(spoken.gettext(word)) for word in _LIST.split(text))
    if name in ("age", "ages", "span"):
        return _IN_WORDS.sub(lambda word: str(spoken.gettext(word[0])), text)
    if text in _PLACED:
        return str(spoken.gettext(text))
    text = amounts.rewritten(text)
    if locale.language == SOURCE:  # which the months are written in
        return text
    months = get_month_names("wide", locale=locale)
    return _MONTH.sub(lambda found: f"{months[_LONG_MONTHS.index(found[1]) + 1]} {found[2]}", text)


def phrases() -> Iterator[tuple[str, str]]:
    """Every sentence with the code, or the part of the work, that it is of."""
    for code, its in (*PHRASES.items(), *SENTENCES.items(), *OFFICE_SENTENCES.items(),
                      *CATALOGUE_SENTENCES.items()):  # fmt: skip
        for phrase in its:
            yield code, phrase
