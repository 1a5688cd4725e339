"""The photo of a child: made small and anew from what was uploaded, so that nothing of what it carried is kept."""

import hashlib
from collections.abc import Collection
from datetime import datetime
from io import BytesIO
from uuid import UUID

from PIL import Image, ImageOps

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.ids import new_id

LARGEST_UPLOAD = 5 * 1024 * 1024
_FORMATS = ("JPEG", "PNG", "WEBP")
_SIDE = 320  # pixels: sharp at the size of a row, on any screen
_MOST_PIXELS = 60_000_000
_MOST_DECODED = 25_000_000  # 100 MB while it is made small; a JPEG is decoded at an eighth of its size
_UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning)


def small_jpeg(content: bytes) -> bytes:
    """A square JPEG of the middle of the picture, upright, without metadata. Raises Invalid naming the field."""
    if len(content) > LARGEST_UPLOAD:
        raise _wrong("photo_too_large", "A photo has at most 5 MB.")
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise _wrong("photo_too_large", "The photo has too many pixels; make it smaller.")
            picture.draft("RGB", (2 * _SIDE, 2 * _SIDE))
            if picture.width * picture.height > _MOST_DECODED:
                raise _wrong("photo_too_large", "The photo has too many pixels; make it smaller.")
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except _UNREADABLE as fault:
        raise _wrong("photo_unreadable", "Choose a photo that is a JPEG, PNG or WebP file.") from fault
    fitted = ImageOps.fit(upright, (_SIDE, _SIDE))
    ground = Image.new("RGB", fitted.size, "white")
    ground.paste(fitted, mask=fitted.getchannel("A"))
    made = BytesIO()
    ground.save(made, "JPEG", quality=82, optimize=True)
    return made.getvalue()


def _wrong(code: str, message: str) -> Invalid:
    return Invalid(message, reasons=[Reason(code, message, field="photo")])


_KEEP = """
INSERT INTO attendee_photo AS p (organisation_id, id, attendee_id, content, mark, uploaded_by, created_at)
VALUES (%(org)s, %(id)s, %(attendee_id)s, %(content)s, %(mark)s, %(by)s, %(now)s)
ON CONFLICT (organisation_id, attendee_id) DO UPDATE
SET content = excluded.content, mark = excluded.mark, uploaded_by = excluded.uploaded_by,
    created_at = excluded.created_at
"""


def keep_photo(tx: Transaction, *, attendee_id: UUID, jpeg: bytes, actor: Actor, now: datetime) -> None:
    """In place of the one before, which is gone; `jpeg` is what `small_jpeg` made."""
    mark = hashlib.sha256(jpeg).hexdigest()[:16]
    tx.run(_KEEP, id=new_id(), attendee_id=attendee_id, content=jpeg, mark=mark, by=actor.user_id, now=now)


def remove_photo(tx: Transaction, *, attendee_id: UUID) -> None:
    tx.run("DELETE FROM attendee_photo WHERE organisation_id = %(org)s AND attendee_id = %(id)s", id=attendee_id)


def photo_of(tx: Transaction, attendee_id: UUID) -> bytes:
    """Raises NotFound where there is none. The caller has asked whether it may be seen."""
    row: Row | None = tx.row("SELECT content FROM attendee_photo WHERE organisation_id = %(org)s "
                             "AND attendee_id = %(id)s", id=attendee_id)  # fmt: skip
    if row is None:
        raise NotFound("There is no photo.", what="photo")
    return bytes(row["content"])


def photo_marks(tx: Transaction, attendee_ids: Collection[UUID]) -> dict[UUID, str]:
    """Who of them has a photo, each with what its address ends in."""
    rows = tx.rows("SELECT attendee_id, mark FROM attendee_photo WHERE organisation_id = %(org)s "
                   "AND attendee_id = ANY(%(ids)s)", ids=list(attendee_ids))  # fmt: skip
    return {row["attendee_id"]: row["mark"] for row in rows}
