"""How the words of the domain are said on a page: statuses, kinds of orders, ways to confirm, triggers."""

from web.words import N_

STATUS = {
    "REMOVED": (N_("Removed"), ""),
    "DRAFT": (N_("Draft"), ""),
    "CREATED": (N_("In the cart"), ""),
    "SUBMITTED": (N_("Submitted"), "warn"),
    "SUBMITTED_CHANGE": (N_("Linked change"), "warn"),
    "ATTENDANCE_APPROVED": (N_("May attend, not invoiced"), "accent"),
    "QUOTE": (N_("Quoted"), "accent"),
    "ACCEPT": (N_("Quote accepted"), "accent"),
    "APPROVED": (N_("Confirmed"), "good"),
    "ARCHIVED": (N_("Archived"), ""),
    "SUSPENDED": (N_("Suspended"), "warn"),
    "CLOSED": (N_("Closed"), ""),
    "CANCELED": (N_("Cancelled"), "bad"),
}
ORDER_TYPE = {
    "BOOKING": N_("Booking"),
    "WAITING_LIST": N_("Waiting list"),
    "TRIAL_SESSION": N_("Trial"),
    "SUBSCRIPTION": N_("Subscription"),
    "EOI": N_("Expression of interest"),
}
CONFIRMATION = {
    "CONFIRM_WITHOUT_PAYMENT": N_("Pay later, by invoice"),
    "PAY_NOW_PAY_ALL": N_("Pay in full now"),
    "PAY_NOW_PAY_DEPOSIT": N_("Pay a deposit now"),
    "DIRECT_DEBIT": N_("Direct debit"),
    "ADMIN_CONFIRM": N_("Confirmed by the office"),
}
PAYMENT_STATE = {
    "NOT_DUE": (N_("Not due yet"), ""),
    "OPEN": (N_("Unpaid"), "warn"),
    "PAID": (N_("Paid"), "good"),
    "PENDING_PAYMENT": (N_("Waiting for wallet funds"), "bad"),
}
PAYMENT = {
    "PENDING": (N_("Started"), ""),
    "PROCESSING": (N_("Processing"), "warn"),
    "SUCCESS": (N_("Received"), "good"),
    "FAILED": (N_("Failed"), "bad"),
}
TRIGGER = {
    "new": N_("started"),
    "save": N_("cart saved"),
    "submit": N_("submitted"),
    "express": N_("interest registered"),
    "wait": N_("joined the waiting list"),
    "reopen": N_("moved back to the cart"),
    "quote": N_("quoted"),
    "accept": N_("quote accepted"),
    "approve_attendance": N_("attendance approved"),
    "approve": N_("invoiced"),
    "confirm": N_("confirmed"),
    "confirm_change": N_("change confirmed"),
    "revise": N_("changed"),
    "remove": N_("discarded"),
    "cancel": N_("cancelled"),
    "revive": N_("restored by a late payment"),
    "convert": N_("converted into another order"),
    "follow": N_("replaced by another booking"),
    "narrow": N_("partly booked"),
    "lapse": N_("lapsed"),
    "end_wait": N_("left the waiting list"),
    "close_day": N_("day closed"),
    "plan_close": N_("last day set"),
    "close": N_("closed"),
    "suspend": N_("suspended"),
    "resume": N_("resumed"),
    "archive": N_("archived"),
}
WAITING = {
    "WAITING": (N_("Waiting"), ""),
    "SAVED": (N_("Place saved"), "accent"),
    "OFFERED": (N_("Offered"), "warn"),
    "ACCEPTED": (N_("Accepted"), "good"),
    "DECLINED": (N_("Declined"), ""),
    "EXPIRED": (N_("Expired"), ""),
    "LEFT": (N_("Left"), ""),
}
TERM_STATUS = {
    "DRAFT": (N_("Draft"), ""),
    "OPEN": (N_("Open"), "accent"),
    "RUNNING": (N_("Running"), "good"),
    "ENDED": (N_("Ended"), ""),
    "ARCHIVED": (N_("Archived"), ""),
}
OFFERING_STATUS = {
    "DRAFT": (N_("Draft"), ""),
    "PUBLISHED": (N_("Published"), "good"),
    "CANCELLED": (N_("Cancelled"), "bad"),
    "COMPLETED": (N_("Completed"), ""),
}
PROGRAM_TYPE = {"TERM_CARE": N_("Term care"), "CLASS": N_("Class"), "HOLIDAY": N_("Holiday programme")}
MODE = {"CASUAL": N_("Single days"), "FULL_WEEK": N_("Full week"), "FULL_TERM": N_("Full term")}
LINE_KIND = {"SESSION": N_("Session"), "MAKEUP_SESSION": N_("Makeup"), "CLOSURE_DAY": N_("Closed day")}
ATTENDANCE = {
    "EXPECTED": (N_("Expected"), ""),
    "PRESENT": (N_("Present"), "good"),
    "LATE": (N_("Late"), "warn"),
    "ABSENT_NOTIFIED": (N_("Absence reported"), ""),
    "ABSENT": (N_("Absent"), "bad"),
    "LEFT": (N_("Signed out"), "good"),
    "CANCELLED": (N_("Not expected"), ""),
}
REFUND_REQUEST = {
    "PENDING": (N_("Awaiting decision"), "warn"),
    "APPROVED": (N_("Approved"), "good"),
    "REJECTED": (N_("Rejected"), "bad"),
}
REFUND = {
    "PENDING": (N_("Processing"), "warn"),
    "SUCCEEDED": (N_("Refunded"), "good"),
    "FAILED": (N_("Failed to send"), "bad"),
}
REFUND_TO = {"WALLET": N_("To the wallet"), "ORIGINAL": N_("To the original payment method")}
REVIEW = {
    "WRONG_AMOUNT": N_("Different amount than requested"),
    "WRONG_CURRENCY": N_("Wrong currency"),
    "CONTRADICTION": N_("Provider reported two different amounts"),
    "UNKNOWN_PAYMENT": N_("Unknown payment"),
    "PRICE_CHANGED": N_("Paid at an old price"),
    "NOT_REVIVED": N_("Paid late, and the places were gone"),
    "PART_PAYMENT": N_("Partial payment"),
    "COMPANION_NOT_MADE": N_("Another booking kept its old price"),
    "CHARGEBACK": N_("Reversed by the bank"),
    "UNKNOWN_REFUND": N_("Refunded without our request"),
}
PROVIDER = {
    "sandbox": N_("Card (sandbox)"),
    "stripe": N_("Card"),
    "cash": N_("Cash"),
    "bank": N_("Bank transfer"),
    "manual": N_("Recorded manually"),
    "wallet": N_("Wallet"),
    "direct_debit": N_("Direct debit"),
}
WALLET_ENTRY = {
    "TOPPED_UP": N_("Topped up"),
    "GRANTED": N_("Bonus given"),
    "DEBITED": N_("Spent"),
    "PASS_BOUGHT": N_("Pass purchase"),
    "PASS_REVOKED": N_("Pass refund"),
    "RETURNED": N_("Returned"),
    "CREDITED": N_("Credited"),
    "EXPIRED": N_("Bonus expired"),
    "WITHDRAWN": N_("Set aside for a refund"),
    "RESTORED": N_("Refund failed"),
    "TAKEN_BACK": N_("Reversed by the bank"),
    "SET_OFF": N_("To cover a payment reversed by the bank"),
    "CORRECTED": N_("Corrected"),
}
PASS_COVERS = {
    "SESSIONS": N_("Covers sessions"),
    "EXTRAS": N_("Covers extras"),
    "SESSIONS_AND_EXTRAS": N_("Covers sessions with all their extras"),
}
PASS_RETURNS = {
    "ALWAYS": N_("Cancelled sessions go back on the pass"),
    "IN_WINDOW": N_("Sessions cancelled before the deadline go back on the pass"),
    "NEVER": N_("Cancelled sessions do not go back on the pass"),
}
MANDATE = {
    "PENDING": (N_("Under review"), "warn"),
    "ACTIVE": (N_("Active"), "good"),
    "REVOKED": (N_("Withdrawn"), ""),
}
LEDGER = {
    "RECEIVABLE": N_("Receivables"),
    "DEFERRED_REVENUE": N_("Deferred revenue"),
    "REVENUE": N_("Revenue"),
    "TAX": N_("Tax"),
    "GATEWAY_CLEARING": N_("Held by the payment provider"),
    "BANK": N_("Bank account"),
    "CASH": N_("Cash on hand"),
    "CUSTOMER_CREDIT": N_("Customer credit"),
    "WALLET": N_("Wallets"),
    "BONUS": N_("Bonus"),
    "BONUS_EXPENSE": N_("Bonus expense"),
    "PASS_LIABILITY": N_("Unused passes"),
    "REFUND_PAYABLE": N_("Refunds payable"),
    "FEE_REVENUE": N_("Fees"),
    "WRITE_OFF": N_("Write-offs"),
}
# What an entry of the books is about, and what became of that.
POSTED_FOR = {
    "INVOICE": N_("Invoice"),
    "CREDIT_NOTE": N_("Credit note"),
    "PAYMENT": N_("Payment"),
    "PAYMENT_ALLOCATION": N_("Payment"),
    "WALLET_ENTRY": N_("Wallet"),
    "REFUND": N_("Refund"),
    "DISPUTE": N_("Chargeback"),
    "RECOGNITION": N_("Session held"),
    "WRITE_OFF": N_("Write-off"),
    "ENTITLEMENT": N_("Pass"),
    "PASS_USE": N_("Pass used"),
    "MANUAL": N_("Manual entry"),
}
PURPOSE = {
    "APPLIED": N_("applied"),
    "BREAKAGE": N_("never used"),
    "CAPTURED": N_("received"),
    "EARNED": N_("earned"),
    "GIVEN_BACK": N_("refunded"),
    "ISSUED": N_("issued"),
    "OWED": N_("due again"),
    "PAID": N_("paid out"),
    "POSTED": N_("posted"),
    "RELEASED": N_("released"),
    "RETURNED": N_("returned"),
    "REVERSED": N_("reversed"),
    "TAKEN": N_("taken"),
    "UNDONE": N_("undone"),
    "WRITTEN_OFF": N_("written off"),
    "CREDITED": N_("credited"),
    "CORRECTED": N_("corrected"),
    "EXPIRED": N_("expired"),
    "GRANTED": N_("granted"),
    "TOPPED_UP": N_("topped up"),
    "PASS_BOUGHT": N_("pass bought"),
    "PASS_REVOKED": N_("pass cancelled"),
    "RESTORED": N_("restored"),
    "TAKEN_BACK": N_("reversed by the bank"),
    "WITHDRAWN": N_("set aside for a refund"),
    "DEBITED": N_("spent"),
    "SET_OFF": N_("set off"),
}
# What staff must know of a child.
ALERT = {"Allergy": N_("Allergy"), "Medical": N_("Medical")}
BANK_LINE = {
    "OPEN": (N_("To be matched"), "warn"),
    "MATCHED": (N_("Matched"), "good"),
    "SET_ASIDE": (N_("Set aside"), ""),
    "OUT": (N_("Outgoing"), ""),
}
PROMO_CODE = {
    "GOOD": (N_("Valid today"), "good"),
    "NOT_YET": (N_("Not valid yet"), ""),
    "OVER": (N_("Ended"), ""),
    "USED_UP": (N_("Used up"), "warn"),
}
RUN = {"RUNNING": (N_("In progress"), "warn"), "DONE": (N_("Done"), "good")}
RETURNED = {
    "REFUSED": (N_("Debit failed"), "bad"),
    "RETURNED": (N_("Invoice reopened"), "bad"),
    "ALREADY": (N_("Already recorded"), ""),
    "UNKNOWN": (N_("Not ours"), "warn"),
}
ACTOR = {
    "FAMILY": N_("Family"),
    "STAFF": N_("Staff"),
    "ADMIN": N_("Administration"),
    "FINANCE": N_("Finance"),
    "GUEST": N_("Guest"),
    "SYSTEM": N_("Automatic"),
}
# What a step of a history changed, by the name that the history has for it.
CHANGED = {
    "amount_minor": N_("amount"),
    "charged_minor": N_("charged again"),
    "claimed": N_("places taken"),
    "confirmation_type": N_("confirmation method"),
    "credited_minor": N_("credited"),
    "delta_minor": N_("difference"),
    "destination": N_("goes to"),
    "due_at": N_("due"),
    "expires_at": N_("valid until"),
    "freed_minor": N_("released"),
    "from": N_("from"),
    "given_up": N_("cancelled"),
    "group_order": N_("group order"),
    "into": N_("converted to"),
    "last_day": N_("last day"),
    "late_pickup": N_("late pick-up"),
    "lines": N_("lines"),
    "order": N_("order"),
    "overdue_fee": N_("late payment fee"),
    "places_released": N_("places released"),
    "places_taken": N_("places taken"),
    "released": N_("places released"),
    "required_minor": N_("payable"),
    "sessions": N_("sessions"),
    "total_minor": N_("total"),
    "was": N_("was"),
    "weekdays": N_("weekdays"),
    "wishes": N_("wishes"),
}
# Why a line of a Billing Difference costs something else.
CAUSE = {
    "ADDED": N_("added"),
    "CANCELLED": N_("cancelled"),
    "DISCOUNT_LOST": N_("discount lost"),
    "DISCOUNT_GAINED": N_("discount gained"),
    "FEE_CUTOFF": N_("late cancellation fee"),
    "FEE_CHANGE": N_("change fee"),
    "CATALOGUE_CHANGE": N_("price changed"),
    "MANUAL": N_("by the office"),
}
MAIL = {
    "booking_confirmed": N_("Booking confirmed"),
    "booking_canceled": N_("Booking cancelled"),
    "day_closed": N_("Day closed"),
    "day_reopened": N_("Closure day reopened"),
    "quote_issued": N_("Quote"),
    "order_timed_out": N_("Order expired"),
    "order_not_revived": N_("Late payment, order not restored"),
    "waiting_offered": N_("Place offered from the waiting list"),
    "waiting_expired": N_("Offer expired"),
    "payment_due": N_("Payment due"),
    "overdue_fee": N_("Late payment fee"),
    "payment_received": N_("Payment received"),
    "debit_failed": N_("Direct debit failed"),
    "refund_news": N_("Refund update"),
    "invoice_issued": N_("Invoice issued"),
    "interest_registered": N_("Interest registered"),
    "converted": N_("Interest or trial converted"),
    "subscription_booked": N_("Subscription booked"),
    "subscription_changed": N_("Subscription changed"),
    "subscription_ending": N_("Subscription ending"),
    "subscription_not_rolled": N_("To the office: subscription could not continue"),
    "makeup_granted": N_("Makeup session granted"),
    "makeup_expiring": N_("Makeup session expiring soon"),
    "makeup_expired": N_("Makeup session expired"),
    "pass_bought": N_("Pass bought"),
    "pass_used_up": N_("Pass used up"),
    "pass_ending": N_("Pass expiring soon"),
    "pass_revoked": N_("Pass cancelled"),
    "guest_links": N_("Guest order links"),
    "registration_asked": N_("Registration"),
    "sign_in_asked": N_("Sign-in link"),
}
ROLE = {"admin": N_("Administration"), "finance": N_("Finance"), "staff": N_("Staff"), "family": N_("Family")}
WEEKDAY = {
    "MON": N_("Monday"),
    "TUE": N_("Tuesday"),
    "WED": N_("Wednesday"),
    "THU": N_("Thursday"),
    "FRI": N_("Friday"),
    "SAT": N_("Saturday"),
    "SUN": N_("Sunday"),
}
SUBSCRIPTION = {
    "REQUESTED": (N_("Requested"), "warn"),
    "ACTIVE": (N_("Active"), "good"),
    "ENDING": (N_("Notice given"), "warn"),
    "ENDED": (N_("Ended"), ""),
    "DECLINED": (N_("Declined"), ""),
}
SUBSCRIPTION_TRIGGER = {
    "new": N_("requested"),
    "begin": N_("started"),
    "decline": N_("declined"),
    "roll": N_("continued into the next term"),
    "give_notice": N_("notice given"),
    "put_off_notice": N_("last day moved later"),
    "withdraw_notice": N_("notice cancelled"),
    "change_weekdays": N_("weekdays changed"),
    "end": N_("ended"),
}
LATE = {
    "PROPOSED": (N_("To be decided"), "warn"),
    "ACCEPTED": (N_("Charged"), "accent"),
    "WAIVED": (N_("Waived"), ""),
}
# What a reference or a number belongs to, by its table.
REFERENCED = {
    "term_booking_order": N_("Order"),
    "term_booking": N_("Booking"),
    "term_booking_line": N_("Ticket"),
    "subscription": N_("Subscription"),
    "waiting_entry": N_("Waiting list entry"),
    "group_order": N_("Group order"),
    "makeup_credit": N_("Makeup"),
    "late_pickup": N_("Late pick-up"),
    "refund_request": N_("Refund request"),
    "overdue_fee": N_("Late payment fee"),
    "payment": N_("Payment"),
    "entitlement": N_("Pass"),
    "direct_debit_mandate": N_("Direct debit mandate"),
    "debit_run": N_("Direct debit run"),
    "invoice": N_("Invoice"),
    "credit_note": N_("Credit note"),
    "zero_statement": N_("Zero statement"),
    "quote": N_("Quote"),
}
SEAT_TYPE = {"VIP": N_("Best"), "REGULAR": N_("Regular"), "ECONOMY": N_("Economy")}
# What a roll-over does with an offering.
ROLL_OVER = {
    "ROLLS": (N_("is made again"), "good"),
    "ROLLED": (N_("was made already"), ""),
    "DOES_NOT_FIT": (N_("cannot be made"), "warn"),
    "LEFT_OUT": (N_("is left out"), ""),
}

