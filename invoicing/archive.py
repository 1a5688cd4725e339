"""Many PDFs as one ZIP archive, written as they are laid out: none waits for the last, and none stays in memory."""

import io
from collections.abc import Iterable, Iterator
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from invoicing.document import Document
from invoicing.pdf import render_pdf


class _Pieces(io.RawIOBase):
    """What was written since it was last taken; nobody can go back in it."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        self._kept.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        found, self._kept = b"".join(self._kept), []
        return found


def zipped(documents: Iterable[Document]) -> Iterator[bytes]:
    """The archive piece by piece: a file for each document, named by its number. Raises `PdfLibraryMissing`.

    A PDF is small already, so it is kept as it is. No time stands in the archive: the same documents, the same bytes.
    """
    pieces = _Pieces()
    with ZipFile(pieces, "w", ZIP_STORED) as archive:
        for document in documents:
            archive.writestr(ZipInfo(f"{document.number}.pdf"), render_pdf(document))
            yield pieces.take()
    yield pieces.take()
