"""Why requests are refused: every code and its meaning, and which operation uses it. Tests hold this to the sources."""

from collections.abc import Iterable, Mapping

# What a problem's `code` says.
PROBLEMS: Mapping[str, str] = {
    "activity_is_chosen": "More places are taken in the activity than it would have.",
    "already_exists": "There is one already; `reasons` names the fields that may not be the same.",
    "changed": "It is not the version that `If-Match` names any more.",
    "closure_is_stale": "The day has changed since its preview; `facts` hold the fresh one.",
    "conflict": "Another request did the same meanwhile.",
    "cross_site": "A page of another site sent this request with the visitor's cookie.",
    "debit_not_there": "The debit is settled, refused or returned already; `facts.status` says where it stands.",
    "idempotency_key_reused": "The Idempotency-Key was used for another request.",
    "in_flight": "The request with this Idempotency-Key is still being worked on; ask again in a moment.",
    "invalid": "The input breaks a rule; `reasons` names each field.",
    "link_claimed": "The guest has registered since: sign in to see the booking.",
    "link_expired": "The link has expired; ask for a new one.",
    "link_invalid": "The link was not made here, or not copied whole.",
    "mandate_waits": "The account has a mandate that waits for its activation.",
    "mapping_is_invalid": "The mapping, or the prices, cannot be understood.",
    "moved_meanwhile": "Others changed the same records again and again; look at them and ask again.",
    "not_allowed_now": "The status does not allow this step; `facts.allowed` names the steps that it does.",
    "not_found": "There is no such thing for this caller; what belongs to another answers the same.",
    "not_payable": "The order is not one that can be paid online now.",
    "not_permitted": "The caller is known and may not do this.",
    "nothing_due": "Nothing is required at this moment.",
    "offering_not_found": "There is no such offering.",
    "payment_moving": "A payment for the order is being processed; its outcome is awaited.",
    "refused": "One or more rules say no; `reasons` lists all of them.",
    "roll_changed": "Somebody else marked the same row at the same moment; send the marks again.",
    "rule_is_invalid": "The value is not one that this rule can have.",
    "schedule_is_invalid": "The schedule cannot be followed.",
    "scope_not_found": "There is no such level of the catalogue.",
    "seat_in_use": "A seat that is in an order or a booking cannot be removed.",
    "session_in_use": "Somebody holds a place in the session: how it is seated cannot change.",
    "source_unreadable": "The file cannot be read as what the mapping says it is.",
    "ticket_refused": "The ticket does not let in, here and now; `reasons` lists every rule that says no.",
    "ticket_used_meanwhile": "The ticket was scanned at the same moment elsewhere; scan it again.",
    "too_many_attendees": "A guest books for so many attendees at most; register instead.",
    "unknown_holidays": "The public holidays of this country or region are not known.",
    "webhook_forged": "The event is not signed by the provider.",
    "webhook_too_old": "The event was signed too long ago.",
}

