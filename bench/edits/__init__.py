"""Bookings that are edited at random in memory, and what must agree to the cent after each edit. No database.

Each edit is judged by the computation of every change, in two orders of clicks, with the family's other bookings that
it alters; its documents are planned and posted, its credits take the waterfall, and the next edit finds what this one
left.
"""
