"""What is wrong with a config, all of it at once.

    crosspost.toml:12: blog[1].on_delete = "drfat": it is one of keep, draft, remove; did you mean
    «draft»?

A value is shown only where a setting of ours is known to hold no secret: what stands behind a
misspelt key may be a password.
"""

import json
import re
from collections.abc import Iterator
from datetime import date, time
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from crosspost.config._places import line_of
from crosspost.config._settings import near
from crosspost.errors import ConfigError
from crosspost.logs import conceal
from crosspost.settings import revealed

Place = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

_SECRET_NAME: Final = re.compile(
    r"pass|secret|token|key|hash|session|login|auth(?!or)", re.IGNORECASE
)
_DEEPEST: Final = 16
_LOGIN: Final = re.compile(r"(?<=//)[^/@\s]*@")
_TYPES: Final = (
    ("string", "it is a text in quotes"),
    ("path", "it is a path in quotes"),
    ("int", "it is a whole number"),
    ("float", "it is a number"),
    ("bool", "it is true or false"),
    ("list", 'it is a list, such as ["one", "two"]'),
    ("dict", "it is a table"),
    ("model", "it is a table"),
    ("datetime", "it is a day such as 2024-05-01, or a moment such as 2024-05-01T12:00:00"),
)
_LIMITS: Final = {
    "greater_than_equal": ("ge", "it is at least {}"),
    "greater_than": ("gt", "it is more than {}"),
    "less_than_equal": ("le", "it is at most {}"),
    "less_than": ("lt", "it is less than {}"),
    "string_too_long": ("max_length", "it is at most {} characters long"),
}


class Problems:
    """Collects them; ``error()`` lists them by line."""

    def __init__(self, path: Path, base: Path, data: Any, places: dict[Place, int]) -> None:
        self._path, self._base, self._data, self._places = path, base, data, places
        self._found: list[tuple[int, int, str]] = []
        self._number = count()

    def __bool__(self) -> bool:
        return bool(self._found)

    def error(self) -> ConfigError:
        """All of them, each once."""
        return ConfigError(*dict.fromkeys(text for _, _, text in sorted(self._found)))

    def add(self, place: Place, text: str, *, show: bool = True) -> None:
        """Something is wrong at ``place``. ``show``: its value cannot be a secret."""
        line = line_of(place, self._places)
        name = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{_key(p)}" for p in place)
        value = _shown(self.value(place)) if show else ""
        where = f"{name.removeprefix('.')}{f' = {value}' if value else ''}: " if name else ""
        self._found.append((line, next(self._number), f"{self._path}:{line}: {where}{text}"))

    def look_for_strange(self) -> None:
        """What no setting can be, however it is spelt: a number beyond 64 bits, which TOML does
        not have (https://toml.io/en/v1.0.0#integer), and a text that no path can hold."""
        for place, value in self._values():
            if isinstance(value, str) and "\0" in value:
                self.add(place, "it holds a character that no text may hold", show=False)
            elif isinstance(value, int) and value.bit_length() > 64:
                self.add(place, "it is too large a number", show=False)

    def _values(self) -> Iterator[tuple[Place, Any]]:
        left: list[tuple[Place, Any]] = [((), self._data)]
        while left:
            place, value = left.pop()
            if not isinstance(value, dict | list):
                yield place, value
            elif len(place) < _DEEPEST and isinstance(value, dict):
                left += [((*place, key), inner) for key, inner in value.items()]
            elif len(place) < _DEEPEST and isinstance(value, list):
                left += [((*place, number), inner) for number, inner in enumerate(value)]

    def value(self, place: Place) -> Any:
        """What stands there, None if nothing does."""
        value = self._data
        for part in place:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def check(
        self, model: type[Model], data: Any, place: Place, also: tuple[str, ...] = ()
    ) -> Model | None:
        """The settings in ``data``, or None when something was wrong with them. ``also`` are
        other names that a misspelt key may have meant."""
        data, unknown = self._revealed(model, data, place)
        try:
            made = model.model_validate(data, context={"base": self._base})
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False):
                if found["loc"][:1] not in unknown:
                    self._explain(found, model, place, also)
            return None
        return None if unknown else made

    def _revealed(
        self, model: type[BaseModel], data: Any, place: Place
    ) -> tuple[Any, set[tuple[str]]]:
        """``data`` with its secrets taken from where they are kept, whatever publisher or reader
        they are for; and the keys of those that could not be had."""
        if not isinstance(data, dict):
            return data, set()
        found, unknown = dict(data), set()
        for key, value in data.items():
            field = model.model_fields.get(key)
            if field and isinstance(value, str) and _is_secret(field.annotation):
                conceal(value)
            if field and isinstance(value, dict) and _is_secret(field.annotation):
                try:
                    found[key] = revealed(value, self._base)
                    conceal(found[key])
                except ValueError as error:
                    self.add((*place, key), str(error), show=False)
                    found[key] = ""
                    unknown.add((key,))
        return found, unknown

    def _explain(
        self, found: Any, model: type[BaseModel], place: Place, also: tuple[str, ...]
    ) -> None:
        inner: Place = tuple(found["loc"])
        while inner and self.value((*place, *inner)) is None and self.value((*place, *inner[:-1])):
            if found["type"] == "missing":
                break
            inner = inner[:-1]  # pydantic adds names of its own validators
        known, secret = _standing(model, inner)
        value = self.value((*place, *inner))
        names = (*_names(model, inner[:-1]), *(also if len(inner) == 1 else ()))
        text = _sentence(found, inner, value, names)
        if known and secret and isinstance(value, str) and len(value) > 3:
            text = text.replace(value, "…")
        self.add((*place, *inner), text, show=known and not secret)


