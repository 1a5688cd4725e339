"""Every flow of the four front doors in a browser: on a phone, a tablet and a desktop, with scripts and without.

`test_family.py`: signing up; coming in by password and by mail; a child with details, consents and pick-ups; finding
by child, weekday, place and words; a week for two children with its clashes and its price; a term booked and paid out
of the cart and its hold; a holiday week, and a day with its activity, by the ways to pay that are open; a guest; a
quote accepted; a queue joined and its offer taken; two families and the last place; a change through its difference;
list, calendar, and giving up; the calendar feed; a top-up; a pass; papers as PDF; money of the wallet and of a booking
asked back.

`test_office.py`: finding anything; building, confirming, the history; a quote; a move through the difference, muted;
suspending, resuming, cancelling; a queue with its reasons; interests converted together; a term, a program, and
sessions seen before they are made; a rule; a discount; an extra; a venue, its seats and their prices; an import; a
term rolled over; a day closed and opened; the occupancy board; a mail in own words; a login made and barred.

`test_finance.py`: what needs attention; an invoice given up and owed again; an account line by line, and credit
notes; a payment taken back; a locked month; reports as picture, table and file, and the journal; a bank line matched;
a refund approved and paid out; a debit run; a run of invoices.

`test_staff.py`: today and the roll; the ratio; a sign-out by PIN, and who must not collect; the queue of signatures;
headcount, closing, and a late pick-up decided. Without a network one needs scripts: that is three ways. So are
passkeys, in `tests/web/test_passkeys.py`.
"""
