"""What the worker leaves on disk."""

from pathlib import Path

from api.runtime import Runtime
from api.worker import TellFamily
from engine.settings import Settings
from tests.api.conftest import World


class TestDocuments:
    def test_of_two_organisations_with_the_same_number_stay_apart(
        self, world: World, elsewhere: World, database_url: str, tmp_path: Path
    ) -> None:
        settings = Settings(data_directory=tmp_path, smtp_host="")
        tell = TellFamily(Runtime(settings, database_url, world.database, world.clock))

        for each in (world, elsewhere):
            account = f"/accounts/{each.rossi_account['id']}"
            assert each.admin.patch(account, {"email": "rossi@example.org"}).status_code == 200
            each.confirmed(each.mia, each.sessions[:1])
            for message in each.rows("SELECT id FROM outbox_message WHERE organisation_id = %(org)s"):
                tell(organisation_id=each.organisation_id, message_id=message["id"])

        found = {path.relative_to(tmp_path / "documents") for path in tmp_path.glob("documents/**/*.pdf")}
        assert found == {
            Path(str(each.organisation_id), "INV-2026-000001.pdf") for each in (world, elsewhere)
        }  # fmt: skip
        assert all((tmp_path / "documents" / path).read_bytes().startswith(b"%PDF") for path in found)