# What a `reasons[].code` says.
REASONS: Mapping[str, str] = {
    "activity_closed": "The activity does not take place.",
    "activity_elsewhere": "The activity is none of the session's programme.",
    "activity_full": "The activity has no place left.",
    "activity_of_another_day": "The activity is on another day than the session.",
    "admin_with_reason": "An admin confirms it, with a reason.",
    "after_term": "The day is after the term's last.",
    "age_does_not_fit": "The attendee is too young or too old on the day of the first session.",
    "already_exists": "There is one already with this value.",
    "amount_not_open": "The amount is nothing, or more than is still required.",
    "bank_account_invalid": "It is no bank account: neither an IBAN nor a number with its bank's code.",
    "bad_row": "A row of the file cannot be imported; `facts.line` says which.",
    "below_taken": "More places are taken than the session would have.",
    "cart_empty": "The cart holds no session.",
    "change_open": "Another change of the family's bookings of the term is open; `reasons` says whose and since when.",
    "confirmation_type_not_offered": "The programme does not offer this confirmation type, or not to this caller.",
    "confirmed_by_payment": "A family does not confirm this by itself: its payment does.",
    "companion_is_stale": "Another booking comes to something else than was shown. Told to the system only.",
    "debit_under_way": "A debit for this invoice is under way.",
    "difference_is_stale": "It is not the Billing Difference that would be made now; `facts` is the fresh one.",
    "double_booked": "The attendee is elsewhere at that time; nobody overrides it.",
    "extra_not_offered": "The extra is not sold with this session.",
    "group_order_open": "The order is part of a group order, `facts.group_order_id`; submit that.",
    "given_up_before": "The session was given up before; book it with a new order.",
    "height_does_not_fit": "The attendee's height is outside what the offering takes.",
    "height_unknown": "The offering asks for a height, and the attendee's is not known.",
    "notice_too_short": "The notice lasts longer; `facts.earliest` is the first day that it allows.",
    "in_the_future": "Neither a mark is made nor a mandate signed on a day to come.",
    "in_the_past": "The day is past.",
    "is_companion": "It goes with the order that altered the price of its booking, `facts.cause_order_id`.",
    "is_change": "It changes a booking; confirm it with its Billing Difference.",
    "invalid": "The value is not one of those that are possible.",
    "is_waiting": "It is a waiting-list order: it joins the queue.",
    "is_subscription": "It is the term of a subscription: it goes through the subscription.",
    "is_interest": "It is an expression of interest, which is converted, not submitted or confirmed itself.",
    "makeup_elsewhere": "The makeup credit is for another program.",
    "makeup_expired": "The makeup credit ends before the session.",
    "makeup_needs_booking": "A makeup session is asked for in a new order of type Booking.",
    "makeup_not_available": "The makeup credit is booked, used, expired or taken back.",
    "makeup_stays": "A change of a booking leaves its makeup sessions as they are.",
    "makeup_unknown": "The attendee has no such makeup credit.",
    "malformed": "A header or a cursor is not of the form that it must have.",
    "left_already": "The holder left after coming in without the ticket; mark the roll by hand.",
    "mapping_is_invalid": "The mapping, or the prices, cannot be understood; `field` says where.",
    "newer_mark": "The roll was marked otherwise after this scan; mark it by hand.",
    "mode_not_offered": "The offering is not booked in this mode.",
    "modes_mixed": "One offering is booked in one mode, not several.",
    "more_than_seats": "A seated session has no more places than its venue has seats.",
    "money_captured": "It is paid, at least in part; cancel it instead.",
    "money_moving": "A payment is being processed.",
    "must_not_collect": "This person must not collect the attendee.",
    "no_deposit": "An offering takes no deposit.",
    "no_mandate": "The account has no mandate in force.",
    "not_signed": "The mandate does not say on which day it was signed.",
    "no_activities": "Only holiday programmes have activities.",
    "no_session_that_day": "The offering has no session on that day.",
    "not_a_session": "It is an activity, not a session.",
    "not_authorised": "This person is none of the attendee's authorised pick-ups.",
    "not_markable": "The attendee is not on the roll any more, or this mark is not made by hand.",
    "not_open_yet": "Registration has not opened; `facts.opens_at` says when it does.",
    "not_permitted": "Only an admin may ask for this.",
    "not_paid": "It is confirmed when it is paid, and it is not yet.",
    "not_convertible": "It is no expression of interest, and no trial, that stands.",
    "not_interest": "It is no expression of interest.",
    "not_expected": "The roll says something else of the attendee already.",
    "not_invoiced": "What was held is not invoiced yet; confirm the order first.",
    "not_waiting": "It is no waiting-list order; submit it.",
    "not_timed_out": "It was cancelled by somebody, so late money does not revive it. Told to the system only.",
    "enrolled_already": "The subscription has its booking of that term.",
    "no_sessions": "There is no session on such a weekday any more.",
    "other_program": "The offering is of another program.",
    "ends_already": "It ends on an earlier day already; a last day is not put off.",
    "not_change": "It changes no booking.",
    "not_changeable": "Only an approved booking is changed.",
    "nothing_changed": "The change changes nothing.",
    "nothing_left": "Nothing of the booking would stay; cancel it.",
    "nothing_to_cancel": "There is no session to come.",
    "nothing_to_convert": "What the order was to convert does not stand any more; begin a new order.",
    "nothing_wanted": "It names no session, offering or program.",
    "nul_character": "A text cannot hold a NUL character.",
    "offering_not_published": "The offering cannot be booked.",
    "order_type_not_offered": "The programme does not offer this order type.",
    "other_seat": "A trial that is converted keeps its seat.",
    "offer_expired": "The offer ran out; the place goes to the next who waits.",
    "offered_as_a_group": "The places of its group are offered together; accept or decline that offer.",
    "other_account": "The orders belong to several accounts.",
    "other_term": "The session belongs to another term than the order.",
    "out_of_range": "The value is too small or too large.",
    "overdue": "Pay later needs every due invoice paid.",
    "owing": "Something of it is still owed.",
    "paid": "It is paid: its timeout leaves it alone. Told to the system only.",
    "past_cancellation_window": "It is too late to cancel this session oneself; ask the centre.",
    "past_cut_off": "It is too late to book this session.",
    "pay_later_limit": "Pay later would exceed the account's limit.",
    "preview_stale": "It is not the one that was previewed any more; look at it again.",
    "priority_only": "Booking is open to those enrolled in the earlier term; `facts.opens_at` says when to all.",
    "place_offered": "A place is offered to the attendee, who waits for it: accept that offer.",
    "place_saved": "A place is saved for the attendee, who waits for all or nothing.",
    "price_changed": "The price is not the one that was shown; look at it and submit again.",
    "promo_code_not_valid_today": "The promo code is good on other days.",
    "promo_code_unknown": "Nothing of the order takes this promo code.",
    "promo_code_used_before": "The account has used the promo code before.",
    "promo_code_used_up": "The promo code was used as often as it may be.",
    "quote_expired": "The quote has run out.",
    "quote_superseded": "The price has changed since the quote.",
    "reason_missing": "Say how the money came in.",
    "reason_required": "Say why.",
    "required": "A value is missing that cannot be known from who asks.",
    "roll_is_closed": "The roll was closed before.",
    "rule_is_invalid": "The value is not one that this rule can have.",
    "rule_of_the_record": "The values of the record do not go together.",
    "schedule_changed": "The payment schedule is not the one that was shown; look at it and submit again.",
    "schedule_not_agreed": "No payment schedule was agreed with the submission.",
    "school_year_does_not_fit": "The attendee's school year is outside what the offering takes.",
    "school_year_unknown": "The offering asks for a school year, and the attendee's is not known.",
    "seat_elsewhere": "The seat is not one of the venue where the session is seated.",
    "seat_required": "The session is seated: choose a seat.",
    "seat_taken": "Somebody has the seat; `facts.nearest` names the nearest free ones.",
    "selection_incomplete": "The mode takes a whole week or term; sessions are missing.",
    "seated_session": "There is no waiting list for seats.",
    "session_closed": "The session does not take place.",
    "session_full": "The session has no place left; nobody overrides it.",
    "session_not_seated": "The session has no numbered seats.",
    "session_held": "The session was held; it stays, with its extras.",
    "session_not_over": "The session is not over.",
    "session_started": "The session has begun; the roll says who is there.",
    "session_over": "The session is over.",
    "signed_in": "Somebody is signed in; sign everybody out first.",
    "source_unreadable": "The file cannot be read here; `facts.line` says where.",
    "still_running": "Its last session is not over.",
    "term_not_draft": "Only a draft of a term takes offerings from another.",
    "terms_overlap": "The term does not begin after the other has ended.",
    "term_closed": "The term takes no bookings.",
    "ticket_cancelled": "The booking of the ticket is cancelled or suspended for this session.",
    "ticket_used": "The ticket was used; `facts.used_at` says when.",
    "too_early": "The session has not started.",
    "too_many": "There are too many lines.",
    "trial_left_out": "A trial is converted with every session of it that is still to come.",
    "trial_limit": "The attendee has no trial of this program left.",
    "twice": "The same is named twice.",
    "unknown": "There is no such thing.",
    "unreadable_seats": "The rows or numbers cannot be read; `message` says how they are written.",
    "unknown_parameter": "There is no such query parameter; `facts.allowed` names those that there are.",
    "venue_elsewhere": "The venue is at another site than the programme.",
    "weight_does_not_fit": "The attendee's weight is outside what the offering takes.",
    "weight_unknown": "The offering asks for a weight, and the attendee's is not known.",
    "wrong_day": "The ticket is for another day.",
    "wrong_session": "The ticket is for another session than that of this door.",
    "window_closed": "Registration has closed; `facts.closed_at` says when it did.",
}

