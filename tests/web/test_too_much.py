"""Every field of the pages that takes an amount: one above its limit is told at the field, with the limit in words."""

import re
from collections.abc import Iterator

import pytest

from models import Role
from tests.web.conftest import PEOPLE, Centre
from tests.web.test_family_choosing import seated_show
from tests.web.test_family_forms import Tab, enter

ADMIN, FINANCE, FAMILY = (PEOPLE[role] for role in (Role.ADMIN, Role.FINANCE, Role.FAMILY))
WALLET = "/finance/families/{rossi}/wallet"
# Who, the page with the form, where it goes, what else is sent, and its fields.
FORMS = [
    (ADMIN, "/admin/programme/extras/new", "", {"name": "Soup"}, ["price_minor"]),
    (ADMIN, "/admin/offerings/new", "", {"name": "Chess", "capacity": "4"},
     ["session_price_minor", "full_week_price_minor", "full_term_price_minor"]),
    (ADMIN, "/admin/passes/new", "", {"name": "Ten", "units": "10"}, ["price"]),
    (ADMIN, "/admin/promo-codes/new", "", {"code": "SUN10"}, ["amount", "cap"]),
    (ADMIN, "/admin/discounts/new?kind=SIBLING", "", {"name": "Two", "order": "1"}, ["amount", "cap"]),
    (ADMIN, "/admin/offerings/{show}/seating", "", {}, ["VIP"]),
    (ADMIN, "/admin/rules/pay_later_limit_minor?scope=ORGANISATION", "", {"there_is": "some"}, ["value"]),
    (FINANCE, "/finance/entries", "", {"reason": "Pay-out"}, ["debit-0"]),
    (FINANCE, WALLET, f"{WALLET}/top-up", {"reason": "12", "provider": "cash"}, ["amount"]),
    (FINANCE, WALLET, f"{WALLET}/bonus", {"why": "Thanks"}, ["bonus"]),
    (FAMILY, "/family/wallet", "/family/wallet/{rossi}/top-up", {}, ["amount"]),
]  # fmt: skip
TOO_MUCH = ("10000000000.01", "99999999999999999999")


@pytest.fixture(scope="module")
def known(centre: Centre) -> dict[str, str]:
    """What the addresses name."""
    session_id = seated_show(centre)
    (show,) = centre.rows("SELECT term_program_set_id AS id FROM term_product WHERE organisation_id = %(org)s "
                          "AND id = %(id)s", id=session_id)  # fmt: skip
    return {"show": str(show["id"]), "rossi": str(centre.sample.rossi.account_id)}


@pytest.fixture(scope="module")
def tabs(centre: Centre) -> Iterator[dict[str, Tab]]:
    with enter(centre, ADMIN) as admin, enter(centre, FINANCE) as finance, enter(centre, FAMILY) as family:
        yield {email: Tab(client, client.get("/")) for email, client in
               ((ADMIN, admin), (FINANCE, finance), (FAMILY, family))}  # fmt: skip


@pytest.mark.parametrize("amount", TOO_MUCH)
@pytest.mark.parametrize(
    ("email", "page", "to", "given", "fields"), FORMS, ids=[f"{one[1]} {one[4][0]}" for one in FORMS]
)
def test_is_told_at_its_field_with_the_limit(
    tabs: dict[str, Tab], known: dict[str, str], email: str, page: str, to: str, given: dict[str, str],
    fields: list[str], amount: str,
) -> None:  # fmt: skip
    page, to = (address.format(**known) for address in (page, to))
    tab = tabs[email].open(page)
    assert tab.page.status_code == 200

    sent = {**tab.any_token(), **given, **dict.fromkeys(fields, amount)}
    answer = tab.client.post(to or page, data=sent)
    text = tab.text(answer)

    assert answer.status_code == 422
    for field in fields:
        (own,) = re.findall(rf'<input [^>]*id="{field}"[^>]*>', answer.text)
        assert 'aria-invalid="true"' in own
        assert f'value="{amount}"' in own
        assert f'<a href="#{field}">' in answer.text
    assert "At most $10,000,000,000.00." in text
