"""The rules of the database that an admin's input can break, each with the field to look at and what it asks for."""

# By the constraint's name; values out of their own bounds are mostly refused before, by the schemas.
RULES: dict[str, tuple[str, str]] = {
    "ck_account_name_has_a_sane_length": ("name", "A name has 1 to 200 characters."),
    "ck_attendee_name_has_a_sane_length": ("name", "A name has 1 to 200 characters."),
    "ck_attendee_height_is_plausible": ("height_cm", "A height is between 20 and 260 cm."),
    "ck_attendee_weight_is_plausible": ("weight_kg", "A weight is between 1 and 400 kg."),
    "ck_term_starts_before_it_ends": ("ends_on", "A term does not end before it starts."),
    "ck_term_program_set_capacity_is_not_negative": ("capacity", "An offering has 0 places or more."),
    "ck_term_program_set_price_is_not_negative": ("session_price_minor", "A session costs 0 or more."),
    "ck_term_program_set_ages_make_a_range": (
        "age_below_months", "The age that is too old is above the age from which one may come.",
    ),
    "ck_term_program_set_booking_window_is_a_range": (
        "bookable_until", "Booking ends later than it begins (bookable_from).",
    ),
    "ck_term_program_set_priority_comes_before_all": (
        "priority_from", "Priority begins before booking opens to all (bookable_from).",
    ),
    "ck_term_program_set_priority_comes_from_a_term": (
        "priority_term_id", "Priority has a moment (priority_from) and a term whose families have it, or neither.",
    ),
    "ck_account_guest_has_an_email": ("email", "A guest account is found by its e-mail address, in lower case."),
    "ck_term_product_taken_within_capacity": ("capacity", "A session has no fewer places than are taken."),
    "ck_extra_price_is_not_negative": ("price_minor", "An extra costs 0 or more."),
    "ck_extra_stock_is_not_negative": ("stock", "The stock of an extra is 0 or more."),
    "ck_extra_stock_taken_within_stock": (
        "stock", "At some session more of the extra are taken; its stock is at least that.",
    ),
    "ck_venue_name_has_a_sane_length": ("name", "A name has 1 to 200 characters."),
    "ck_user_email_is_lower_case": ("email", "An e-mail address is kept in lower case."),
}  # fmt: skip