# What each guard of a chart may say.
_STANDING = ("overdue", "pay_later_limit")
GUARDS: Mapping[str, tuple[str, ...]] = {
    "is_not_empty": ("cart_empty",),
    "is_selectable": (
        "other_term", "not_a_session", "session_closed", "session_over", "extra_not_offered",
        "offering_not_published", "term_closed", "modes_mixed", "mode_not_offered", "selection_incomplete",
    ),
    "is_with_its_subscription": ("is_subscription",),
    "has_explanation": ("reason_required",),
    "is_after_notice": ("notice_too_short",),
    "is_not_over": ("in_the_past",),
    "is_enrolment": ("is_interest", "is_waiting"),
    "is_waiting": ("not_waiting",),
    "is_unseated": ("seated_session",),
    "is_not_in_queue": ("double_booked",),
    "is_possible_as_one": ("double_booked",),
    "has_no_group_offer": ("offered_as_a_group",),
    "has_no_open_offer": ("double_booked", "place_offered", "place_saved"),
    "has_open_offer": ("offer_expired",),
    "is_interest": ("not_interest",),
    "can_convert": ("nothing_to_convert", "money_moving", "money_captured", "trial_left_out", "other_seat"),
    "has_something_wanted": ("nothing_wanted",),
    "has_wishes_on_offer": ("not_interest", "other_term", "offering_not_published", "order_type_not_offered"),
    "is_with_its_group": ("group_order_open",),
    "is_activity_of_its_day": (
        "no_activities", "activity_elsewhere", "activity_of_another_day", "activity_closed",
    ),
    "has_activity_place": ("activity_full",),
    "has_makeup_credit": (
        "makeup_needs_booking", "makeup_unknown", "makeup_not_available", "makeup_expired", "makeup_elsewhere",
        "makeup_stays",
    ),
    "has_revocation_reason": ("reason_required",),
    "is_price_as_shown": ("price_changed",),
    "is_in_booking_window": ("not_open_yet", "priority_only", "window_closed"),
    "is_before_cut_off": ("past_cut_off",),
    "is_eligible": (
        "age_does_not_fit", "school_year_does_not_fit", "school_year_unknown", "height_does_not_fit",
        "height_unknown", "weight_does_not_fit", "weight_unknown",
    ),
    "has_order_type_on_offer": ("order_type_not_offered",),
    "has_confirmation_type_on_offer": ("confirmation_type_not_offered",),
    "has_deposit": ("no_deposit",),
    "is_schedule_as_shown": ("schedule_changed",),
    "has_trial_left": ("trial_limit",),
    "has_place": ("session_full",),
    "has_no_conflict": ("double_booked",),
    "is_seat_of_its_session": ("session_not_seated", "seat_elsewhere"),
    "has_seat": ("seat_required", "seat_taken"),
    "is_in_good_standing": _STANDING,
    "is_first_order": ("is_change",),
    "is_change": ("not_change",),
    "has_changes": ("nothing_changed", "nothing_left"),
    "can_be_changed": ("not_changeable", "session_held", "given_up_before", "extra_not_offered"),
    "is_in_change_window": ("past_cancellation_window",),
    "is_difference_as_shown": ("difference_is_stale",),
    "is_change_paid": ("not_paid", *_STANDING, "admin_with_reason"),
    "has_good_promo_code": (
        "promo_code_unknown", "promo_code_not_valid_today", "promo_code_used_up", "promo_code_used_before",
    ),
    "can_confirm_oneself": ("confirmed_by_payment",),
    "is_condition_met": ("schedule_not_agreed", "not_paid", "no_mandate", *_STANDING, "admin_with_reason"),
    "has_no_money": ("money_moving", "money_captured"),
    "has_no_money_moving": ("money_moving",),
    "is_not_paid": ("paid",),
    "has_open_quote": ("quote_expired", "quote_superseded"),
    "is_as_its_cause_showed": ("companion_is_stale",),
    "is_let_go_by_its_cause": ("is_companion",),
    "is_timed_out": ("not_timed_out",),
    "has_reason": ("reason_required",),
    "is_in_cancellation_window": ("nothing_to_cancel", "past_cancellation_window"),
    "has_nothing_held_unbilled": ("not_invoiced",),
    "has_nothing_left_unbilled": ("not_invoiced",),
    "is_within_term": ("after_term",),
    "has_run": ("still_running",),
    "has_nothing_due": ("owing",),
    "is_signed": ("not_signed",),
}  # fmt: skip

