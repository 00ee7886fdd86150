"""Sending through Apprise, within bounds of time; its own log is silent, for it names addresses."""

import logging
import warnings
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from threading import Thread
from typing import Any, Final

from crosspost.logs import event
from crosspost.notify._message import Message

_PATIENCE: Final = 45.0
"""Seconds for all addresses together. What hangs longer has not taken the message."""


def send(urls: Sequence[str], message: Message) -> list[str]:
    """Sends to each of the addresses; answers, in words that hold no secret, those that did not
    take it. Never raises."""
    tries: list[Future[bool]] = []
    for service in _services(urls):
        one: Future[bool] = Future()
        tries.append(one)
        Thread(target=_try, args=(service, message, one), daemon=True).start()
    wait_for(tries, timeout=_PATIENCE)
    names = [name_of(number, url) for number, url in enumerate(urls, start=1)]
    failed = [
        name for name, one in zip(names, tries, strict=True) if not (one.done() and one.result())
    ]
    sent = len(urls) - len(failed)
    event("word was sent", title=message.title, addresses=sent, failed=len(failed))
    return failed


def name_of(number: int, url: str) -> str:
    """An address as it may be shown: its number in the config and its kind."""
    return f"address {number} ({url.partition('://')[0][:20]}://…)"


def _services(urls: Sequence[str]) -> list[Any]:
    """What sends to each address; None for one that Apprise does not know."""
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings():  # its plugins import what Python will drop one day
        warnings.simplefilter("ignore")
        import apprise

        asset = apprise.AppriseAsset(
            app_id="Crosspost", app_desc="Crosspost", storage_mode="memory"
        )
        found = []
        for url in urls:
            service = apprise.Apprise(asset=asset)
            found.append(service if service.add(url) else None)
    return found


def _try(service: Any, message: Message, answer: "Future[bool]") -> None:
    try:
        answer.set_result(service is not None and _sent(service, message))
    except Exception:  # what a service's plugin raises is not ours to know
        answer.set_result(False)


def _sent(service: Any, message: Message) -> bool:
    import apprise

    done = service.notify(
        title=message.title,
        body=message.body,
        notify_type=apprise.NotifyType(message.kind),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return bool(done)
