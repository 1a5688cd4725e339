"""A device that keeps passkeys, in software: it signs what it is asked, and what a thief would have it sign."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

_PRESENT, _VERIFIED, _WITH_KEY = 0x01, 0x04, 0x40


@dataclass
class Device:
    """One key. `verifies` is whether it looks who holds it."""

    origin: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    key_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0
    owner: bytes = b""
    verifies: bool = True

    def make(self, options: dict[str, Any], **client: Any) -> str:
        """Answers a question for a new key."""
        self.owner = base64url_to_bytes(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        made = bytes(16) + len(self.key_id).to_bytes(2, "big") + self.key_id + public
        told = self._told(options["rp"]["id"], _WITH_KEY) + made
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": told})
        return self._answer(
            clientDataJSON=self._client("webauthn.create", options, **client), attestationObject=attested
        )

    def sign(self, options: dict[str, Any], *, handle: bytes | None = None, **client: Any) -> str:
        """Answers a question for a signature."""
        self.count += 1
        said, told = self._client("webauthn.get", options, **client), self._told(options["rpId"])
        signature = self.key.sign(told + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            clientDataJSON=said, authenticatorData=told, signature=signature, userHandle=handle or self.owner
        )

    def _told(self, host: str, more: int = 0) -> bytes:
        flags = _PRESENT | (_VERIFIED if self.verifies else 0) | more
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any], **changes: Any) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | changes).encode()

    def _answer(self, **response: bytes) -> str:
        name = bytes_to_base64url(self.key_id)
        shown = {key: bytes_to_base64url(value) for key, value in response.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": shown})
