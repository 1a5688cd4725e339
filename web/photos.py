"""Photos of children on pages: taken from a form, and shown to those who may see the child."""

from starlette.responses import Response

from attendance.photos import LARGEST_UPLOAD, small_jpeg
from engine.errors import Invalid, Reason
from engine.settings import Settings
from web.forms import Form
from web.security import headers
from web.words import N_


def uploaded_photo(form: Form) -> bytes:
    """What the form sent, as it is kept. Raises Invalid naming the field."""
    sent = form.file("photo")
    if sent is None:
        message = N_("Choose a photo first.")
        raise Invalid(message, reasons=[Reason("missing", message, field="photo")])
    sent.file.seek(0)
    return small_jpeg(sent.file.read(LARGEST_UPLOAD + 1))


def as_picture(content: bytes, settings: Settings) -> Response:
    """To be kept by this browser alone: the address changes with the picture."""
    return Response(content, media_type="image/jpeg",
                    headers={**headers(settings), "Cache-Control": "private, max-age=86400"})  # fmt: skip