_CART = tuple(dict.fromkeys(
    code for guard in ("has_order_type_on_offer", "is_selectable") for code in GUARDS[guard] if code != "session_over"
))  # fmt: skip

# What enrolling in a term asks besides: the term of a subscription is submitted and confirmed in one step.
_ENROLMENT = tuple(dict.fromkeys(
    code for guard in ("is_selectable", "is_in_booking_window", "is_before_cut_off", "is_eligible",
                       "has_confirmation_type_on_offer", "has_place", "has_no_conflict") for code in GUARDS[guard]
))  # fmt: skip

# Steps of charts that an operation takes besides one of its own.
ALSO: Mapping[str, tuple[tuple[str, str], ...]] = {
    "accept_offer": (("waiting_entry", "accept"), ("term_booking_order", "save"), ("term_booking_order", "submit")),
}

# The operations that are a step of a chart: which chart, which trigger.
TRIGGERS: Mapping[str, tuple[str, str]] = {
    operation: (chart, trigger) for chart, steps in {
        "term_booking_order": {
            "save_cart": "save", "submit_order": "submit", "convert_eois": "submit", "express_interest": "express",
            "quote_order": "quote", "accept_quote": "accept", "confirm_order": "confirm",
            "approve_attendance": "approve_attendance", "reopen_order": "reopen", "remove_order": "remove",
            "cancel_order": "cancel", "begin_guest_order": "save", "save_guest_cart": "save",
            "submit_guest_order": "submit", "cancel_guest_order": "cancel",
            "begin_group_order": "save", "save_group_carts": "save", "submit_group_order": "submit",
            "join_waiting_list": "wait", "join_waiting_list_together": "wait",
            "confirm_group_order": "confirm",
        },
        "makeup_credit": {"revoke_makeup_credit": "revoke"},
        "term_booking": {
            "cancel_booking": "cancel", "suspend_booking": "suspend", "resume_booking": "resume",
            "close_booking": "close", "archive_booking": "archive",
        },
        "subscription": {
            "begin_subscription": "begin", "withdraw_subscription": "decline", "give_notice": "give_notice",
            "roll_subscription": "roll",
        },
        "direct_debit_mandate": {"activate_mandate": "activate", "revoke_mandate": "revoke"},
        "waiting_entry": {"decline_offer": "decline"},
    }.items() for operation, trigger in steps.items()
}  # fmt: skip
# Steps that one request pulls with another: which of the two depends on the order.
PULLED_WITH: Mapping[str, str] = {"confirm_change": "confirm"}
MOVES = ("not_allowed_now", "refused", "moved_meanwhile")
# The operations that write a plain record, whose constraints may refuse it.
RECORDS = frozenset(
    f"{verb}_{noun}" for verb in ("make", "change")
    for noun in ("account", "attendee", "user", "site", "term", "program_category", "program", "extra", "offering",
                 "closure_day", "session", "venue")
)  # fmt: skip

