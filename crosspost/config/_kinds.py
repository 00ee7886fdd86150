"""Readers and publishers by their type: ours by the lists below, others by the entry points
``crosspost.readers`` and ``crosspost.publishers`` of installed packages."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

READERS: Final = {
    "export": "crosspost.readers.export:ExportReader",
    "preview": "crosspost.readers.preview:PreviewReader",
    "telegram": "crosspost.readers.telegram:TelegramReader",
}
PUBLISHERS: Final = {
    "form": "crosspost.publishers.form:FormPublisher",
    "ghost": "crosspost.publishers.ghost:GhostPublisher",
    "static": "crosspost.publishers.static:StaticPublisher",
    "wordpress": "crosspost.publishers.wordpress:WordPressPublisher",
}

_OURS: Final[Mapping[str, Mapping[str, str]]] = {
    "crosspost.readers": READERS,
    "crosspost.publishers": PUBLISHERS,
}


def names(group: str) -> tuple[str, ...]:
    """The types there are."""
    return tuple(sorted({*_OURS[group], *_others(group)}))


def is_known(group: str, kind: str) -> bool:
    """Whether there is such a type. Asks the installed packages only for types not ours."""
    return kind in _OURS[group] or kind in _others(group)


def load(group: str, kind: str) -> Any:
    """The class behind a type. Raises ``ValueError``, with a sentence, when a package that gives
    it is broken."""
    if kind in _OURS[group]:
        module, _, name = _OURS[group][kind].partition(":")
        return getattr(import_module(module), name)
    point = _others(group)[kind]
    try:
        found = point.load()
    except Exception as error:
        raise ValueError(
            f"the package that gives this type ({point.value}) cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not (hasattr(found, "Settings") and callable(getattr(found, "open", None))):
        raise ValueError(f"{point.value} is no {group.rpartition('.')[2][:-1]}: see docs/")
    return found


def _others(group: str) -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}
