"""What a family agrees to for a child, and the child's photo: on its own pages, on the roll, at the office."""

from collections.abc import Iterator
from io import BytesIO
from uuid import UUID

import pytest
from PIL import Image
from playwright.sync_api import expect

from attendance import consents
from attendance.photos import keep_photo, small_jpeg
from engine.actor import Actor
from engine.errors import Invalid
from models import ActorKind
from tests.web.conftest import Centre, Somebody
from tests.web.test_family_booking import ROSSI
from tests.web.test_family_forms import Tab, booked, enter

ADMIN = Actor(ActorKind.ADMIN, None)


def write(centre: Centre, code: str, title: str) -> None:
    centre.edit(consents.write_text, code=code, title=title, body="We may do so.", is_retired=False, actor=ADMIN,
                now=centre.clock.now())  # fmt: skip


def picture(kind: str = "JPEG", size: tuple[int, int] = (900, 600)) -> bytes:
    made = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "where we live"
    Image.new("RGB", size, "teal").save(made, kind, exif=exif)
    return made.getvalue()


@pytest.fixture
def tab(centre: Centre) -> Iterator[Tab]:
    with enter(centre) as client:
        yield Tab(client, client.get("/family"))


class TestPhoto:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_is_made_small_and_tells_nothing(self, kind: str) -> None:
        made = small_jpeg(picture(kind))

        with Image.open(BytesIO(made)) as found:
            assert (found.format, found.size) == ("JPEG", (320, 320))
            assert not found.getexif()
        assert b"where we live" not in made
        assert len(made) < 60_000

    @pytest.mark.parametrize(
        "content", [b"", b"not a picture", b"GIF89a" + bytes(200), picture()[:300],
                    b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
        ids=["none", "text", "gif", "half", "svg"],
    )  # fmt: skip
    def test_what_is_no_picture_is_refused(self, content: bytes) -> None:
        with pytest.raises(Invalid, match="JPEG, PNG or WebP"):
            small_jpeg(content)

    def test_too_many_pixels_are_refused(self) -> None:
        with pytest.raises(Invalid, match="too many pixels"):
            small_jpeg(picture("PNG", (9000, 8000)))

    def test_a_small_file_that_fills_the_memory_is_refused_and_a_large_photo_is_not(self) -> None:
        large = (6000, 5000)

        with pytest.raises(Invalid, match="too many pixels"):
            small_jpeg(picture("PNG", large))
        assert small_jpeg(picture("JPEG", large))

    def test_is_kept_and_seen_by_its_family_only(self, centre: Centre, tab: Tab) -> None:
        mia = centre.sample.rossi.attendee_ids[0]
        address, action = f"/family/children/{mia}/picture", f"/family/children/{mia}/photo"
        tab.open(address)

        kept = tab.client.post(action, data={**tab.hidden(action), "do": "keep"}, files={"photo": ("m.jpg", picture())})

        assert kept.status_code == 303, kept.text
        shown = tab.client.get(action)
        assert shown.headers["content-type"] == "image/jpeg"
        assert shown.headers["cache-control"].startswith("private")
        assert f"{action}?v=" in tab.client.get("/family/children").text
        with enter(centre, "chen@family.example") as client:
            assert client.get(action).status_code == 404

        tab.text(tab.open(address).send(action, {"do": "remove"}, action=action))
        assert tab.client.get(action).status_code == 404

    def test_a_file_that_is_none_or_too_large_is_said_at_its_field(self, centre: Centre, tab: Tab) -> None:
        mia = centre.sample.rossi.attendee_ids[0]
        action = f"/family/children/{mia}/photo"
        given = {**tab.open(f"/family/children/{mia}/picture").hidden(action), "do": "keep"}

        text = tab.client.post(action, data=given, files={"photo": ("m.jpg", b"no picture at all")})
        large = tab.client.post(action, data=given, files={"photo": ("m.jpg", bytes(5_500_000))})
        huge = tab.client.post(action, data=given, files={"photo": ("m.jpg", bytes(7_000_000))})

        assert (text.status_code, "JPEG, PNG or WebP file" in text.text) == (422, True)
        assert (large.status_code, "at most 5 MB" in large.text) == (422, True)
        assert huge.status_code == 413


def consent_id(tab: Tab, child: UUID) -> str:
    page = tab.open(f"/family/children/{child}/consents").page.text
    return page.split('name="text" value="')[1].split('"')[0]


class TestConsents:
    def test_are_given_taken_back_and_asked_again_for_a_new_text(self, centre: Centre, tab: Tab) -> None:
        mia = centre.sample.rossi.attendee_ids[0]
        address = f"/family/children/{mia}/consents"
        write(centre, "NEWSLETTER", "Photos in our newsletter")
        first = consent_id(tab, mia)
        assert "Not answered" in tab.text(tab.page)

        given = tab.text(tab.send(address, {"text": first, "answer": "GIVEN"}))
        taken = tab.text(tab.send(address, {"text": first, "answer": "WITHDRAWN"}))
        twice = tab.send(address, {"text": first, "answer": "WITHDRAWN"})
        tab.text(tab.open(address).send(address, {"text": first, "answer": "GIVEN"}))
        write(centre, "NEWSLETTER", "Photos in our newsletter and on our site")
        asked = tab.text(tab.open(address).page)
        old = tab.send(address, {"text": first, "answer": "GIVEN"})

        assert "Rosa Rossi" in given
        assert "Withdraw consent" in given
        assert "Withdrawn" in taken
        assert twice.status_code == 409
        assert "you answered an earlier version: please read this one" in asked
        assert (old.status_code, "read it again" in old.text) == (409, True)
        said = centre.rows("SELECT answer FROM consent WHERE organisation_id = %(org)s ORDER BY at, id")
        assert [row["answer"] for row in said] == ["GIVEN", "WITHDRAWN", "GIVEN"]

    def test_the_office_writes_them_and_sees_the_answers(self, centre: Centre) -> None:
        with enter(centre, "admin@centre7.example") as client:
            admin = Tab(client, client.get("/admin/consents"))
            given = {"code": "sunscreen", "title": "Sunscreen", "body": "We may put sunscreen on your child."}

            text = admin.text(admin.send("/admin/consents", given))
            child = client.get(f"/admin/children/{centre.sample.rossi.attendee_ids[0]}").text
            wrong = admin.open("/admin/consents").send("/admin/consents", {**given, "title": ""})

        assert "Families will now be asked" in text
        assert "Sunscreen" in child
        assert "Not answered" in child
        assert wrong.status_code == 422


class TestOnTheRoll:
    def test_staff_see_the_face_and_what_was_not_agreed_to(self, centre: Centre, tab: Tab) -> None:
        mia = centre.sample.rossi.attendee_ids[0]
        write(centre, "TRIPS", "Walks to the park")
        booked(tab, centre, "With a face", hour=7)
        (session,) = centre.rows(
            "SELECT a.term_product_id AS id FROM term_attendance a WHERE a.organisation_id = %(org)s "
            "AND a.attendee_id = %(mia)s ORDER BY a.id DESC LIMIT 1", mia=mia,
        )  # fmt: skip
        centre.edit(keep_photo, attendee_id=mia, jpeg=small_jpeg(picture()), actor=ADMIN, now=centre.clock.now())
        address = f"/staff/rolls/{session['id']}"
        with enter(centre, "staff@centre7.example") as client:
            page = client.get(address)
            photo = client.get(f"{address}/photos/{mia}")
            other = client.get(f"{address}/photos/{centre.sample.chen.attendee_ids[0]}")

        assert "Walks to the park" in page.text
        assert f"{address}/photos/{mia}?v=" in page.text
        assert (photo.status_code, photo.headers["content-type"]) == (200, "image/jpeg")
        assert other.status_code == 404


class TestInABrowser:
    @pytest.mark.parametrize(("size", "scripts"), [("phone", False), ("desktop", True)])
    def test_a_consent_is_given_and_taken_back(
        self, centre: Centre, signed_in: Somebody, size: str, scripts: bool
    ) -> None:
        title = f"Swimming in the lake, {size} {scripts}"
        write(centre, f"LAKE_{size}_{scripts}".upper(), title)
        child = f"/family/children/{centre.sample.rossi.attendee_ids[0]}"
        rosa = signed_in(ROSSI, size=size, scripts=scripts).open(child).fits()
        rosa.click(rosa.page.get_by_role("main").locator(f'a[href="{child}/consents"]').first)
        card = rosa.page.get_by_role("region", name=title)
        expect(card.get_by_text("Not answered", exact=True)).to_be_visible()
        rosa.picture(f"consents-asked-{size}").is_sound()

        rosa.click(card.get_by_role("button", name="Yes, I agree"))
        expect(card.get_by_text("Yes", exact=True)).to_be_visible()
        rosa.is_sound()
        rosa.click(card.get_by_role("button", name="Withdraw consent"))

        expect(card.get_by_text("Withdrawn", exact=True)).to_be_visible()
        rosa.picture(f"consents-answered-{size}").fits()

    @pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
    @pytest.mark.parametrize("size", ["phone", "desktop"])
    def test_a_photo_is_kept_and_removed(self, centre: Centre, signed_in: Somebody, size: str, scripts: bool) -> None:
        child = f"/family/children/{centre.sample.rossi.attendee_ids[0]}"
        rosa = signed_in(ROSSI, size=size, scripts=scripts).open(child)
        rosa.click(rosa.page.get_by_role("main").locator(f'a[href="{child}/picture"]').first)
        expect(rosa.page.get_by_role("heading", name="Photo of Mia")).to_be_visible()
        field = rosa.page.get_by_label("Photo", exact=True)

        field.set_input_files({"name": "mia.txt", "mimeType": "text/plain", "buffer": b"no picture"})
        rosa.click("Save photo").reads("JPEG, PNG or WebP file")
        rosa.picture(f"photo-refused-{size}").is_sound()
        field.set_input_files({"name": "mia.jpg", "mimeType": "image/jpeg", "buffer": picture()})
        rosa.click("Save photo").reads("Photo saved.")
        shown = rosa.page.get_by_role("img", name="Photo of Mia Rossi")
        expect(shown).to_be_visible()
        assert shown.evaluate("one => one.decode().then(() => one.naturalWidth)") == 320
        rosa.picture(f"photo-kept-{size}").fits()
        rosa.open("/family/children").picture(f"children-with-photo-{size}").fits()
        rosa.open(f"{child}/picture").click("Remove photo").reads("Photo removed.")

        expect(shown).to_have_count(0)
        rosa.fits()