def _key(part: str) -> str:
    return part if re.fullmatch(r"[\w-]+", part, re.ASCII) else json.dumps(part[:60])


def _shown(value: Any) -> str:
    """The value as it stands in the file, short; "" for what is too long to show."""
    if isinstance(value, str):
        text = _LOGIN.sub("…@", value)
        return json.dumps(text if len(text) <= 60 else f"{text[:59]}…", ensure_ascii=False)
    if isinstance(value, bool | int | float):
        return str(value).lower()[:60]
    return str(value) if isinstance(value, date | time) else ""


def _standing(model: type[BaseModel], inner: Place) -> tuple[bool, bool]:
    """Whether the setting is one we know, and whether it may hold a secret."""
    kind: Any = model
    secret = False
    for part in inner:
        if isinstance(part, int):
            continue
        models = [k for k in (kind, *get_args(kind)) if _is_model(k)]
        field = models[0].model_fields.get(part) if models else None
        if field is None:
            return False, True
        kind = field.annotation
        secret = secret or bool(_SECRET_NAME.search(part)) or _is_secret(kind)
    return True, secret


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_secret(kind: Any) -> bool:
    return kind in (SecretStr, SecretBytes) or any(_is_secret(k) for k in get_args(kind))


def _sentence(found: Any, inner: Place, value: Any, names: tuple[str, ...]) -> str:
    """What pydantic found, in our words (https://docs.pydantic.dev/latest/errors/)."""
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        return f"there is no such setting{near(str(inner[-1]), names)}"
    if kind == "missing":
        return "it is missing"
    if kind == "value_error":
        return str(found["msg"]).removeprefix("Value error, ")
    if kind in ("literal_error", "enum"):
        words = re.findall(r"'([^']*)'", context.get("expected", ""))
        return f"it is one of {', '.join(words)}{near(str(value), words)}"
    if kind in ("too_short", "string_too_short"):
        return "it is empty; at least one is needed" if kind == "too_short" else "it is empty"
    if kind in _LIMITS:
        name, sentence = _LIMITS[kind]
        return sentence.format(context.get(name))
    if kind == "string_pattern_mismatch":
        return f"it has another form: {context.get('pattern')}"
    for name, sentence in _TYPES:
        if re.fullmatch(rf"{name}_(type|parsing|from_\w+|attributes_type)", kind):
            return sentence
    return str(found["msg"]).replace("Input should", "it should")


def _names(model: type[BaseModel], inner: Place) -> tuple[str, ...]:
    """The names of the settings of the table at ``inner``."""
    for part in inner:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        models = (
            [k for k in (field.annotation, *get_args(field.annotation)) if _is_model(k)]
            if (field)
            else []
        )
        if not models:
            return ()
        model = models[0]
    return tuple(model.model_fields)
