"""The four front doors: who comes in by which, and where one can go from there."""

from dataclasses import dataclass

from models import Role
from web.words import N_


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the navigation; `icon` is a name of `templates/parts/icons.html`."""

    label: str
    address: str
    icon: str


@dataclass(frozen=True, slots=True)
class Portal:
    """The pages for one role, all under `home`."""

    role: Role
    label: str
    home: str
    items: tuple[Item, ...]
    # What one goes to now and then, in the menu of one's own.
    menu: tuple[Item, ...] = ()


PORTALS: dict[Role, Portal] = {
    Role.FAMILY: Portal(
        Role.FAMILY, N_("Family"), "/family",
        (
            Item(N_("Home"), "/family", "home"),
            Item(N_("Programs"), "/family/programs", "search"),
            Item(N_("Cart"), "/family/cart", "cart"),
            Item(N_("Bookings"), "/family/bookings", "calendar"),
            Item(N_("Children"), "/family/children", "people"),
        ),
        (
            Item(N_("Wallet"), "/family/wallet", "money"),
            Item(N_("Invoices and receipts"), "/family/documents", "file"),
            Item(N_("Add to my calendar"), "/family/calendar-feeds", "calendar"),
        ),
    ),
    Role.STAFF: Portal(
        Role.STAFF, N_("Staff"), "/staff",
        (Item(N_("Today"), "/staff", "roll"), Item(N_("Missing signatures"), "/staff/signatures", "file")),
    ),
    Role.ADMIN: Portal(
        Role.ADMIN, N_("Administration"), "/admin",
        (
            Item(N_("Home"), "/admin", "home"),
            Item(N_("Families"), "/admin/families", "people"),
            Item(N_("Orders"), "/admin/orders", "cart"),
            Item(N_("Bookings"), "/admin/bookings", "calendar"),
            Item(N_("Waiting lists"), "/admin/queues", "queue"),
            Item(N_("Programme"), "/admin/programme", "list"),
        ),
    ),
    Role.FINANCE: Portal(
        Role.FINANCE, N_("Finance"), "/finance",
        (
            Item(N_("Home"), "/finance", "home"),
            Item(N_("Invoices"), "/finance/invoices", "file"),
            Item(N_("Payments"), "/finance/payments", "card"),
            Item(N_("Bank"), "/finance/bank", "money"),
            Item(N_("Reports"), "/finance/reports", "chart"),
        ),
    ),
}  # fmt: skip

# Pages for people who are not signed in.
_OPEN = ("/at", "/mail", "/guest", "/design", "/static", "/language", "/sign-out")
PREFIXES = (*(portal.home for portal in PORTALS.values()), *_OPEN)


def is_page(path: str) -> bool:
    """Whether this address is a page's, and no other part of the application answers there."""
    return path.startswith(PREFIXES) and any(path == one or path.startswith(f"{one}/") for one in PREFIXES)