ALL = {
    "STATUS": STATUS, "ORDER_TYPE": ORDER_TYPE, "CONFIRMATION": CONFIRMATION, "PAYMENT_STATE": PAYMENT_STATE,
    "PAYMENT": PAYMENT, "TRIGGER": TRIGGER, "WAITING": WAITING, "TERM_STATUS": TERM_STATUS,
    "OFFERING_STATUS": OFFERING_STATUS, "PROGRAM_TYPE": PROGRAM_TYPE, "MODE": MODE, "LINE_KIND": LINE_KIND,
    "ATTENDANCE": ATTENDANCE, "REFUND_REQUEST": REFUND_REQUEST, "REFUND": REFUND, "REFUND_TO": REFUND_TO,
    "PROVIDER": PROVIDER, "WALLET_ENTRY": WALLET_ENTRY, "LEDGER": LEDGER, "BANK_LINE": BANK_LINE, "RUN": RUN,
    "RETURNED": RETURNED, "ACTOR": ACTOR, "CAUSE": CAUSE, "CHANGED": CHANGED, "REVIEW": REVIEW,
    "MAIL": MAIL, "ROLE": ROLE, "WEEKDAY": WEEKDAY, "SUBSCRIPTION": SUBSCRIPTION,
    "SUBSCRIPTION_TRIGGER": SUBSCRIPTION_TRIGGER, "LATE": LATE, "SEAT_TYPE": SEAT_TYPE,
    "MANDATE": MANDATE, "PASS_COVERS": PASS_COVERS, "PASS_RETURNS": PASS_RETURNS, "PROMO_CODE": PROMO_CODE,
    "REFERENCED": REFERENCED, "POSTED_FOR": POSTED_FOR, "PURPOSE": PURPOSE, "ALERT": ALERT,
    "ROLL_OVER": ROLL_OVER,
}  # fmt: skip
