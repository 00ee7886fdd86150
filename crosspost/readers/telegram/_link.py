"""The connection to Telegram: one account, one thread of its own, requests that end.

Telethon is asynchronous, readers are not: its loop runs in a private thread, and ``ask`` hands a
request over and waits. Every request has a time limit; one that gets no answer is made again over
a new connection; a pause that Telegram asks for is waited out or ends the run.

A session belongs to one process at a time (a second one would revoke it): it is locked. Blogs of
one config share a link: ``link`` counts who holds it.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from crosspost import __version__
from crosspost.errors import ReaderError
from crosspost.readers.telegram import _session, _trouble
from crosspost.readers.telegram._settings import TelegramSettings

T = TypeVar("T")
log = logging.getLogger("crosspost.telegram")

_GRACE: Final = 5.0
"""Seconds for saying goodbye."""
_WAITS: Final = 10
"""How often one request may be told to wait."""

_links: dict[str, "Link"] = {}
_links_lock = threading.Lock()


def link(settings: TelegramSettings, base: Path) -> "Link":
    """The link of this session in this process. Release it by ``close``. Raises ``Busy``,
    ``ReaderError``."""
    key = _session.key(settings, base)
    with _links_lock:
        found = _links.get(key)
        if found is None:
            found = _links[key] = Link(settings, base)
        found.holders += 1
        return found


class Link:
    """One account's connection. Opened by the first request. ``fresh``: for logging in; with
    ``text`` the login will be a StringSession instead of the file that the settings name."""

    def __init__(
        self, settings: TelegramSettings, base: Path, *, fresh: bool = False, text: bool = False
    ) -> None:
        self.settings = settings
        self._fresh = fresh
        self._timeout = settings.timeout.total_seconds()
        self._text = text
        self.holders = 0
        self.on_wait: Callable[[float], None] | None = None
        """Called every second of a pause that Telegram asks for, with the seconds left."""
        self._base = base
        self._key = _session.key(settings, base)
        self._lock: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._client: Any = None
        self._connecting = asyncio.Lock()
        self._times = 0
        """How often it was hung up: who fails on an older connection does not end the next."""
        self._listening = self._heard = False
        """Whether updates are wanted, and whether there was a connection with them."""
        self._bells: dict[int, threading.Event] = {}
        self._guard = threading.RLock()

    # --- For the readers ---

    def ask(self, request: Any) -> Any:
        """Telegram's answer to a TL request. Raises Telethon's RPCError for what is refused,
        ``ReaderError`` and ``Later`` for what ends the run."""
        return self.run(self._ask(lambda client: client(request)))

    def ask_both(self, *requests: Any) -> list[Any]:
        """The answers to several requests in one packet."""

        async def both(client: Any) -> list[Any]:
            return list(await asyncio.gather(*(client(request) for request in requests)))

        return self.run(self._ask(both))

    def stream(self, pull: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        """The answer to whatever ``pull`` asks the client; tried again like a request."""
        return self.run(self._ask(pull))

    def bell(self, channel_id: int) -> threading.Event:
        """The event that is set when something happens in the channel. Listens from now on, over
        a new connection if the last one is lost: then all bells ring, for what may have been
        missed."""
        bell = self._bells.setdefault(channel_id, threading.Event())
        if not self._listening:
            self.run(self._listen())
        elif not self.connected:
            self.run(self._ask(_nothing))
        return bell

    @property
    def connected(self) -> bool:
        return self._client is not None and bool(self._client.is_connected())

    def close(self) -> None:
        """One holder less; the last one ends the connection."""
        with _links_lock:
            self.holders -= 1
            if self.holders > 0:
                return
            _links.pop(self._key, None)
        self.shut()

    def shut(self) -> None:
        """Ends the connection, whatever is going on in it."""
        with self._guard:
            loop, thread = self._loop, self._thread
            if loop is not None and thread is not None:
                with suppress(Exception):
                    asyncio.run_coroutine_threadsafe(self._goodbye(), loop).result(_GRACE)
                loop.call_soon_threadsafe(loop.stop)
                thread.join(_GRACE)
            self._loop = self._thread = self._client = None
            self._listening = self._heard = False
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    # --- The thread ---

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work`` in the private loop. An interrupt here cancels it there."""
        try:
            loop = self._started()
        except BaseException:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except CancelledError as error:
            raise _trouble.Unreachable("The connection to Telegram was closed") from error
        except BaseException:
            future.cancel()
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._guard:
            if self._loop is None:
                self._lock = None if self._text else _session.locked(self.settings, self._base)
                self._loop = asyncio.new_event_loop()
                self._connecting = asyncio.Lock()
                self._thread = threading.Thread(
                    target=_turn, args=(self._loop,), name="telegram", daemon=True
                )
                self._thread.start()
            return self._loop

    # --- The client ---

    async def client(self) -> Any:
        """The connected client, logged in unless the link is fresh. Raises ``ReaderError``."""
        async with self._connecting:
            if self._client is None:
                self._client = self._made()
            if not self._client.is_connected():
                try:
                    await asyncio.wait_for(self._greet(), 2 * self._timeout)
                except BaseException:
                    await self._hang_up()
                    raise
            return self._client

    async def _greet(self) -> None:
        await self._client.connect()
        if self._listening:
            if not await self._client.is_user_authorized():
                raise ReaderError(_trouble.ACCOUNT["AuthKeyUnregisteredError"])
            await self._client.set_receive_updates(True)
            if self._heard:
                for bell in list(self._bells.values()):
                    bell.set()

    def _made(self) -> Any:
        from telethon import TelegramClient, events  # type: ignore[import-untyped]

        settings = self.settings
        kind = TelegramClient if self._fresh or self._listening else _incurious()
        client = kind(
            _session.opened(settings, self._base, fresh=self._fresh, text=self._text),
            settings.api_id,
            settings.api_hash.get_secret_value(),
            timeout=min(self._timeout, 10),
            request_retries=1 if self._fresh else 0,
            connection_retries=1,
            retry_delay=0,
            auto_reconnect=False,
            flood_sleep_threshold=0,
            raise_last_call_error=True,
            receive_updates=self._fresh,
            device_model="Crosspost",
            app_version=__version__,
            base_logger=_quiet(),
        )
        client.add_event_handler(self._rung, events.Raw())
        return client

    async def _ask(self, pull: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        """Until there is an answer: over new connections, after pauses, but not for ever."""
        failures = waits = 0
        while True:
            times = -1
            try:
                client = await self.client()
                times = self._times
                return await asyncio.wait_for(pull(client), self._timeout)
            except Exception as error:
                if self._final(error):
                    raise _trouble.sentence(error) from error
                if type(error).__module__ == "sqlite3":
                    raise _session.unusable(self.settings, self._base, error) from error
                seconds = getattr(error, "seconds", None)
                if seconds is not None:
                    waits += 1
                    if seconds > self.settings.patience.total_seconds() or waits > _WAITS:
                        raise _trouble.too_long(seconds) from error
                    await self._sleep(seconds)
                    continue
                if not _broken(error):
                    raise
                if _trouble.of_its_own(error) and failures + 1 >= self.settings.attempts:
                    raise _trouble.sentence(error) from error
                await self._again(failures, times, error)
            except asyncio.CancelledError as error:
                # Telethon cancels what it cannot send any more; nobody asked us to stop.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                await self._again(failures, times, error)
            failures += 1

    def _final(self, error: Exception) -> bool:
        """Whether the account is to blame. A password that is missing is none at login."""
        name = type(error).__name__
        waits = self._fresh and name == "SessionPasswordNeededError"
        return name in _trouble.ACCOUNT and not waits

    async def _again(self, failures: int, times: int, error: BaseException) -> None:
        """Hangs up and waits before the next attempt, if there is to be one."""
        attempts = self.settings.attempts
        log.info("no answer from Telegram (%s): %s", type(error).__name__, error)
        async with self._connecting:
            if times == self._times:
                await self._hang_up()
        if failures + 1 >= attempts:
            raise _trouble.Unreachable(_trouble.NO_ANSWER.format(attempts=attempts)) from error
        await asyncio.sleep(self.settings.pause * 2**failures)

    async def _sleep(self, seconds: float) -> None:
        log.warning("Telegram asks to wait %s", _trouble.span(seconds))
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.on_wait:
                self.on_wait(left)
            await asyncio.sleep(min(left, 1))

    async def _hang_up(self) -> None:
        self._times += 1
        if self._client is not None:
            try:
                await asyncio.wait_for(self._client.disconnect(), _GRACE)
            except Exception:
                self._client = None

    async def _goodbye(self) -> None:
        """Ends the connection, the session and whatever still runs in this loop."""
        await self._hang_up()
        mine = asyncio.current_task()
        rest = [task for task in asyncio.all_tasks() if task is not mine]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    # --- The doorbell ---

    async def _listen(self) -> None:
        """A new connection, by a client that asks for updates."""
        async with self._connecting:
            await self._hang_up()
            self._client = None
            self._listening = True
        try:
            await self._ask(_nothing)
            self._heard = True
        except BaseException:
            self._listening = False
            raise

    async def _rung(self, update: Any) -> None:
        message = getattr(update, "message", None)
        peer = getattr(message, "peer_id", None)
        channel_id = getattr(update, "channel_id", None) or getattr(peer, "channel_id", None)
        bell = self._bells.get(channel_id or 0)
        if bell is not None:
            bell.set()


def _incurious() -> Any:
    """Telethon's client, without what it asks when it connects: who we are, and what happened in
    our private chats. Whoever only reads a channel can do without these three answers."""
    from telethon import TelegramClient

    class Incurious(TelegramClient):  # type: ignore[misc]
        async def get_me(self, input_peer: bool = False) -> None:
            return None

    return Incurious


def _muttered(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What went wrong in Telethon where nobody was waiting: a cut connection, mostly."""
    log.debug("%s: %r", context.get("message"), context.get("exception"))


def _quiet() -> logging.Logger:
    """Telethon's own log, silent unless someone gives it a level."""
    logger = logging.getLogger("crosspost.telethon")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL + 1)
    return logger


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    """The thread: turns the loop until it is stopped."""
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(_muttered)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _nothing(_client: Any) -> None:
    """All that is wanted is the connection."""


def _broken(error: Exception) -> bool:
    """Whether the connection or Telegram is to blame, and another attempt may help."""
    kinds = OSError | asyncio.TimeoutError | EOFError | BufferError
    return isinstance(error, kinds) or _trouble.of_its_own(error)
