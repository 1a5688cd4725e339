"""A mail as its reader's program shows it: a document of its own, in a frame of ours, that can do nothing."""

import base64
import hashlib
import html
import re

from starlette.responses import HTMLResponse, Response

_STYLE = re.compile(r'style="([^"]*)"')


def mail_document(content: str) -> Response:
    """The HTML of a mail. It may have the styles that stand in it, each known by its hash, and nothing else: no script,
    no picture from elsewhere, no form.
    """
    hashes = sorted({_hash(html.unescape(style)) for style in _STYLE.findall(content)})
    styles = f"style-src-attr 'unsafe-hashes' {' '.join(hashes)}; " if hashes else ""
    return HTMLResponse(content, headers={
        "Content-Security-Policy": f"default-src 'none'; {styles}sandbox allow-popups; frame-ancestors 'self'; "
                                   "base-uri 'none'; form-action 'none'",
        "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    })  # fmt: skip


def _hash(style: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
