"""A date of birth that can be one: the ages of attendees are reckoned from it."""

from datetime import date, datetime, timedelta

from engine.errors import Invalid, Reason

_OLDEST = 130  # years; more is a slip of the pen
_FIRST_TO_WAKE = timedelta(hours=14)  # where a day begins first: nobody is told that today lies in the future


def require_born(day: date, *, now: datetime, field: str = "date_of_birth") -> None:
    """Raises Invalid naming the field: it is in the future, or longer ago than anybody has lived."""
    today = (now + _FIRST_TO_WAKE).date()
    if day > today or day.year < today.year - _OLDEST:
        message = f"A date of birth is not in the future and at most {_OLDEST} years ago."
        raise Invalid(message, reasons=[Reason("out_of_range", message, field=field)])
