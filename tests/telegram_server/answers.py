"""Requests → answers. A request that nobody expected is METHOD_UNKNOWN: no test passes by luck."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from telethon.tl import types

from telegram_server.login import Login
from telegram_server.world import BEGIN, Channel, World

OPEN = (
    "SendCode",
    "SignIn",
    "GetPassword",
    "CheckPassword",
    "ExportLoginToken",
    "GetConfig",
    "ImportAuthorization",
)
"""What may be asked without being logged in."""


def _snake(name: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Refused(Exception):
    """An RPC error."""

    def __init__(self, error: str, code: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.code = code


class Answers:
    """Answers requests out of a world."""

    def __init__(self, world: World, login: Login) -> None:
        self.world = world
        self.login = login
        self.port = 0

    def answer(self, request: Any, key: bytes) -> Any:
        """The answer to ``request``, which came with the authorization key of id ``key``.
        Raises ``Refused``."""
        name = type(request).__name__.removesuffix("Request")
        method: Callable[[Any, bytes], Any] | None = getattr(self, f"on_{_snake(name)}", None)
        if method is None:
            raise Refused("METHOD_UNKNOWN")
        if name not in OPEN and key not in self.login.keys:
            raise Refused(self.login.gone or "AUTH_KEY_UNREGISTERED", 401)
        with self.world.lock:
            return method(request, key)

    # --- The connection and the account ---

    def on_get_config(self, _request: Any, _key: bytes) -> Any:
        numbers = dict.fromkeys(_NUMBERS, 0)
        options = [types.DcOption(dc, "127.0.0.1", self.port) for dc in (2, 4)]
        now = datetime.now(UTC)
        return types.Config(
            date=now, expires=now, test_mode=True, this_dc=2, dc_options=options,
            dc_txt_domain_name="", me_url_prefix="https://t.me/", **numbers,
        )  # fmt: skip

    def on_get_users(self, _request: Any, _key: bytes) -> Any:
        return [self.world.me]

    def on_get_state(self, _request: Any, _key: bytes) -> Any:
        return types.updates.State(1, 0, datetime.now(UTC), 0, 0)

    def on_get_difference(self, _request: Any, _key: bytes) -> Any:
        return types.updates.DifferenceEmpty(datetime.now(UTC), 0)

    def on_send_code(self, request: Any, _key: bytes) -> Any:
        return self.login.send_code(request)

    def on_sign_in(self, request: Any, key: bytes) -> Any:
        return self._welcome(self.login.sign_in(request, key))

    def on_get_password(self, _request: Any, _key: bytes) -> Any:
        return self.login.get_password()

    def on_check_password(self, request: Any, key: bytes) -> Any:
        return self._welcome(self.login.check_password(request, key))

    def on_export_login_token(self, _request: Any, key: bytes) -> Any:
        token = self.login.token(key)
        return types.auth.LoginTokenSuccess(self._welcome("")) if token is None else token

    def on_log_out(self, _request: Any, key: bytes) -> Any:
        self.login.keys.discard(key)
        return types.auth.LoggedOut()

    def _welcome(self, error: str) -> Any:
        if error:
            raise Refused(error, 401 if error == "SESSION_PASSWORD_NEEDED" else 400)
        return types.auth.Authorization(self.world.me)

    def on_export_authorization(self, _request: Any, _key: bytes) -> Any:
        return types.auth.ExportedAuthorization(1, self.login.ticket)

    def on_import_authorization(self, request: Any, key: bytes) -> Any:
        if request.bytes != self.login.ticket:
            raise Refused("AUTH_BYTES_INVALID")
        self.login.keys.add(key)
        return types.auth.Authorization(self.world.me)

    # --- Channels ---

    def on_resolve_username(self, request: Any, _key: bytes) -> Any:
        for channel in self.world.channels.values():
            if (channel.username or "").lower() == request.username.lower():
                return types.contacts.ResolvedPeer(
                    types.PeerChannel(channel.id), [channel.chat()], []
                )
        for user in self.world.users.values():
            if user.username == request.username:
                return types.contacts.ResolvedPeer(types.PeerUser(user.id), [], [user])
        raise Refused("USERNAME_NOT_OCCUPIED")

    def on_check_chat_invite(self, request: Any, _key: bytes) -> Any:
        for channel in self.world.channels.values():
            if channel.invite == request.hash:
                if channel.member:
                    return types.ChatInviteAlready(channel.chat())
                return types.ChatInvite(
                    channel.title, types.PhotoEmpty(0), 5, 0, channel=True, broadcast=True
                )
        raise Refused("INVITE_HASH_EXPIRED")

    def on_get_dialogs(self, request: Any, _key: bytes) -> Any:
        dialogs, messages, chats = [], [], []
        before = request.offset_date or BEGIN
        before = before if before.timestamp() > 0 and request.offset_id else datetime.now(UTC)
        found = [one for one in self.world.channels.values() if one.member and one.ids]
        found.sort(key=lambda one: one.messages[one.ids[-1]].date, reverse=True)
        for channel in found:
            top = channel.messages[channel.ids[-1]]
            if top.date < before and len(dialogs) < request.limit:
                peer = types.PeerChannel(channel.id)
                settings = types.PeerNotifySettings()
                dialogs.append(types.Dialog(peer, top.id, 0, 0, 0, 0, 0, 0, settings))
                messages.append(top)
                chats.append(channel.chat())
        chats += self.world.chats.values()
        return types.messages.DialogsSlice(len(found), dialogs, messages, chats, [])

    def on_get_full_channel(self, request: Any, _key: bytes) -> Any:
        channel = self._channel(request.channel)
        full = types.ChannelFull(
            channel.id, channel.about, 0, 0, 0,
            chat_photo=channel.photo or types.PhotoEmpty(0),
            notify_settings=types.PeerNotifySettings(), bot_info=[], pts=channel.pts,
        )  # fmt: skip
        return types.messages.ChatFull(full, [channel.chat()], [])

    def on_get_history(self, request: Any, _key: bytes) -> Any:
        channel = self._channel(request.peer)
        return self._messages(channel, channel.history(request), len(channel.ids))

    def on_get_messages(self, request: Any, _key: bytes) -> Any:
        channel = self._channel(request.channel)
        if len(request.id) > 100:
            raise Refused("MSG_ID_INVALID")
        found = [
            channel.messages.get(one.id) or types.MessageEmpty(one.id, None) for one in request.id
        ]
        return self._messages(channel, found, len(found))

    def on_get_rich_message(self, request: Any, _key: bytes) -> Any:
        channel = self._channel(request.peer)
        return self._messages(channel, [channel.whole[request.id]], 1)

    def _messages(self, channel: Channel, found: list[Any], count: int) -> Any:
        chats = [channel.chat(), *self.world.chats.values()]
        users = list(self.world.users.values())
        return types.messages.ChannelMessages(channel.pts, count, found, [], chats, users)

    def on_get_channel_difference(self, request: Any, _key: bytes) -> Any:
        channel = self._channel(request.channel)
        return channel.difference(request.pts, request.limit)

    def _channel(self, peer: Any) -> Channel:
        channel = self.world.channels.get(peer.channel_id)
        if channel is None or channel.access_hash != peer.access_hash:
            raise Refused("CHANNEL_INVALID")
        if channel.error:
            raise Refused(channel.error)
        return channel

    # --- Files ---

    def on_get_file(self, request: Any, _key: bytes) -> Any:
        place = request.location
        if place.file_reference != self.world.reference:
            raise Refused("FILE_REFERENCE_EXPIRED")
        data = self.world.files.get((place.id, place.thumb_size))
        if data is None:
            raise Refused("FILE_ID_INVALID")
        if request.offset % 4096 or request.limit % 4096 or 2**20 % request.limit:
            raise Refused("LIMIT_INVALID")
        part = data[request.offset : request.offset + request.limit]
        return types.upload.File(types.storage.FileUnknown(), int(BEGIN.timestamp()), part)


_NUMBERS = (
    "chat_size_max", "megagroup_size_max", "forwarded_count_max", "online_update_period_ms",
    "offline_blur_timeout_ms", "offline_idle_timeout_ms", "online_cloud_timeout_ms",
    "notify_cloud_delay_ms", "notify_default_delay_ms", "push_chat_period_ms", "push_chat_limit",
    "edit_time_limit", "revoke_time_limit", "revoke_pm_time_limit", "rating_e_decay",
    "stickers_recent_limit", "channels_read_media_period", "call_receive_timeout_ms",
    "call_ring_timeout_ms", "call_connect_timeout_ms", "call_packet_timeout_ms",
    "caption_length_max", "message_length_max", "webfile_dc_id",
)  # fmt: skip
