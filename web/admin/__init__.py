"""The office's pages: search, families, building bookings, queues, and what is set up."""

from web.admin import (
    activities,
    bookings,
    building,
    children,
    closures,
    collection,
    consents,
    discounts,
    families,
    home,
    imports,
    inbox,
    interests,
    late,
    mails,
    offerings,
    orders,
    passes,
    programme,
    promo_codes,
    queues,
    roll_over,
    rolls,
    rules,
    subscriptions,
    users,
    venues,
)

ROUTERS = (
    home.router, families.router, children.router, building.router, orders.router, bookings.router, queues.router,
    interests.router, programme.router, offerings.router, rules.router, imports.router, closures.router,
    roll_over.router, mails.router, inbox.router,
    subscriptions.router, passes.router, late.router, users.router, venues.router, collection.router, consents.router,
    promo_codes.router, discounts.router, activities.router, rolls.router,
)  # fmt: skip
