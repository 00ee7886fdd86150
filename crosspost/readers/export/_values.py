"""What a field of an unknown form holds: a string, a number, a place."""

from math import isfinite
from typing import Any

from crosspost.model import Place


def string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def location(latitude: Any, longitude: Any) -> Place | None:
    """The place, None if the numbers are none on Earth."""
    try:
        north, east = float(latitude), float(longitude)
    except (TypeError, ValueError, OverflowError):
        return None
    if not (isfinite(north) and isfinite(east) and abs(north) <= 90 and abs(east) <= 180):
        return None
    return Place(latitude=north, longitude=east)
