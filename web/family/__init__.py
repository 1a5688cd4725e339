"""The family portal: children, programs, the cart, paying, and what is booked."""

from web.family import (
    bookings,
    cart,
    checkout,
    children,
    consents,
    home,
    mandates,
    money,
    offering,
    passes,
    programs,
    refunds,
    seats,
    waiting,
    wallet,
    week,
)

ROUTERS = (
    home.router,
    children.router,
    consents.router,
    programs.router,
    offering.router,
    seats.router,
    week.router,
    cart.router,
    checkout.router,
    bookings.router,
    waiting.router,
    money.router,
    wallet.router,
    passes.router,
    mandates.router,
    refunds.router,
)
