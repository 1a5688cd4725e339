"""The way out: to a real SMTP server, or into a folder while there is none."""

import os
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from engine.jobs import GivenUp

# Before each answer of the server; a mail to a healthy one takes a fraction of a second.
TIMEOUT_SECONDS = 10.0


class MailRefused(GivenUp):
    """The mail server will never take this message: the recipient or the content is refused for good."""

    code = "mail_refused"


@dataclass(frozen=True, slots=True)
class Mailer:
    """Where mail goes. With no `host` each message is a file in `inbox`, for development."""

    host: str
    port: int
    from_address: str
    inbox: Path
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    timeout_seconds: float = TIMEOUT_SECONDS

    def send(self, email: EmailMessage) -> None:
        """Hand the message to the server, or raise. `MailRefused` is final; any other error is worth another try.

        Never inside a transaction: it waits for the network.
        """
        if not self.host:
            self._keep(email)
            return
        with smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds) as server:
            # What is refused before the message is no fault of the message: the settings are, and can be mended.
            if self.starttls:
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password)
            try:
                server.send_message(email)
            except smtplib.SMTPException as error:
                if _is_final(error):
                    raise MailRefused(f"The mail server refused the message: {error}") from error
                raise

    def _keep(self, email: EmailMessage) -> None:
        """Whole or not at all, under the Message-ID: sent again, it is the same file."""
        self.inbox.mkdir(parents=True, exist_ok=True)
        name = str(email["Message-ID"]).strip("<>").partition("@")[0]
        unfinished = self.inbox / f".{name}.{os.getpid()}"
        unfinished.write_bytes(email.as_bytes())
        unfinished.rename(self.inbox / f"{name}.eml")


def _is_final(error: smtplib.SMTPException) -> bool:
    """Whether the refusal is about this message (a 5xx answer), and not about the server's day or our settings."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPNotSupportedError) or (
        isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
    )
