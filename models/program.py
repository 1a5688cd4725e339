"""Program categories and programs: the templates that offerings are made from."""

from enum import IntEnum
from uuid import UUID

from models.base import TenantRow, code, one_of, refers, root, unique


class ProgramType(IntEnum):
    """What kind of program a category holds."""

    TERM_CARE = 10  # recurring care, before and after school
    CLASS = 11  # a course of lessons
    HOLIDAY = 12  # a holiday programme with casual days, full weeks and full terms


class ProgramCategory(TenantRow, table=True):
    """A program type with the base rules of booking, payment and invoicing (see RuleSetting)."""

    __tablename__ = "program_category"
    __table_args__ = (root(), one_of("program_type", ProgramType), unique("name"), unique("source_key"))
    name: str
    program_type: ProgramType = code(ProgramType)
    source_key: str | None = None


class Program(TenantRow, table=True):
    """A concrete program under a category at a site."""

    __tablename__ = "program"
    __table_args__ = (
        refers("category_id", "program_category"),
        refers("site_id", "site"),
        unique("source_key"),
    )
    category_id: UUID
    site_id: UUID
    name: str
    description: str = ""
    source_key: str | None = None
