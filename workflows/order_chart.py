"""The order's lifecycle as a table: every edge with who may pull it, its guards and its effects.

The diagram is generated from it: `termbook diagram`. The verbs stand in `workflows.term_booking_order`.
"""

from engine.chart import Chart, Step
from models import TermBookingStatus as S
from workflows.change_confirmation import revise_booking
from workflows.change_guards import (
    can_be_changed,
    has_changes,
    is_change,
    is_change_paid,
    is_difference_as_shown,
    is_first_order,
    is_in_change_window,
)
from workflows.closure_effects import (
    carry_billing,
    free_claims,
    rebill_order,
    reissue_quote,
    tell_order_closure,
    turn_order_lines,
)
from workflows.companions import (
    begin_companions,
    discard_companions,
    is_as_its_cause_showed,
    is_let_go_by_its_cause,
)
from workflows.extras import has_extra, hold_extras, let_extras_go
from workflows.group_guards import is_with_its_group
from workflows.interest_rules import (
    has_something_wanted,
    has_wishes_on_offer,
    is_enrolment,
    is_interest,
    keep_wishes,
    make_way,
)
from workflows.makeup_use import book_credits, has_makeup_credit, return_carried_credits, return_credits
from workflows.order_cart import replace_lines
from workflows.order_confirmation import (
    can_confirm_oneself,
    is_condition_met,
    make_attendance,
    make_booking,
)
from workflows.order_discounts import (
    copy_discounts,
    has_good_promo_code,
    note_discounts,
    return_promo_code,
    use_promo_code,
)
from workflows.order_effects import (
    arm_quote_expiry,
    arm_timeout,
    disarm_timers,
    forget_reason,
    hold_places,
    keep_reason,
    note_submission,
    open_billing,
    release_places,
    return_money,
    void_billing,
    write_quote,
)
from workflows.order_enrolment import approve_booking, end_its_booking
from workflows.order_guards import (
    has_confirmation_type_on_offer,
    has_no_conflict,
    has_no_money,
    has_no_money_moving,
    has_open_quote,
    has_order_type_on_offer,
    has_place,
    has_trial_left,
    is_before_cut_off,
    is_eligible,
    is_in_booking_window,
    is_in_good_standing,
    is_not_empty,
    is_not_paid,
    is_price_as_shown,
    is_selectable,
    is_timed_out,
)
from workflows.order_invoices import write_invoices
from workflows.order_schedule import agree_schedule, has_deposit, is_schedule_as_shown
from workflows.pass_use import return_carried_uses, return_passes, use_passes
from workflows.quote_revision import revise_quoted
from workflows.seat_guards import has_seat, is_seat_of_its_session
from workflows.subscription_rules import is_with_its_subscription
from workflows.term_booking import ADMIN, OWNER, SYSTEM
from workflows.trial_conversion import can_convert
from workflows.waiting_guards import (
    has_no_group_offer,
    has_no_open_offer,
    is_not_in_queue,
    is_possible_as_one,
    is_unseated,
    is_waiting,
)
from workflows.waiting_queue import join_queue, leave_queue
from workflows.wanted_activities import has_activity_place, is_activity_of_its_day

