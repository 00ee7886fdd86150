"""A filled form as a browser writes it: urlencoded, or in parts with its files.

https://html.spec.whatwg.org/multipage/form-control-infrastructure.html (form submission, and
multipart form data).
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote_plus

from crosspost.publishers.form._controls import File


def encoded(text: str, encoding: str) -> bytes:
    """The text as a form sends it; a letter that the page's encoding lacks becomes a reference,
    as in a browser."""
    lines = re.sub(r"\r\n?|\n", "\r\n", text).encode("utf-8", "replace").decode("utf-8")
    return lines.encode(encoding, "xmlcharrefreplace")


def urlencoded(entries: Iterable[tuple[str, str | File | None]], encoding: str) -> str:
    def one(text: str) -> str:
        return quote_plus(encoded(text, encoding), safe="*-._")

    return "&".join(
        f"{one(name)}={one(value.name if isinstance(value, File) else value or '')}"
        for name, value in entries
    )


class Multipart:
    """The entries as ``multipart/form-data``, files read as they are sent."""

    CHUNK: Final = 256 * 1024

    def __init__(self, entries: Iterable[tuple[str, str | File | None]], encoding: str) -> None:
        from secrets import token_hex

        self._edge = f"----crosspost{token_hex(16)}"
        self._pieces: list[bytes | Path] = []
        for name, value in entries:
            self._add(_quoted(encoded(name, encoding)), value, encoding)
        self._pieces.append(f"--{self._edge}--\r\n".encode())
        self.kind = f"multipart/form-data; boundary={self._edge}"

    def _add(self, name: bytes, value: str | File | None, encoding: str) -> None:
        head = f'--{self._edge}\r\nContent-Disposition: form-data; name="'.encode() + name + b'"'
        if isinstance(value, str):
            self._pieces.append(head + b"\r\n\r\n" + encoded(value, encoding) + b"\r\n")
            return
        file_name = _quoted(encoded(value.name, encoding)) if value else b""
        kind = value.mime if value else "application/octet-stream"
        head += b'; filename="' + file_name + f'"\r\nContent-Type: {kind}\r\n\r\n'.encode()
        self._pieces += [head, *([value.path] if value else []), b"\r\n"]

    def __len__(self) -> int:
        return sum(
            len(one) if isinstance(one, bytes) else one.stat().st_size for one in self._pieces
        )

    def __iter__(self) -> Iterator[bytes]:
        for one in self._pieces:
            if isinstance(one, bytes):
                yield one
                continue
            with one.open("rb") as opened:
                while chunk := opened.read(self.CHUNK):
                    yield chunk


def _quoted(name: bytes) -> bytes:
    return name.replace(b"\r", b"%0D").replace(b"\n", b"%0A").replace(b'"', b"%22")
