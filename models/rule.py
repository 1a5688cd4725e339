"""Settings of rules on each level of the catalogue; the nearest one set wins."""

from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, json, one_of, root, unique, word


class RuleScope(StrEnum):
    """The level a rule is set on, farthest first."""

    ORGANISATION = "ORGANISATION"  # for everything of the organisation
    CATEGORY = "CATEGORY"  # for a program category
    PROGRAM = "PROGRAM"  # for one program
    TPS = "TPS"  # for one offering of a term


class RuleSetting(TenantRow, table=True):
    """One rule set on one level. `scope_id` is the id of that organisation, category, program or offering."""

    __tablename__ = "rule_setting"
    __table_args__ = (root(), one_of("scope", RuleScope), unique("scope_id", "name"))
    scope: RuleScope = word(RuleScope)
    scope_id: UUID
    name: str
    value: object = json(nullable=False)