_SAVE = (
    has_order_type_on_offer,
    is_selectable,
    is_seat_of_its_session,
    is_activity_of_its_day,
    has_makeup_credit,
    has_wishes_on_offer,
)
_SUBMIT = (
    is_enrolment, is_with_its_subscription, can_convert, is_with_its_group, is_not_empty, has_order_type_on_offer,
    is_selectable, is_price_as_shown,
    is_in_booking_window, is_before_cut_off, is_eligible, has_confirmation_type_on_offer, has_trial_left, has_place,
    is_seat_of_its_session, has_seat, is_activity_of_its_day, has_activity_place, has_extra, has_makeup_credit,
    has_no_conflict, has_no_open_offer, is_in_good_standing,
    has_good_promo_code,
    has_changes, can_be_changed, is_in_change_window,
    has_deposit, is_schedule_as_shown,
)  # fmt: skip
# An interest is expressed before registration opens, and after it closed for a place that may become free.
_EXPRESS = (
    is_interest, has_something_wanted, has_order_type_on_offer, has_wishes_on_offer, is_selectable, is_before_cut_off,
    is_eligible, has_no_conflict,
)  # fmt: skip
# Who may not book it may not wait for it either.
_WAIT = (
    is_waiting, is_not_empty, has_order_type_on_offer, is_selectable, is_unseated, is_in_booking_window,
    is_before_cut_off, is_eligible, has_no_conflict, is_not_in_queue, is_possible_as_one,
)  # fmt: skip
_ENROLMENT = (is_enrolment, is_with_its_subscription, is_first_order)
_HOLD = (
    make_way,
    hold_places,
    hold_extras,
    book_credits,
    open_billing,
    agree_schedule,
    use_promo_code,
    use_passes,
    arm_timeout,
    begin_companions,
)
_CONFIRM = (is_enrolment, is_with_its_subscription, is_first_order, can_confirm_oneself, is_condition_met)
_CONFIRM_CHANGE = (
    is_change, can_be_changed, has_changes, is_in_change_window, is_difference_as_shown, is_change_paid,
)  # fmt: skip
_SWAP = (disarm_timers, revise_booking)
_ENROL = (disarm_timers, make_booking, copy_discounts, write_invoices, make_attendance)
_QUOTE = (disarm_timers, write_quote, arm_quote_expiry)
_REARM = (disarm_timers, arm_timeout)
_ATTEND = (disarm_timers, make_booking, copy_discounts, make_attendance)
_INVOICE = (approve_booking, write_invoices)
_LET_GO = (
    disarm_timers,
    release_places,
    let_extras_go,
    return_credits,
    return_passes,
    leave_queue,
    void_billing,
    return_promo_code,
    discard_companions,
)
_END = (*_LET_GO, keep_reason, return_money)
# The booking of an order for attendance gives the places back itself.
_UNDO = (void_billing, return_promo_code, keep_reason, discard_companions, end_its_booking, return_money)
# Its places have gone to the order that it becomes.
_BECOME = (disarm_timers, void_billing, return_promo_code, discard_companions, keep_reason)
_CLAIM = (hold_places, note_submission)
_REVIVE, _RETAKE = (
    (is_timed_out, *_SUBMIT),
    (
        make_way,
        hold_places,
        hold_extras,
        book_credits,
        open_billing,
        agree_schedule,
        use_promo_code,
        use_passes,
        forget_reason,
        begin_companions,
    ),
)
_FILL, _NOTE = (replace_lines, note_discounts, keep_wishes), (keep_reason,)
_CLOSE_DAY = (
    turn_order_lines,
    free_claims,
    return_carried_credits,
    return_carried_uses,
    rebill_order,
    reissue_quote,
    tell_order_closure,
)
_CANCEL = (has_no_money_moving, is_not_paid)
_REMOVE = (has_no_money, has_no_group_offer)
_QUEUE, _END_WAIT = (join_queue, note_submission), (disarm_timers, keep_reason)
_WITH_CAUSE = (is_as_its_cause_showed,)

