"""Which codes each operation refuses with: those of its guards, and its own. Tests hold this to the sources."""

from collections.abc import Iterable, Mapping

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
    "has_waiver_reason": ("reason_missing",),
    "is_of_invoiced_session": ("not_invoiced",),
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
    "has_extra": ("extra_sold_out",),
    "has_no_conflict": ("double_booked",),
    "is_seat_of_its_session": ("session_not_seated", "seat_elsewhere"),
    "has_seat": ("seat_required", "seat_taken"),
    "is_in_good_standing": _STANDING,
    "is_first_order": ("is_change",),
    "is_change": ("not_change",),
    "has_changes": ("nothing_changed", "nothing_left"),
    "can_be_changed": (
        "not_changeable", "quote_expired", "session_held", "given_up_before", "extra_not_offered", "not_of_the_change",
        "adjustment_too_large", "seat_stays",
    ),
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
    "is_within_term": ("before_term", "after_term"),
    "is_ending_as_shown": ("difference_is_stale",),
    "has_run": ("still_running",),
    "has_nothing_due": ("still_to_invoice", "owing"),
    "is_signed": ("not_signed",),
    "is_refundable": ("above_refundable",),
    "has_note": ("reason_required",),
    "is_not_in_effect": ("notice_in_effect",),
    "is_later": ("not_later",),
    "is_withdrawn": ("revoked",),
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
        "late_pickup": {"accept_late_pickup": "accept", "waive_late_pickup": "waive"},
        "term_booking": {
            "cancel_booking": "cancel", "suspend_booking": "suspend", "resume_booking": "resume",
            "close_booking": "close", "archive_booking": "archive",
        },
        "subscription": {
            "begin_subscription": "begin", "withdraw_subscription": "decline", "give_notice": "give_notice",
            "roll_subscription": "roll", "continue_subscription": "put_off_notice",
        },
        "refund_request": {
            "ask_refund": "ask_again", "ask_wallet_refund": "ask_again", "approve_refund": "approve",
            "reject_refund": "reject",
        },
        "direct_debit_mandate": {"activate_mandate": "activate", "revoke_mandate": "revoke"},
        "waiting_entry": {"decline_offer": "decline"},
    }.items() for operation, trigger in steps.items()
}  # fmt: skip
# Steps that one request pulls with another: which of the two depends on the order.
PULLED_WITH: Mapping[str, str] = {"confirm_change": "confirm", "withdraw_notice": "put_off_notice"}
MOVES = ("not_allowed_now", "refused", "moved_meanwhile", "pass_used_up")
# The operations that write a plain record, whose constraints may refuse it.
RECORDS = frozenset(
    f"{verb}_{noun}" for verb in ("make", "change")
    for noun in ("account", "attendee", "user", "site", "term", "program_category", "program", "extra", "offering",
                 "closure_day", "session", "venue")
)  # fmt: skip

_REOPENING: Mapping[int, tuple[tuple[str, ...], tuple[str, ...]]] = {
    409: (("refused", "reopening_is_stale", "moved_meanwhile", "wallet_too_low"), ("session_started",))
}
# An operation's codes at one status: those of the problem, and those of its reasons.
Codes = tuple[tuple[str, ...], tuple[str, ...]]

_OF_AMOUNTS = ("not_an_amount", "amount_too_large", "amount_not_positive")
_LINKS = ("link_invalid", "link_expired", "link_claimed")

