"""MTProto 2.0 from the server's side: packets, encryption, and what clients wrap requests in.

The client's side is Telethon's; what is encrypted to it uses x = 8
(https://core.telegram.org/mtproto/description). There is no key exchange: both sides know the
authorization key from the beginning.
"""

import asyncio
import gzip
import os
import struct
import time
from collections.abc import Iterator
from hashlib import sha1, sha256
from typing import Any
from zlib import crc32

from telethon.crypto import AES
from telethon.extensions import BinaryReader
from telethon.network.mtprotostate import MTProtoState
from telethon.tl import TLObject, types

_CONTAINER, _GZIP, _RESULT, _VECTOR = 0x73F1F8DC, 0x3072CFA1, 0xF35C6D01, 0x1CB5C415
UNKNOWN_KEY = struct.pack("<i", -404)
"""What Telegram says to a key it does not know."""


class Key:
    """An authorization key."""

    def __init__(self, data: bytes | None = None) -> None:
        self.data = data or os.urandom(256)
        self.id = sha1(self.data).digest()[12:20]

    def encrypt(self, data: bytes) -> bytes:
        padding = os.urandom(-(len(data) + 12) % 16 + 12)
        msg_key = sha256(self.data[96:128] + data + padding).digest()[8:24]
        aes = MTProtoState._calc_key(self.data, msg_key, False)
        return self.id + msg_key + bytes(AES.encrypt_ige(data + padding, *aes))

    def decrypt(self, packet: bytes) -> bytes:
        msg_key = packet[8:24]
        aes = MTProtoState._calc_key(self.data, msg_key, True)
        data = bytes(AES.decrypt_ige(packet[24:], *aes))
        assert sha256(self.data[88:120] + data).digest()[8:24] == msg_key, "broken client message"
        return data


async def read_packet(reader: asyncio.StreamReader) -> bytes:
    """The next packet of the full TCP transport."""
    length, _ = struct.unpack("<ii", await reader.readexactly(8))
    body = await reader.readexactly(length - 8)
    return body[:-4]


def packet(number: int, data: bytes) -> bytes:
    framed = struct.pack("<ii", len(data) + 12, number) + data
    return framed + struct.pack("<I", crc32(framed))


def requests(data: bytes) -> tuple[int, Iterator[tuple[int, Any]]]:
    """The client's session, and its messages with their ids, out of their containers."""
    _salt, session, msg_id, _sequence, length = struct.unpack_from("<qqqii", data)
    return session, unpacked(msg_id, data[32 : 32 + length])


def unpacked(msg_id: int, body: bytes) -> Iterator[tuple[int, Any]]:
    """The messages in a body, which may be a container or packed."""
    [kind] = struct.unpack_from("<I", body)
    if kind == _CONTAINER:
        [count] = struct.unpack_from("<i", body, 4)
        at = 8
        for _ in range(count):
            inner_id, _sequence, length = struct.unpack_from("<qii", body, at)
            yield from unpacked(inner_id, body[at + 16 : at + 16 + length])
            at += 16 + length
    elif kind == _GZIP:
        with BinaryReader(body[4:]) as reader:
            yield from unpacked(msg_id, gzip.decompress(reader.tgread_bytes()))
    else:
        with BinaryReader(body) as reader:
            yield msg_id, reader.tgread_object()


def result(msg_id: int, value: Any) -> bytes:
    """An answer: a TL object, a list of them, or a truth."""
    return struct.pack("<Iq", _RESULT, msg_id) + _bytes(value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bool):
        return bytes(types.BoolTrue() if value else types.BoolFalse())
    if isinstance(value, list):
        return struct.pack("<Ii", _VECTOR, len(value)) + b"".join(_bytes(one) for one in value)
    assert isinstance(value, TLObject), value
    return bytes(value)


class Ids:
    """Message ids of a server: odd, growing, of the present."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last = max(self._last + 4, (int(time.time()) << 32) + 1)
        return self._last
