"""A word to systemd, where it started us (https://www.freedesktop.org/software/systemd/man/sd_notify.html)."""

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Sends ``READY=1``, ``WATCHDOG=1``, ``STATUS=…`` or ``STOPPING=1``; elsewhere does
    nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    path = f"\0{address[1:]}" if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(state.encode(), path)