# What an operation says besides what all of its kind say: codes of problems and of reasons, by status.
OWN: Mapping[str, Mapping[int, Codes]] = {
    "post_entry": {
        409: (("period_locked",), ()),
        422: ((), ("not_balanced", "held_by_documents", "amount_is_zero", "in_the_future")),
    },
    "reverse_entry": {409: (("not_reversible", "reversed_already"), ())},
    "lock_period": {
        409: (("already_locked", "revenue_outstanding"), ()), 422: ((), ("not_a_month", "month_not_over")),
    },
    "unlock_period": {409: (("not_locked",), ())},
    "write_off_invoice": {409: (("moved_meanwhile",), ()), 422: ((), ("amount_not_open",))},
    "undo_write_off": {409: (("undone_already", "moved_meanwhile"), ())},
    "waive_overdue_fee": {409: (("waived_already", "not_allowed_now", "moved_meanwhile"), ())},
    "read_report": {422: ((), ("not_a_period",))},
    "read_report_file": {422: ((), ("not_a_period",))},
    "export_journal": {422: ((), ("not_a_period", "no_account_code"))},
    "begin_order": {
        409: (("refused",), ("term_closed", "order_type_not_offered")),
        422: ((), ("required", "is_subscription")),
    },
    "convert_eois": {422: ((), ("too_many", "unknown", "twice"))},
    "begin_quote_change": {409: (("refused", "moved_meanwhile"), ("not_changeable", "change_open"))},
    "adjust_change": {
        409: (("not_allowed_now", "refused", "moved_meanwhile"), ("not_of_the_change", "adjustment_too_large")),
    },
    "begin_change": {409: (("refused", "moved_meanwhile"), ("not_changeable", "change_open"))},
    "foresee_change": {
        409: (("refused",), ("not_of_the_change", "adjustment_too_large")),
        422: ((), ("too_many", "twice", "out_of_range")),
    },
    "convert_order": {409: (("refused", "moved_meanwhile"), ("not_convertible", "term_closed", *_CART))},
    "join_waiting_list": {403: ((), ("not_permitted",))},
    "join_waiting_list_together": {403: ((), ("not_permitted",)), 422: ((), ("out_of_range", "other_account"))},
    "accept_offer": {403: ((), ("not_permitted",)), 409: (("refused",), ("term_closed",))},
    "express_interest": {403: ((), ("not_permitted",))},
    "save_cart": {422: ((), ("too_many", "twice", "out_of_range", "unknown", "invalid"))},
    "submit_order": {
        403: ((), ("not_permitted",)), 409: (("wallet_empty", "wallet_too_low"), ()), 422: ((), ("not_paid_now",)),
    },
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
    "review_guest_cancellation": {403: (_LINKS, ())},
    "read_guest_invoice": {403: (_LINKS, ())},
    "finish_registration": {403: (("link_invalid", "link_expired"), ()), 422: ((), ("required",))},
    "begin_group_order": {422: ((), ("required", "too_many", "twice", "out_of_range", "unknown"))},
    "save_group_carts": {422: ((), ("too_many", "twice", "out_of_range", "unknown"))},
    "submit_group_order": {403: ((), ("not_permitted",))},
    "pay_group_order": {
        409: (
            ("not_allowed_now", "not_payable", "nothing_due", "payment_moving", "moved_meanwhile", "conflict",
             "wallet_too_low"),
            (),
        ),
        422: ((), ("invalid", "reason_missing", "amount_not_open")),
    },
    "make_attendee_merge": {409: (("refused",), ("double_booked",)), 422: ((), ("twice",))},
    "add_activity": {
        409: (("already_exists",), ("already_exists",)), 422: ((), ("no_activities", "no_session_that_day")),
    },
    "change_activity": {409: (("already_exists", "activity_is_chosen"), ("already_exists",))},
    "remove_activity": {409: (("activity_is_chosen",), ())},
    "notify_absence": {409: (("refused", "moved_meanwhile"), ("session_started", "not_expected", "revoked"))},
    "withdraw_absence": {
        409: (("refused", "moved_meanwhile"), ("session_started", "not_absent", "makeup_booked")),
    },
    "close_roll": {
        409: (
            ("refused", "moved_meanwhile"),
            ("session_not_over", "roll_is_closed", "not_marked", "signed_in", "conflicts_open", "not_counted",
             "difference_unexplained"),
        ),
    },
    "reopen_roll": {409: (("refused",), ("roll_is_open",))},
    "resolve_conflict": {
        409: (
            ("conflict_stands", "roll_changed"),
            ("decided_otherwise", "not_markable", "roll_is_closed", "must_not_collect", "not_authorised"),
        ),
    },
    "sign_sign_out": {409: (("signed_already",), ()), 422: ((), ("bad_signature", "in_the_future"))},
    "take_headcount": {422: ((), ("in_the_future",))},
    "explain_headcount": {409: (("nothing_to_explain",), ())},
    "arrive_on_site": {409: (("elsewhere_already",), ("elsewhere_already",))},
    "make_pin_proof": {404: (("wrong_pin",), ())},
    "answer_consent": {409: (("consent_refused",), ("consent_text_changed", "consent_not_given"))},
    "authorise_person": {409: (("person_refused",), ("must_not_collect", "already_authorised"))},
    "send_bundle": {409: (("roll_changed",), ())},
    "close_day": {409: (("refused", "closure_is_stale", "moved_meanwhile"), ("signed_in",))},
    "reopen_day": _REOPENING,
    "reopen_session": _REOPENING,
    "close_session": {409: (("refused", "closure_is_stale", "moved_meanwhile"), ("signed_in",))},
    "make_payment": {
        409: (
            ("not_payable", "nothing_due", "payment_moving", "moved_meanwhile", "conflict", "wallet_empty",
             "wallet_too_low"),
            (),
        ),
        422: ((), ("invalid", "reason_missing", "amount_not_open", "amount_not_in_wallet")),
    },
    "reverse_recorded_payment": {
        409: (("payment_not_reversible", "not_undoable", "wallet_too_low", "moved_meanwhile"), ()),
        422: ((), ("reason_missing",)),
    },
    "resolve_payment_review": {409: (("review_is_resolved",), ()), 422: ((), ("reason_missing",))},
    "compare_with_provider": {422: ((), ("invalid",))},
    "compare_with_provider_in_a_file": {422: ((), ("invalid",))},
    "set_collection_account": {422: ((), ("required", "bank_account_invalid"))},
    "make_debit_run": {
        409: (("debit_run_is_stale", "nothing_to_collect", "moved_meanwhile"), ()),
        422: (("not_collectable",), ("not_collectable",)),
    },
    "settle_debit_run": {409: (("debit_not_there", "moved_meanwhile"), ())},
    "import_return_file": {409: (("moved_meanwhile",), ()), 422: (("bank_file_unreadable",), ("bad_row",))},
    "import_bank_statement": {422: (("bank_file_unreadable",), ("bad_row", "invalid", "known_of_another_account"))},
    "match_line": {
        409: (("bank_line_not_open", "not_payable", "payment_moving", "moved_meanwhile"), ()),
        422: ((), ("amount_not_open",)),
    },
    "undo_match": {409: (("match_undone", "moved_meanwhile"), ()), 422: ((), ("reason_missing",))},
    "set_line_aside": {409: (("bank_line_not_open", "moved_meanwhile"), ()), 422: ((), ("reason_missing",))},
    "take_line_up": {409: (("bank_line_not_open", "moved_meanwhile"), ())},
    "top_up_wallet": {
        409: (("moved_meanwhile", "conflict"), ()),
        422: ((), ("invalid", *_OF_AMOUNTS, "reason_required")),
    },
    "revoke_pass": {409: (("pass_revoked", "pass_has_nothing_left", "moved_meanwhile"), ())},
    "make_pass_product": {422: ((), (*_OF_AMOUNTS, "required", "unknown"))},
    "buy_pass": {
        409: (("pass_withdrawn", "wallet_too_low", "moved_meanwhile"), ()),
        422: ((), ("in_the_past", "reason_required")),
    },
    "check_out_pass": {
        409: (("pass_withdrawn", "moved_meanwhile", "conflict"), ()),
        422: ((), ("invalid", "in_the_past")),
    },
    **{f"ask_{whose}": {422: ((), (*_OF_AMOUNTS, "above_refundable"))}
       for whose in ("refund", "wallet_refund")},
    "pay_refund_by_hand": {409: (("refund_sent_by_provider", "refund_is_settled"), ())},
    "give_bonus": {422: ((), (*_OF_AMOUNTS, "reason_required", "expires_in_the_past"))},
    "correct_wallet_entry": {409: (("not_undoable", "wallet_too_low"), ()), 422: ((), ("reason_required",))},
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
        409: (("roll_changed", "roll_is_closed"), ("roll_is_closed",)),
        422: ((), ("unknown", "id_reused", "person_missing", "not_markable", "in_the_future", "too_early",
                   "must_not_collect", "not_authorised")),
    },
    "check_in_ticket": {
        409: (
            ("ticket_refused", "ticket_used_meanwhile"),
            ("ticket_used", "ticket_cancelled", "wrong_session", "wrong_day", "too_early", "session_over",
             "roll_is_closed", "left_already", "newer_mark"),
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
    "continue_subscription": {409: ((), (*_ENROLMENT, "suspended"))},
    "change_weekdays": {
        409: (("not_allowed_now", "refused", "moved_meanwhile"), (*_ENROLMENT, "suspended")),
        422: ((), ("nothing_to_change", "no_sessions")),
    },
    "roll_subscription": {
        409: ((), ("term_closed", "no_sessions", "enrolled_already", *_CART, *_ENROLMENT)),
        422: ((), ("other_program",)),
    },
    "read_receipt": {409: (("not_received",), ())},
    "read_account_statement": {422: ((), ("out_of_range",))},
    "read_account_statement_document": {422: ((), ("out_of_range",))},
    "make_webhook_endpoint": {422: ((), ("unknown_topic", "not_https"))},
    "read_calendar": {403: (_LINKS[:2], ())},
    "preview_invoice_run": {422: ((), ("out_of_range",))},
    "make_invoice_run": {
        409: (("refused",), ("run_under_way", "preview_stale")), 422: ((), ("out_of_range", "nothing_due")),
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
    "save_mail_text": {
        409: (("saved_meanwhile",), ()),
        422: ((), ("malformed_text", "not_a_placeholder", "unknown_placeholder", "one_line", "required")),
    },
    "preview_mail_text": {
        422: ((), ("malformed_text", "not_a_placeholder", "unknown_placeholder", "one_line", "required")),
    },
    "make_promo_code": {
        404: (("scope_not_found",), ()), 409: (("promo_code_is_taken",), ("promo_code_is_taken",)),
        422: (("rule_is_invalid",), ("rule_is_invalid",)),
    },
    "change_promo_code": {
        404: (("promo_code_not_found", "scope_not_found"), ()), 422: (("rule_is_invalid",), ("rule_is_invalid",)),
    },
    "remove_promo_code": {404: (("promo_code_not_found", "scope_not_found"), ())},
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
