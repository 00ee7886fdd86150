"""What the server knows: an account, channels, their messages, files, and what has changed."""

import itertools
import os
import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon.tl import types

Update = Any
BEGIN = datetime(2025, 1, 1, 12, tzinfo=UTC)


class World:
    """Everything behind one server. ``lock`` is held while anything is read or changed."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.channels: dict[int, Channel] = {}
        self.chats: dict[int, Any] = {}
        self.users: dict[int, Any] = {}
        self.files: dict[tuple[int, str], bytes] = {}
        self.listeners: list[Callable[[Channel, Update], None]] = []
        self.me = types.User(
            id=777, is_self=True, access_hash=7, first_name="Tester", phone="99966", username="me"
        )
        self._held: list[Any] = []
        self._numbers = itertools.count(5_400_000_000)
        self.reference = b"first"

    def channel(
        self, title: str = "Workshop", username: str | None = "workshop", **fields: Any
    ) -> "Channel":
        """A new channel that the account is a member of."""
        number = fields.pop("id", 1_900_000_000 + len(self.channels) + 1)
        channel = Channel(self, number, title, username, **fields)
        self.channels[number] = channel
        return channel

    def photo(self, data: bytes, width: int = 640, height: int = 480) -> Any:
        """A photo whose largest size is ``data``."""
        number = next(self._numbers)
        self.files[number, "m"] = data[: len(data) // 4]
        self.files[number, "x"] = data
        photo = types.Photo(
            number,
            access_hash=number,
            file_reference=self.reference,
            date=BEGIN,
            sizes=[
                types.PhotoStrippedSize("i", b"\1\2\3"),
                types.PhotoSize("m", width // 2, height // 2, len(data) // 4),
                types.PhotoSize("x", width, height, len(data)),
            ],
            dc_id=2,
        )
        self._held.append(photo)
        return photo

    def document(
        self,
        data: bytes,
        mime: str,
        *attributes: Any,
        thumb: bytes = b"",
        size: int = 0,
        dc: int = 2,
    ) -> Any:
        """A file; ``size`` where it should claim to be another one."""
        number = next(self._numbers)
        self.files[number, ""] = data
        self.files[number, "m"] = thumb
        document = types.Document(
            number,
            access_hash=number,
            file_reference=self.reference,
            date=BEGIN,
            mime_type=mime,
            size=size or len(data),
            dc_id=dc,
            attributes=list(attributes),
            thumbs=[types.PhotoSize("m", 320, 240, len(thumb))] if thumb else None,
        )
        self._held.append(document)
        return document

    def expire(self) -> None:
        """Every file reference that was given so far is of no use any more."""
        with self.lock:
            self.reference = os.urandom(8)
            for one in self._held:
                one.file_reference = self.reference


class Channel:
    """One channel: its messages in order, and the log of what happened to them (pts)."""

    def __init__(
        self, world: World, number: int, title: str, username: str | None, **fields: Any
    ) -> None:
        self.world = world
        self.id = number
        self.title = title
        self.username = username
        self.access_hash = number * 31
        self.about = fields.pop("about", "")
        self.photo = fields.pop("photo", None)
        self.invite = fields.pop("invite", "")
        self.member = fields.pop("member", True)
        self.fields = fields
        self.error = ""
        """What Telegram says to every question about the channel, e.g. CHANNEL_PRIVATE."""
        self.messages: dict[int, Any] = {}
        self.whole: dict[int, Any] = {}
        """What GetRichMessage gives, where the message itself is only a part."""
        self.ids: list[int] = []
        self.pts = 1
        self.log: list[tuple[int, Update]] = []
        self.horizon = 0
        """Differences from a smaller pts on are too long."""
        self._clock = BEGIN
        self._last = 0

    # --- What happens in it ---

    def post(self, text: str = "", *, number: int = 0, **fields: Any) -> int:
        """A new message; ``number`` where its id should be another one than the next."""
        with self.world.lock:
            self._last = number or self._last + 1
            self._clock = max(self._clock + timedelta(minutes=1), fields.get("date", BEGIN))
            fields.setdefault("date", self._clock)
            fields.setdefault("views", 10)
            fields.setdefault("forwards", 1)
            message = types.Message(
                self._last,
                peer_id=types.PeerChannel(self.id),
                message=text,
                post=True,
                **fields,
            )
            self._put(message)
            return self._last

    def service(self, action: Any) -> int:
        """A new service message."""
        with self.world.lock:
            self._last += 1
            peer = types.PeerChannel(self.id)
            self._put(types.MessageService(self._last, peer, date=self._clock, action=action))
            return self._last

    def album(self, media: Sequence[Any], captions: Sequence[str] = (), **fields: Any) -> list[int]:
        """Several messages that are one post."""
        group = 13_000_000_000 + self._last
        date = self._clock + timedelta(minutes=1)
        texts = itertools.chain(captions, itertools.repeat(""))
        return [
            self.post(text, media=one, grouped_id=group, date=date, **fields)
            for one, text in zip(media, texts, strict=False)
        ]

    def edit(self, number: int, text: str | None = None, **fields: Any) -> None:
        with self.world.lock:
            old = self.messages[number]
            names = {name: getattr(old, name) for name in _FIELDS if name != "id"}
            names["message"] = old.message if text is None else text
            names["edit_date"] = self._clock
            message = types.Message(number, **{**names, **fields})
            self.messages[number] = message
            self._happened(lambda pts: types.UpdateEditChannelMessage(message, pts, 1))

    def delete(self, *numbers: int) -> None:
        with self.world.lock:
            for number in numbers:
                del self.messages[number]
                self.ids.remove(number)
            gone = list(numbers)
            self._happened(
                lambda pts: types.UpdateDeleteChannelMessages(self.id, gone, pts, len(gone)),
                len(gone),
            )

    def happened(self, make: Callable[[int], Update]) -> None:
        """Any other update."""
        with self.world.lock:
            self._happened(make)

    def forget(self) -> None:
        """The log is cut: differences from an earlier pts on are too long."""
        with self.world.lock:
            self.horizon = self.pts
            self.log.clear()

    def _put(self, message: Any) -> None:
        self.messages[message.id] = message
        self.ids.append(message.id)
        self._happened(lambda pts: types.UpdateNewChannelMessage(message, pts, 1))

    def _happened(self, make: Callable[[int], Update], count: int = 1) -> None:
        self.pts += count
        update = make(self.pts)
        self.log.append((self.pts, update))
        for listener in self.world.listeners:
            listener(self, update)

    # --- What is told of it ---

    def chat(self) -> Any:
        """The TL Channel."""
        return types.Channel(
            self.id,
            self.title,
            photo=types.ChatPhotoEmpty(),
            date=BEGIN,
            access_hash=self.access_hash,
            username=self.username,
            left=not self.member,
            **{"broadcast": True, **self.fields},
        )

    def history(self, request: Any) -> list[Any]:
        """The messages that GetHistory gives, the newest first."""
        at = len(self.ids)
        if request.offset_id > 0:
            at = bisect_left(self.ids, request.offset_id)
        elif request.offset_date and request.offset_date.timestamp() > 0:
            dates = [self.messages[one].date for one in self.ids]
            at = bisect_left(dates, request.offset_date)
        high = min(at - request.add_offset, len(self.ids))
        low = max(at - request.add_offset - request.limit, 0)
        found = self.ids[low : max(high, 0)]
        return [
            self.messages[one]
            for one in reversed(found)
            if one > request.min_id and (not request.max_id or one < request.max_id)
        ]

    def difference(self, pts: int, limit: int) -> Any:
        """What GetChannelDifference gives."""
        common = {"chats": [self.chat()], "users": list(self.world.users.values())}
        if pts < self.horizon:
            dialog = types.Dialog(
                types.PeerChannel(self.id), self._last, 0, 0, 0, 0, 0, 0,
                notify_settings=types.PeerNotifySettings(), pts=self.pts,
            )  # fmt: skip
            latest = [self.messages[one] for one in self.ids[-1:]]
            return types.updates.ChannelDifferenceTooLong(dialog, latest, final=True, **common)
        entries = [entry for entry in self.log if entry[0] > pts]
        if not entries:
            return types.updates.ChannelDifferenceEmpty(self.pts, final=True)
        part = entries[:limit]
        new, other = [], []
        for _, update in part:
            if isinstance(update, types.UpdateNewChannelMessage):
                if update.message.id in self.messages:
                    new.append(self.messages[update.message.id])
            else:
                other.append(update)
        final = len(part) == len(entries)
        return types.updates.ChannelDifference(part[-1][0], new, other, final=final, **common)


_FIELDS = [
    name
    for name in types.Message.__init__.__code__.co_varnames[
        1 : types.Message.__init__.__code__.co_argcount
    ]
    if name not in ("action", "reactions_are_possible")
]
