"""The exchange of keys (https://core.telegram.org/mtproto/auth_key), from the server's side.

Whoever connects without a key gets one, as from Telegram. ``trust()`` tells Telethon that our RSA
key is one of Telegram's; it is made of well-known primes and protects nothing.
"""

import os
import time
from functools import lru_cache
from hashlib import sha1
from typing import Any

import rsa
from telethon.crypto import AES, AuthKey
from telethon.crypto import rsa as known
from telethon.extensions import BinaryReader
from telethon.helpers import generate_key_data_from_nonce
from telethon.tl import types

from telegram_server.login import PRIME, G, P
from telegram_server.wire import Key

_OAKLEY = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
"""A prime of 1024 bits, from RFC 2409."""
_SMALL = 1_000_003, 1_000_033


@lru_cache
def private() -> Any:
    """Our RSA key."""
    other = _OAKLEY - 544  # the next lower prime
    n, e = _OAKLEY * other, 65537
    return rsa.PrivateKey(n, e, pow(e, -1, (_OAKLEY - 1) * (other - 1)), _OAKLEY, other)


@lru_cache
def trust() -> int:
    """Telethon takes our key for one of Telegram's from now on. Its fingerprint."""
    public = rsa.PublicKey(private().n, private().e)
    known.add_key(public.save_pkcs1(), old=False)
    fingerprint: int = known._compute_fingerprint(public)
    return fingerprint


class Exchange:
    """One client's way to a key."""

    def __init__(self) -> None:
        self.key: Key | None = None
        self._nonce = _number(os.urandom(16))
        self._secret = int.from_bytes(os.urandom(256), "big")
        self._aes: tuple[bytes, bytes] = (b"", b"")
        self._new_nonce = 0

    def answer(self, request: Any) -> Any:
        """The answer to the next request of the exchange; ``key`` is there after the last."""
        steps = {
            "ReqPqMultiRequest": self._pq,
            "ReqDHParamsRequest": self._params,
            "SetClientDHParamsRequest": self._done,
        }
        return steps[type(request).__name__](request)

    def _pq(self, request: Any) -> Any:
        pq = (_SMALL[0] * _SMALL[1]).to_bytes(8, "big")
        return types.ResPQ(request.nonce, self._nonce, pq, [trust()])

    def _params(self, request: Any) -> Any:
        secret = private()
        plain = pow(int.from_bytes(request.encrypted_data, "big"), secret.d, secret.n)
        inner = _read(plain.to_bytes(255, "big")[20:])
        self._new_nonce = inner.new_nonce
        self._aes = generate_key_data_from_nonce(self._nonce, self._new_nonce)
        answer = bytes(
            types.ServerDHInnerData(
                request.nonce,
                self._nonce,
                G,
                PRIME,
                _bytes(pow(G, self._secret, P)),
                int(time.time()),
            )
        )
        hashed = sha1(answer).digest() + answer
        hashed += os.urandom(-len(hashed) % 16)
        encrypted = bytes(AES.encrypt_ige(hashed, *self._aes))
        return types.ServerDHParamsOk(request.nonce, self._nonce, encrypted)

    def _done(self, request: Any) -> Any:
        inner = _read(bytes(AES.decrypt_ige(request.encrypted_data, *self._aes))[20:])
        shared = pow(int.from_bytes(inner.g_b, "big"), self._secret, P)
        self.key = Key(shared.to_bytes(256, "big"))
        told = AuthKey(_bytes(shared)).calc_new_nonce_hash(self._new_nonce, 1)
        return types.DhGenOk(request.nonce, self._nonce, told)


def _read(data: bytes) -> Any:
    with BinaryReader(data) as reader:
        return reader.tgread_object()


def _bytes(number: int) -> bytes:
    data: bytes = known.get_byte_array(number)
    return data


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)
