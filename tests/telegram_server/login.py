"""Logging in at the server: a code, a two-step password (SRP), a QR code.

The password's protocol is https://core.telegram.org/api/srp, from the server's side; the prime is
the one that Telethon knows to be good.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon import password as srp
from telethon.tl import types

PRIME = bytes.fromhex(
    "C71CAEB9C6B1C9048E6C522F70F13F73980D40238E3E21C14934D037563D930F"
    "48198A0AA7C14058229493D22530F4DBFA336F6E0AC925139543AED44CCE7C37"
    "20FD51F69458705AC68CD4FE6B6B13ABDC9746512969328454F18FAF8C595F64"
    "2477FE96BB2A941D5BCD1D4AC8CC49880708FA9B378E3C4F3A9060BEE67CF9A4"
    "A4A695811051907E162753B56B0F6B410DBA74D8A84B2A14B3144E0EF1284754"
    "FD17ED950D5965B4B9DD46582DB1178D169C6BC465B0D6FF9CA3928FEF5B9AE4"
    "E418FC15E83EBEA0F87FA9FF5EED70050DED2849F47BF959D956850CE929851F"
    "0D8115F635B105EE2E4E15D04B2454BF6F4FADF034B10403119CD8E3B92FCC5B"
)
P, G = int.from_bytes(PRIME, "big"), 3


class Login:
    """Who may ask, and what it takes to become one of them."""

    def __init__(self, phone: str = "79991234567", code: str = "12345", password: str = "") -> None:
        self.phone = phone
        self.code = code
        self.password = password
        self.keys: set[bytes] = set()
        """The ids of the authorization keys that are logged in."""
        self.gone = ""
        """What those that are not are told, e.g. SESSION_REVOKED."""
        self.scanned: bytes | None = None
        self.ticket = os.urandom(16)
        """What carries a login over to another data centre."""
        self._tokens: set[bytes] = set()
        self._half: set[bytes] = set()
        self._secret = 0
        self._algo = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
            salt1=os.urandom(8), salt2=os.urandom(16), g=G, p=PRIME
        )

    def send_code(self, request: Any) -> Any:
        from telegram_server.answers import Refused

        if request.phone_number.strip("+") != self.phone:
            raise Refused("PHONE_NUMBER_INVALID")
        return types.auth.SentCode(types.auth.SentCodeTypeApp(len(self.code)), "hash")

    def sign_in(self, request: Any, key: bytes) -> str:
        """Lets the key in, or says which error it gets."""
        if request.phone_code != self.code:
            return "PHONE_CODE_INVALID"
        return self._first_half(key)

    def _first_half(self, key: bytes) -> str:
        if self.password:
            self._half.add(key)
            return "SESSION_PASSWORD_NEEDED"
        self.keys.add(key)
        return ""

    def token(self, key: bytes) -> Any:
        """A token for the QR code; None once it was scanned and the key is in."""
        from telegram_server.answers import Refused

        if self.scanned in self._tokens:
            self.scanned = None
            if error := self._first_half(key):
                raise Refused(error, 401)
            return None
        token = os.urandom(16)
        self._tokens.add(token)
        return types.auth.LoginToken(datetime.now(UTC) + timedelta(seconds=30), token)

    @property
    def latest_token(self) -> bytes:
        return next(iter(self._tokens))

    def get_password(self) -> Any:
        self._secret = int.from_bytes(os.urandom(250), "big")
        public = (self._k() * self._verifier() + pow(G, self._secret, P)) % P
        return types.account.Password(
            new_algo=self._algo,
            new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
            secure_random=b"",
            has_password=bool(self.password),
            current_algo=self._algo,
            srp_B=srp.big_num_for_hash(public),
            srp_id=1,
            hint="the usual",
        )

    def check_password(self, request: Any, key: bytes) -> str:
        """Lets the key in, or says which error it gets."""
        public = (self._k() * self._verifier() + pow(G, self._secret, P)) % P
        a, b = request.password.A, srp.big_num_for_hash(public)
        u = int.from_bytes(srp.sha256(a, b), "big")
        shared = pow(int.from_bytes(a, "big") * pow(self._verifier(), u, P), self._secret, P)
        proof = srp.sha256(
            srp.xor(srp.sha256(PRIME), srp.sha256(srp.big_num_for_hash(G))),
            srp.sha256(self._algo.salt1),
            srp.sha256(self._algo.salt2),
            a,
            b,
            srp.sha256(srp.big_num_for_hash(shared)),
        )
        if key not in self._half or proof != request.password.M1:
            return "PASSWORD_HASH_INVALID"
        self.keys.add(key)
        return ""

    def _verifier(self) -> int:
        return pow(G, int.from_bytes(srp.compute_hash(self._algo, self.password), "big"), P)

    def _k(self) -> int:
        return int.from_bytes(srp.sha256(PRIME, srp.big_num_for_hash(G)), "big")
