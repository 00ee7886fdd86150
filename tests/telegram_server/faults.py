"""What goes wrong, on demand: ``server.fault("GetHistoryRequest", error="FLOOD_WAIT_3")``."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Fault:
    """What happens to the next requests of a kind.

    ``kind``: the name of Telethon's request, or "" for any. ``error``: Telegram's error, ``code``
    its number (made from the error where it is 0). ``drop``: the connection is cut instead of an
    answer. ``hang``: there is no answer. ``cut``: that many bytes of the answer's packet go out,
    then the connection is cut. ``after``: as many requests pass before; ``times``: as many are
    hit.
    """

    kind: str = ""
    error: str = ""
    code: int = 0
    drop: bool = False
    hang: bool = False
    cut: int = -1
    after: int = 0
    times: int = 1

    def status(self) -> int:
        if self.code:
            return self.code
        if "_WAIT_" in self.error:
            return 420
        return 401 if self.error.startswith(("AUTH_", "SESSION_", "USER_DEACT")) else 400


class Faults:
    """The faults that are still to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.due: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self.due.append(fault)
        return fault

    def clear(self) -> None:
        self.due.clear()

    def strike(self, request: Any) -> Fault | None:
        """The fault that hits this request."""
        name = type(request).__name__
        for fault in self.due:
            if fault.kind in ("", name):
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self.due.remove(fault)
                return fault
        return None
