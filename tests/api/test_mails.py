"""What e-mails say, over HTTP: read, put in force, looked at before; and reminders that a family does without."""

from tests.api.conftest import World

TEXT = "/mail-texts/booking_confirmed/en"
WORDS = {"subject": "Booked: {{ attendee_name }}", "body": "{{ attendee_name }} is booked ({{ booking_reference }})."}


class TestTexts:
    def test_words_are_looked_at_and_put_in_force(self, world: World) -> None:
        ours = world.admin.get(TEXT).json()
        assert (ours["version"], ours["is_own"]) == (0, False)

        looked = world.admin.post(f"{TEXT}/preview", WORDS).json()
        assert looked["subject"] == "Booked: Mia Rossi"
        assert "Mia Rossi is booked (TB-4F7K9QW2)." in looked["plain"]
        assert world.admin.get(TEXT).json() == ours

        saved = world.admin.put(TEXT, {"text": WORDS, "seen_version": 0}).json()
        assert (saved["version"], saved["is_own"], saved["subject"]) == (1, True, WORDS["subject"])
        kinds = world.admin.get("/mail-texts").json()["items"]
        assert [each["kind"] for each in kinds if each["is_own"]] == ["booking_confirmed"]

        stale = world.admin.put(TEXT, {"text": WORDS, "seen_version": 0})
        assert (stale.status_code, stale.json()["code"]) == (409, "saved_meanwhile")
        again = world.admin.put(TEXT, {"text": None, "seen_version": 1}).json()
        assert (again["version"], again["subject"], len(again["versions"])) == (2, ours["subject"], 2)

    def test_what_cannot_be_sent_is_refused_in_words(self, world: World) -> None:
        wrong = {"subject": "{{ nobody }}", "body": "{% for x in y %}{% endfor %}"}
        for answer in (world.admin.post(f"{TEXT}/preview", wrong),
                       world.admin.put(TEXT, {"text": wrong, "seen_version": 2})):  # fmt: skip
            assert answer.status_code == 422
            assert [(each["field"], each["message"]) for each in answer.json()["reasons"]] == [
                ("subject", "There is no placeholder nobody in this mail."),
                ("body", "Line 1: only placeholders and conditions on them are understood."),
            ]
        assert world.admin.get("/mail-texts/booking_confirmed/xx").status_code == 404


class TestStops:
    def test_a_family_does_without_its_own_reminders_only(self, world: World) -> None:
        own, others = (f"/accounts/{account['id']}/mail-stops" for account in (world.rossi_account, world.chen_account))
        stopped = world.rossi.put(f"{own}/payment_due", {"is_stopped": True}).json()["items"]
        assert [each["kind"] for each in stopped if each["is_stopped"]] == ["payment_due"]
        assert world.rossi.put(f"{own}/payment_due", {"is_stopped": True}).json()["items"] == stopped

        assert world.rossi.put(f"{own}/booking_confirmed", {"is_stopped": True}).status_code == 404
        assert world.rossi.get(others).status_code == 404
        assert world.rossi.put(f"{others}/payment_due", {"is_stopped": True}).status_code == 404

        resumed = world.admin.put(f"{own}/payment_due", {"is_stopped": False}).json()["items"]
        assert not any(each["is_stopped"] for each in resumed)