CHART = Chart(
    name="term_booking_order",
    states=(S.DRAFT, S.CREATED, S.SUBMITTED, S.SUBMITTED_CHANGE, S.QUOTE, S.ACCEPT, S.ATTENDANCE_APPROVED, S.APPROVED,
            S.REMOVED, S.CANCELED),
    initial=(S.DRAFT, S.SUBMITTED_CHANGE),
    steps=(
        #     trigger               source                 target                 who             guards            effects    tells
        Step("save",               S.DRAFT,               S.CREATED,             OWNER | SYSTEM,        _SAVE,            _FILL),
        Step("save",               S.CREATED,             S.CREATED,             OWNER,          _SAVE,            _FILL),
        Step("submit",             S.CREATED,             S.SUBMITTED,           OWNER | SYSTEM,        _SUBMIT,          _HOLD,   "order.submitted"),
        Step("express",            S.CREATED,             S.SUBMITTED,           OWNER,          _EXPRESS,         _CLAIM,  "order.interest"),
        Step("narrow",             S.SUBMITTED,           S.SUBMITTED,           SYSTEM,         (),               ()),
        Step("convert",            S.SUBMITTED,           S.REMOVED,             SYSTEM,         (),               _BECOME, "order.converted"),
        Step("lapse",              S.SUBMITTED,           S.REMOVED,             SYSTEM,         (is_interest,),   _END),
        Step("wait",               S.CREATED,             S.SUBMITTED,           OWNER,          _WAIT,            _QUEUE,  "order.waiting"),
        Step("end_wait",           S.SUBMITTED,           S.REMOVED,             SYSTEM,         (is_waiting,),    _END_WAIT),
        Step("reopen",             S.SUBMITTED,           S.CREATED,             OWNER,          _REMOVE,          _LET_GO),
        Step("quote",              S.SUBMITTED,           S.QUOTE,               ADMIN,          _ENROLMENT,     _QUOTE,  "order.quoted"),
        Step("quote",              S.QUOTE,               S.QUOTE,               ADMIN,          (),               _QUOTE,  "order.quoted"),
        Step("accept",             S.QUOTE,               S.ACCEPT,              OWNER,          (has_open_quote,), _REARM),
        Step("approve_attendance", S.SUBMITTED,           S.ATTENDANCE_APPROVED, ADMIN,          _ENROLMENT,     _ATTEND),
        Step("confirm",            S.SUBMITTED,           S.APPROVED,            OWNER | SYSTEM, _CONFIRM,         _ENROL,  "booking.confirmed"),
        Step("confirm_change",     S.SUBMITTED,           S.APPROVED,            OWNER | SYSTEM, _CONFIRM_CHANGE,  _SWAP,   "booking.confirmed"),
        Step("confirm",            S.ACCEPT,              S.APPROVED,            OWNER | SYSTEM, _CONFIRM,         _ENROL,  "booking.confirmed"),
        Step("confirm",            S.ATTENDANCE_APPROVED, S.APPROVED,            OWNER | SYSTEM, _CONFIRM,         _INVOICE, "booking.confirmed"),
        Step("confirm",            S.SUBMITTED_CHANGE,    S.APPROVED,            SYSTEM,         _WITH_CAUSE,      (revise_booking,)),
        Step("remove",             S.DRAFT,               S.REMOVED,             OWNER | SYSTEM, (),               _NOTE),
        Step("remove",             S.CREATED,             S.REMOVED,             OWNER | SYSTEM, (),               _NOTE),
        Step("remove",             S.SUBMITTED,           S.REMOVED,             OWNER,          _REMOVE,          _END),
        Step("remove",             S.SUBMITTED_CHANGE,    S.REMOVED,             OWNER | SYSTEM, (is_let_go_by_its_cause,), _NOTE),
        Step("cancel",             S.SUBMITTED,           S.CANCELED,            OWNER | SYSTEM, (*_CANCEL, has_no_group_offer), _END, "order.canceled"),
        Step("cancel",             S.QUOTE,               S.CANCELED,            OWNER | SYSTEM, _CANCEL,          _END,    "order.canceled"),
        Step("cancel",             S.ACCEPT,              S.CANCELED,            OWNER | SYSTEM, _CANCEL,          _END,    "order.canceled"),
        Step("cancel",             S.ATTENDANCE_APPROVED, S.CANCELED,            OWNER | SYSTEM, _CANCEL,          _UNDO,   "order.canceled"),
        Step("close_day",          S.SUBMITTED,           S.SUBMITTED,           SYSTEM,         (),               _CLOSE_DAY),
        Step("close_day",          S.QUOTE,               S.QUOTE,               SYSTEM,         (),               _CLOSE_DAY),
        Step("close_day",          S.ACCEPT,              S.ACCEPT,              SYSTEM,         (),               _CLOSE_DAY),
        Step("close_day",          S.ATTENDANCE_APPROVED, S.ATTENDANCE_APPROVED, SYSTEM,         (),               (carry_billing,)),
        # What it will invoice is what its booking costs by now.
        Step("reopen_day",         S.ATTENDANCE_APPROVED, S.ATTENDANCE_APPROVED, SYSTEM,         (),               (carry_billing,)),
        Step("revise",             S.QUOTE,               S.QUOTE,               SYSTEM,         (),               (revise_quoted, *_QUOTE), "order.quoted"),
        Step("revise",             S.ATTENDANCE_APPROVED, S.ATTENDANCE_APPROVED, SYSTEM,         (),               (carry_billing,)),
        Step("revive",             S.CANCELED,            S.SUBMITTED,           SYSTEM,         _REVIVE,          _RETAKE, "order.submitted"),
    ),
)  # fmt: skip
