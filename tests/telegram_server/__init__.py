"""A Telegram server on the loopback interface, for the real, unpatched Telethon.

    with TelegramServer() as server:
        channel = server.world.channel("Workshop", "workshop")
        channel.post("The first post")
        reader = TelegramReader.open(server.settings(), "@workshop", context)

It speaks MTProto as a client sees it (``wire``), answers out of a small world (``world``,
``answers``), lets people log in (``login``) and fails on demand (``faults``). ``sample`` fills a
channel from a Telegram Desktop export. ``session`` and ``session_file`` give logins whose key the
server knows; a client without a key gets one (``keys``) when the server is told to ``give_keys``.
"""

import asyncio
import contextlib
import struct
import threading
from pathlib import Path
from typing import Any, Self

from telethon import TelegramClient
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession, StringSession
from telethon.tl import types

from telegram_server import wire
from telegram_server.answers import Answers, Refused
from telegram_server.faults import Fault, Faults
from telegram_server.keys import Exchange, trust
from telegram_server.login import Login
from telegram_server.world import Channel, World

__all__ = ["Channel", "Fault", "TelegramServer", "World"]

_UNHEARD = ("MsgsAck", "PingRequest", "PingDelayDisconnectRequest", "HttpWaitRequest")


class TelegramServer:
    """The server, in a thread of its own. ``requests`` are the names of those it was asked."""

    def __init__(self, world: World | None = None, *, api_id: int = 12345) -> None:
        self.world = world or World()
        self.login = Login()
        self.faults = Faults()
        self.requests: list[str] = []
        self.api_id = api_id
        self.deaf = False
        """Whether new connections are cut at once."""
        self.key = wire.Key()
        self.login.keys.add(self.key.id)
        self._keys = {self.key.id: self.key}
        self._answers = Answers(self.world, self.login)
        self._connections: set[_Connection] = set()
        self._ids = wire.Ids()
        self._gives_keys = False
        self.port = 0

    # --- Running ---

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(self._open(0))
        self.port = self._answers.port = self._server.sockets[0].getsockname()[1]
        self.world.listeners.append(self._push)
        return self

    def __exit__(self, *_: object) -> None:
        self.world.listeners.remove(self._push)
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def _close(self) -> None:
        self._server.close()
        for one in list(self._connections):
            one.task.cancel()
        await asyncio.gather(*(one.task for one in self._connections), return_exceptions=True)

    def restart(self) -> None:
        """Every connection is cut; new ones may come at once."""
        self._run(self._cut())

    async def _cut(self) -> None:
        for one in list(self._connections):
            one.writer.transport.abort()

    # --- What clients need ---

    def session(self, *, logged_in: bool = True) -> str:
        """A StringSession of this server's account, or of nobody."""
        key = self._key(logged_in)
        session = StringSession()
        session.set_dc(2, "127.0.0.1", self.port)
        session.auth_key = AuthKey(key.data)
        return str(session.save())

    def session_file(self, path: Path, *, logged_in: bool = True) -> Path:
        """The same as a file."""
        session = SQLiteSession(str(path))
        session.set_dc(2, "127.0.0.1", self.port)
        session.auth_key = AuthKey(self._key(logged_in).data)
        session.save()
        session.close()
        return path

    def _key(self, logged_in: bool) -> wire.Key:
        if logged_in:
            return self.key
        key = wire.Key()
        self._keys[key.id] = key
        return key

    def settings(self, **changed: Any) -> dict[str, Any]:
        """The ``[telegram]`` table of a config that uses this server, quick to give up."""
        return {
            "api_id": self.api_id,
            "api_hash": "0123456789abcdef",
            "session": self.session(),
            "server": {"dc": 2, "address": "127.0.0.1", "port": self.port},
            "timeout": "5s",
            "pause": 0.01,
            **changed,
        }

    def give_keys(self) -> None:
        """Clients without a key may have one: Telethon in this process trusts the server."""
        trust()
        TelegramClient._config = None  # the data centres, which it knows for the whole process
        self._gives_keys = True

    def fault(self, kind: str = "", **what: Any) -> Fault:
        """See ``faults.Fault``."""
        return self.faults.add(Fault(kind, **what))

    def revoke(self, error: str = "SESSION_REVOKED") -> None:
        """Ends every login."""
        self.login.keys.clear()
        self.login.gone = error

    def forget_keys(self) -> None:
        """The server knows no key any more: what Telegram says to that is -404."""
        self._keys.clear()

    # --- Serving ---

    def _push(self, channel: Channel, update: Any) -> None:
        self._loop.call_soon_threadsafe(self._push_now, [update], [channel.chat()])

    def scan(self) -> None:
        """Someone scans the QR code that a client shows."""
        self.login.scanned = self.login.latest_token
        self._loop.call_soon_threadsafe(self._push_now, [types.UpdateLoginToken()], [])

    def _push_now(self, updates: list[Any], chats: list[Any]) -> None:
        from datetime import UTC, datetime

        for one in self._connections:
            if one.listens:
                one.send(bytes(types.Updates(updates, [], chats, datetime.now(UTC), 0)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer, self._ids)
        self._connections.add(connection)
        try:
            while not self.deaf:
                await self._hear(connection, await wire.read_packet(reader))
        except (asyncio.IncompleteReadError, ConnectionError, _Hung):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self._connections.discard(connection)
            writer.transport.abort()
            with contextlib.suppress(Exception):
                await writer.wait_closed()

    async def _hear(self, connection: "_Connection", packet: bytes) -> None:
        if packet[:8] == bytes(8):
            self._exchange(connection, packet)
            return
        key = self._keys.get(packet[:8])
        if key is None:
            connection.raw(wire.UNKNOWN_KEY)
            raise _Hung
        connection.key = key
        connection.session, messages = wire.requests(key.decrypt(packet))
        for msg_id, request in messages:
            await self._answer(connection, msg_id, request)
        await connection.writer.drain()

    def _exchange(self, connection: "_Connection", packet: bytes) -> None:
        """The next step of an exchange of keys, which is not encrypted."""
        if not self._gives_keys:
            raise _Hung
        [(_, request)] = wire.unpacked(0, packet[20:])
        answer = bytes(connection.exchange.answer(request))
        connection.raw(struct.pack("<qqi", 0, self._ids.next(), len(answer)) + answer)
        if key := connection.exchange.key:
            self._keys[key.id] = key

    async def _answer(self, connection: "_Connection", msg_id: int, request: Any) -> None:
        name = type(request).__name__
        if name in _UNHEARD:
            if "Ping" in name:
                connection.send(bytes(types.Pong(msg_id, request.ping_id)))
            return
        request, quiet, api_id = _unwrapped(request)
        connection.listens = connection.listens or not quiet
        self.requests.append(type(request).__name__)
        fault = self.faults.strike(request)
        if fault and fault.hang:
            return
        if fault and fault.drop:
            raise _Hung
        if fault and fault.error:
            data = wire.result(msg_id, types.RpcError(fault.status(), fault.error))
        elif api_id not in (None, self.api_id):
            data = wire.result(msg_id, types.RpcError(400, "API_ID_INVALID"))
        else:
            data = self._found(msg_id, request, connection.key.id)
        if fault and fault.cut >= 0:
            connection.send(data, fault.cut)
            await connection.writer.drain()
            raise _Hung
        connection.send(data)

    def _found(self, msg_id: int, request: Any, key: bytes) -> bytes:
        try:
            return wire.result(msg_id, self._answers.answer(request, key))
        except Refused as refused:
            error = types.RpcError(refused.code, refused.error)
        except Exception as bug:
            # Not a 500: the client would ask again.
            error = types.RpcError(400, f"SERVER_BUG_{type(bug).__name__}: {bug}")
        return wire.result(msg_id, error)


class _Hung(Exception):
    """The connection ends here."""


class _Connection:
    """One client."""

    def __init__(self, writer: asyncio.StreamWriter, ids: wire.Ids) -> None:
        self.writer = writer
        self.key: wire.Key = wire.Key(b"\0" * 256)
        self.session = 0
        self.listens = False
        self.exchange = Exchange()
        self.task: Any = asyncio.current_task()
        self._ids = ids
        self._number = 0

    def send(self, body: bytes, cut: int | None = None) -> None:
        """One message, encrypted; of its packet only the first ``cut`` bytes."""
        head = struct.pack("<qqqii", 0, self.session, self._ids.next(), 1, len(body))
        self.raw(self.key.encrypt(head + body), cut)

    def raw(self, data: bytes, cut: int | None = None) -> None:
        self.writer.write(wire.packet(self._number, data)[:cut])
        self._number += 1


def _unwrapped(request: Any) -> tuple[Any, bool, int | None]:
    """The request itself, whether its client wants no updates, and its api_id if it says it."""
    quiet, api_id = False, None
    while hasattr(request, "query"):
        quiet = quiet or type(request).__name__ == "InvokeWithoutUpdatesRequest"
        api_id = getattr(request, "api_id", api_id)
        request = request.query
    return request, quiet, api_id
