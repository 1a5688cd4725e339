"""Who is asking: passed to every verb, never taken from a global."""

from dataclasses import dataclass
from uuid import UUID

from models import ActorKind


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a verb. A family's `account_ids` are the accounts they may act for; nobody else has any."""

    kind: ActorKind
    user_id: UUID | None = None
    account_ids: frozenset[UUID] = frozenset()
    site_ids: frozenset[UUID] = frozenset()

    @property
    def is_admin(self) -> bool:
        return self.kind is ActorKind.ADMIN

    @property
    def is_family(self) -> bool:
        """Families and guests: they see what is theirs, and what is published."""
        return self.kind in (ActorKind.FAMILY, ActorKind.GUEST)

    def may_see_account(self, account_id: UUID) -> bool:
        """Families see their own accounts; admins, finance and the system see every account of the organisation."""
        if self.is_family:
            return account_id in self.account_ids
        return self.kind in (ActorKind.ADMIN, ActorKind.FINANCE, ActorKind.SYSTEM)


SYSTEM = Actor(ActorKind.SYSTEM)
