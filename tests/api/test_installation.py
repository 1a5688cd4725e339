"""What an installation starts with: its payment provider, its mail server, and a secret of its own."""

from pathlib import Path

import pytest

from api import server, worker
from api.runtime import Runtime, make_gateways, make_mailer
from api.state import State
from engine.clock import FrozenClock
from engine.database import Database
from engine.errors import StartupFailed
from engine.settings import Settings
from tests.builders import NOW

STRIPE = {"stripe_api_key": "sk_test_1", "stripe_webhook_secret": "whsec_1"}
MAIL = {"smtp_host": "mail.centre.example", "smtp_port": 587, "smtp_user": "centre", "smtp_password": "pa55"}


class TestProvider:
    def test_is_the_sandbox_until_another_is_set_up(self) -> None:
        assert list(make_gateways(Settings(secret="s"))) == ["sandbox"]

    def test_is_stripe_where_it_is_set_up_and_nothing_beside_it(self, database: Database) -> None:
        """Pages ask for no choice: where a sandbox stood beside it, they led there."""
        chosen = Settings(secret="s", **STRIPE)  # type: ignore[arg-type]

        state = State(chosen, database, FrozenClock(NOW), make_gateways(chosen))

        assert list(state.gateways) == ["stripe"]
        assert state.gateway.name == "stripe"

    @pytest.mark.parametrize("one", STRIPE)
    def test_is_not_half_set_up(self, one: str) -> None:
        with pytest.raises(StartupFailed, match="needs both"):
            make_gateways(Settings(secret="s", **{one: STRIPE[one]}))  # type: ignore[arg-type]

    def test_may_be_none(self, database: Database) -> None:
        assert State(Settings(), database, FrozenClock(NOW), {}).gateway is None


class TestMailServer:
    def test_is_signed_in_to_as_set_up(self, tmp_path: Path) -> None:
        mailer = make_mailer(Settings(data_directory=tmp_path, smtp_starttls=True, **MAIL))  # type: ignore[arg-type]

        assert (mailer.host, mailer.port) == ("mail.centre.example", 587)
        assert (mailer.user, mailer.password, mailer.starttls) == ("centre", "pa55", True)

    def test_gets_no_password_in_the_clear(self) -> None:
        with pytest.raises(StartupFailed, match="TERMBOOK_SMTP_STARTTLS"):
            make_mailer(Settings(smtp_starttls=False, **MAIL))  # type: ignore[arg-type]

    def test_nor_does_the_log(self) -> None:
        assert "pa55" not in repr(Settings(**MAIL))  # type: ignore[arg-type]


class TestSecret:
    """With none, anybody could sign what a provider tells: that an order is paid."""

    def test_without_it_no_page_is_served(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "settings", lambda: Settings(secret=""))

        with pytest.raises(StartupFailed, match="TERMBOOK_SECRET"):
            server.create()

    def test_without_it_no_worker_works(self, database: Database) -> None:
        with pytest.raises(StartupFailed, match="TERMBOOK_SECRET"):
            worker.work(Runtime(Settings(secret=""), database.url, database, FrozenClock(NOW)))