# An operation's codes at one status: those of the problem, and those of its reasons.
Codes = tuple[tuple[str, ...], tuple[str, ...]]

_LINKS = ("link_invalid", "link_expired", "link_claimed")

# What an operation says besides what all of its kind say: codes of problems and of reasons, by status.
OWN: Mapping[str, Mapping[int, Codes]] = {
    "begin_order": {
        409: (("refused",), ("term_closed", "order_type_not_offered")),
        422: ((), ("required", "is_subscription")),
    },
    "convert_eois": {422: ((), ("too_many", "unknown", "twice"))},
    "begin_change": {409: (("refused", "moved_meanwhile"), ("not_changeable", "change_open"))},
    "foresee_change": {422: ((), ("too_many", "twice", "out_of_range"))},
    "convert_order": {409: (("refused", "moved_meanwhile"), ("not_convertible", "term_closed", *_CART))},
    "join_waiting_list": {403: ((), ("not_permitted",))},
    "join_waiting_list_together": {403: ((), ("not_permitted",)), 422: ((), ("out_of_range", "other_account"))},
    "accept_offer": {403: ((), ("not_permitted",)), 409: (("refused",), ("term_closed",))},
    "express_interest": {403: ((), ("not_permitted",))},
    "save_cart": {422: ((), ("too_many", "twice", "out_of_range", "unknown", "invalid"))},
    "submit_order": {403: ((), ("not_permitted",))},
    "begin_guest_order": {
        409: (("refused", "too_many_attendees"), ("term_closed", "order_type_not_offered")),
        422: ((), ("too_many", "twice", "out_of_range", "unknown", "required")),
    },
    "read_guest_order": {403: (_LINKS, ())},
    "save_guest_cart": {403: (_LINKS, ()), 422: ((), ("too_many", "twice", "out_of_range", "unknown"))},
    "submit_guest_order": {403: (_LINKS, ())},
    "pay_guest_order": {
        403: (_LINKS, ()), 409: (("not_payable", "nothing_due", "payment_moving", "moved_meanwhile", "conflict"), ()),
    },
    "cancel_guest_order": {403: (_LINKS, ())},
    "read_guest_invoice": {403: (_LINKS, ())},
    "finish_registration": {403: (("link_invalid", "link_expired"), ()), 422: ((), ("required",))},
    "begin_group_order": {422: ((), ("required", "too_many", "twice", "out_of_range", "unknown"))},
    "save_group_carts": {422: ((), ("too_many", "twice", "out_of_range", "unknown"))},
    "submit_group_order": {403: ((), ("not_permitted",))},
    "pay_group_order": {
        409: (("not_allowed_now", "not_payable", "nothing_due", "payment_moving", "moved_meanwhile", "conflict"), ()),
        422: ((), ("invalid", "reason_missing", "amount_not_open")),
    },
    "make_attendee_merge": {409: (("refused",), ("double_booked",)), 422: ((), ("twice",))},
    "add_activity": {
        409: (("already_exists",), ("already_exists",)), 422: ((), ("no_activities", "no_session_that_day")),
    },
    "change_activity": {409: (("already_exists", "activity_is_chosen"), ("already_exists",))},
    "notify_absence": {409: (("refused", "moved_meanwhile"), ("session_started", "not_expected"))},
    "close_roll": {409: (("refused", "moved_meanwhile"), ("session_not_over", "roll_is_closed"))},
    "close_day": {409: (("refused", "closure_is_stale", "moved_meanwhile"), ("signed_in",))},
    "close_session": {409: (("refused", "closure_is_stale", "moved_meanwhile"), ("signed_in",))},
    "make_payment": {
        409: (("not_payable", "nothing_due", "payment_moving", "moved_meanwhile", "conflict"), ()),
        422: ((), ("invalid", "reason_missing", "amount_not_open")),
    },
    "give_mandate": {
        409: (("mandate_waits", "moved_meanwhile"), ()),
        422: ((), ("required", "bank_account_invalid", "in_the_future")),
    },
    "collect_debit": {
        409: (("refused", "moved_meanwhile"), ("no_mandate", "debit_under_way", "amount_not_open")),
        422: ((), ("in_the_past",)),
    },
    **{f"{word}_debit": {409: (("debit_not_there", "moved_meanwhile"), ())}
       for word in ("present", "settle", "refuse", "return")},
    "hear_provider": {403: (("webhook_forged", "webhook_too_old"), ())},
    "mark_roll": {
        409: (("roll_changed",), ()),
        422: ((), ("unknown", "not_markable", "in_the_future", "too_early", "must_not_collect", "not_authorised")),
    },
    "check_in_ticket": {
        409: (
            ("ticket_refused", "ticket_used_meanwhile"),
            ("ticket_used", "ticket_cancelled", "wrong_session", "wrong_day", "too_early", "session_over",
             "left_already", "newer_mark"),
        ),
        422: ((), ("in_the_future",)),
    },
    "set_seats": {409: (("seat_in_use",), ()), 422: ((), ("unreadable_seats", "twice", "too_many"))},
    "seat_offering": {422: ((), ("session_not_seated", "venue_elsewhere"))},
    "seat_session": {409: (("session_in_use",), ()), 422: ((), ("session_not_seated", "venue_elsewhere"))},
    "change_session": {422: ((), ("more_than_seats", "below_taken"))},
    "make_sessions": {404: (("offering_not_found",), ()), 422: (("schedule_is_invalid", "unknown_holidays"), ())},
    "preview_roll_over": {
        409: (("refused",), ("term_not_draft", "terms_overlap")), 422: (("unknown_holidays",), ("out_of_range",)),
    },
    "make_roll_over": {
        409: (("refused",), ("term_not_draft", "terms_overlap", "preview_stale")),
        422: (("unknown_holidays",), ("out_of_range",)),
    },
    "request_subscription": {
        409: (("refused", "moved_meanwhile"), ("term_closed", *_CART)),
        422: ((), ("required", "no_sessions")),
    },
    "begin_subscription": {409: ((), _ENROLMENT)},
    "roll_subscription": {
        409: ((), ("term_closed", "no_sessions", "enrolled_already", *_CART, *_ENROLMENT)),
        422: ((), ("other_program",)),
    },
    "give_notice": {409: ((), ("ends_already",))},
    "make_offering": {422: (("schedule_is_invalid",), ())},
    "change_offering": {422: (("schedule_is_invalid",), ())},
    "make_site": {422: (("unknown_holidays",), ())},
    "change_site": {422: (("unknown_holidays",), ())},
    "make_attendee": {422: ((), ("required", "out_of_range"))},
    "change_attendee": {422: ((), ("out_of_range",))},
    "make_token": {422: ((), ("out_of_range",))},
    "list_rules": {404: (("scope_not_found",), ()), 422: ((), ("required",))},
    "set_rule": {404: (("scope_not_found",), ()), 422: (("rule_is_invalid",), ("rule_is_invalid",))},
    "clear_rule": {404: (("scope_not_found",), ())},
    "import_file": {
        422: (
            ("source_unreadable", "mapping_is_invalid", "schedule_is_invalid", "unknown_holidays", "rule_is_invalid"),
            ("bad_row", "source_unreadable", "mapping_is_invalid", "rule_is_invalid"),
        ),
    },
}  # fmt: skip


def refusals(operation_id: str, status: int, *, is_public: bool, is_read: bool, reasons: tuple[str, ...]) -> Codes:
    """The codes of an operation at a status. `reasons` are those of its step's guards."""
    common: dict[int, Codes] = {
        403: (() if is_public else ("not_permitted",) if is_read else ("not_permitted", "cross_site"), ()),
        404: (("not_found",), ()),
        409: (() if is_public else ("in_flight",), ()),
        412: (("changed",), ()),
        422: (("invalid",), () if is_public else ("malformed", "unknown_parameter")),
    }
    found = [common[status], OWN.get(operation_id, {}).get(status, ((), ()))]
    if status == 409 and (operation_id in TRIGGERS or operation_id in ALSO):
        found.append((MOVES, reasons))
    if status == 409 and operation_id in RECORDS and operation_id != "change_session":
        found.append((("already_exists",), ("already_exists",)))
    if status == 422 and operation_id in RECORDS:
        found.append(((), ("unknown", "rule_of_the_record")))
    if status == 422 and not is_read:
        found.append((() if is_public else ("idempotency_key_reused",), ("nul_character",)))
    problems, details = zip(*found, strict=True)
    return _once(problems), _once(details)


def _once(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for part in parts for code in part))
