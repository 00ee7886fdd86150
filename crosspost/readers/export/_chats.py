"""Which chats are in a ``result.json``, and which of them is meant."""

from collections.abc import Iterator
from itertools import islice
from typing import IO, Final

from crosspost.errors import ReaderError
from crosspost.model import Record
from crosspost.readers.export._stream import Damaged, Window
from crosspost.readers.export._values import count

CHANNELS: Final = ("public_channel", "private_channel")
_OLD_ID: Final = 2 << 32
"""Desktop added this to a channel's id until April 2021."""
_LISTED: Final = 50


class Chat(Record, frozen=True):
    """A chat in a ``result.json``; ``at`` is where the first of its messages may stand."""

    id: int
    name: str
    type: str
    at: int


def choose(file: IO[bytes], place: str, wanted: int) -> Chat:
    """The channel in the ``result.json`` that ``file`` is: the one whose id is ``wanted``, or the
    only one if that is 0. ``place`` is what errors call the file. Raises ``ReaderError``."""
    chats: list[Chat] = []
    damage: Damaged | None = None
    try:
        chats.extend(survey(Window(file)))
    except Damaged as found:
        damage = found
    except ValueError as error:
        raise ReaderError(
            f"{place} is no Telegram export ({error}): export the channel with Telegram Desktop, "
            "format JSON"
        ) from error
    chats = [_bare(file, chat) for chat in chats]
    channels = [chat for chat in chats if chat.type in CHANNELS]
    meant = [chat for chat in channels if chat.id == wanted] if wanted else channels
    if len(meant) == 1:
        return meant[0]
    if damage and not meant:
        raise ReaderError(f"{place} is damaged at byte {damage.at} ({damage}): export it again")
    raise ReaderError(_none(place, chats, wanted) if not meant else _several(place, meant))


def survey(window: Window) -> Iterator[Chat]:
    """The chats of a ``result.json``, read from its beginning: the one of a single chat's export,
    or all of a whole account's (``chats.list`` and ``left_chats.list``). Reads no further than
    needed. Raises ``Damaged``, and ``ValueError`` when the file is JSON but no export."""
    if window.peek() == b"\xef":
        window.pos += 3  # a byte order mark
    if window.peek() != b"{":
        raise ValueError("it does not begin with an object")
    known: dict[str, object] = {}
    lists = 0
    for key in _members(window):
        if key in ("chats", "left_chats") and window.peek() == b"{":
            lists += 1
            yield from _listed(window)
        elif _learn(window, key, known) and {"name", "type"} <= known.keys():
            break
    if "at" in known:
        yield _chat(known)
    elif not lists:
        raise ValueError("it has neither messages nor a list of chats")


def _members(window: Window) -> Iterator[str]:
    """The keys of the object at ``pos``; the value of each is at ``pos`` meanwhile, and stepped
    over unless the caller did."""
    window.pos += 1
    while (byte := window.peek()) != b"}":
        key = window.scalar() if byte == b'"' else None
        if not isinstance(key, str) or window.peek() != b":":
            raise Damaged(window.pos, "not valid JSON")
        window.pos += 1
        window.peek()
        before = window.pos
        yield key
        if window.pos == before:
            window.skip()
    window.pos += 1


def _listed(window: Window) -> Iterator[Chat]:
    for key in _members(window):
        if key == "list" and window.peek() == b"[":
            window.pos += 1
            while window.peek() == b"{":
                known: dict[str, object] = {}
                for name in _members(window):
                    _learn(window, name, known)
                if "at" in known:
                    yield _chat(known)
            if window.peek() != b"]":
                raise Damaged(window.pos, "the list of chats breaks off")
            window.pos += 1


def _learn(window: Window, key: str, known: dict[str, object]) -> bool:
    """Takes note of a chat's member at ``pos``; whether it was the messages."""
    if key in ("id", "name", "type") and window.peek() not in (b"{", b"["):
        known[key] = window.scalar()
    elif key == "messages" and window.peek() == b"[":
        known["at"] = window.pos + 1
        return True
    return False


def _chat(known: dict[str, object]) -> Chat:
    at, number = known["at"], count(known.get("id"))
    return Chat(
        id=number if number is not None and abs(number) < 2**53 else 0,
        name=str(known.get("name") or ""),
        type=str(known.get("type") or ""),
        at=at if isinstance(at, int) else 0,
    )


def _bare(file: IO[bytes], chat: Chat) -> Chat:
    """The chat with its bare id: old exports, known by what their messages lack, add its kind."""
    if not _OLD_ID <= chat.id < _OLD_ID + (1 << 32):
        return chat
    file.seek(chat.at)
    first = file.read(4096).partition(b"}")[0]
    if b'"date_unixtime"' in first:
        return chat
    return Chat(id=chat.id - _OLD_ID, name=chat.name, type=chat.type, at=chat.at)


def _none(place: str, chats: list[Chat], wanted: int) -> str:
    if len(chats) == 1 and not wanted:
        kind = chats[0].type.replace("_", " ") or "chat of an unknown type"
        return f"{place} is the export of a {kind}, not of a channel: export the channel itself"
    if wanted:
        return f"{place} holds no channel {wanted}: it has {_list(chats)}"
    return f"{place} holds no channel: export the channel itself, or the account with channels"


def _several(place: str, channels: list[Chat]) -> str:
    return (
        f"{place} holds several channels: append #<id> of the one you mean to the path. "
        f"There are {_list(channels)}"
    )


def _list(chats: list[Chat]) -> str:
    channels = [chat for chat in chats if chat.type in CHANNELS]
    named = (f"«{chat.name}» #{chat.id}" for chat in islice(channels, _LISTED))
    more = f" and {len(channels) - _LISTED} more" if len(channels) > _LISTED else ""
    return (", ".join(named) or "none") + more
