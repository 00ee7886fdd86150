"""The config: TOML → checked settings → blogs that can run.

load(path)   the file, or ``ConfigError`` with every problem at once: file, line, key, value,
             what is allowed, and the nearest right name for a misspelt one

_places      on which line each key stands
_settings    what the file may say
_kinds       readers and publishers by their type
_problems    what is wrong, in sentences
_blogs       checked settings → ``pipeline.Blog``
draft        a first config, for ``crosspost init``
part         what is well of a config that is not, for ``crosspost doctor``
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from crosspost.config._blogs import Making, Site
from crosspost.config._kinds import PUBLISHERS, READERS
from crosspost.config._places import places
from crosspost.config._problems import Problems
from crosspost.config._settings import ConfigSettings, HealthSettings, NotifySettings, near
from crosspost.errors import ConfigError
from crosspost.pipeline import Blog, Keep
from crosspost.publishers import Publisher

__all__ = ["DEFAULT", "PUBLISHERS", "READERS", "VARIABLE", "Config", "load"]

DEFAULT: Final = "crosspost.toml"
VARIABLE: Final = "CROSSPOST_CONFIG"
_LARGEST: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Config:
    """A checked config. ``sites`` open the publisher of each; ``site_paths`` are the local folders
    of sites that have one, ``site_urls`` the addresses at which the others are written,
    ``zones`` the time zone of each blog, ``readers`` the settings of each kind of reader that
    the config has some for, ``keep`` how long things are kept, ``cache`` the folder it names,
    ``textfile`` where figures go."""

    path: Path
    base: Path
    ledger: Path
    language: str
    timezone: str
    templates: Path | None
    blogs: Mapping[str, Blog]
    sites: Mapping[str, Callable[[], Publisher]]
    site_paths: Mapping[str, Path]
    site_urls: Mapping[str, str]
    zones: Mapping[str, str]
    readers: Mapping[str, BaseModel]
    keep: Keep = field(default_factory=Keep)
    cache: Path | None = None
    notify: NotifySettings | None = None
    textfile: Path | None = None
    health: HealthSettings | None = None

    def chosen(self, names: tuple[str, ...]) -> list[Blog]:
        """The blogs of these names, all if none are given. Raises ``ConfigError``."""
        unknown = [name for name in names if name not in self.blogs]
        if unknown:
            known = tuple(self.blogs)
            raise ConfigError(
                *(
                    f"{self.path} has no blog «{name}», only {', '.join(known)}{near(name, known)}"
                    for name in unknown
                )
            )
        return [self.blogs[name] for name in dict.fromkeys(names or self.blogs)]

    def telegram(self) -> Any:
        """The settings of the live reader. Raises ``ConfigError`` when there are none."""
        if "telegram" not in self.readers:
            raise ConfigError(
                f"{self.path} has no [telegram] with api_id and api_hash. Copy both from "
                "https://my.telegram.org (API development tools); docs/telegram.md shows how"
            )
        return self.readers["telegram"]


def load(path: Path) -> Config:
    """The config at ``path``. Raises ``ConfigError``."""
    text = _read(path)
    try:
        data = _parsed(path, text)
        problems = Problems(path, path.absolute().parent, data, places(text))
        problems.look_for_strange()
        if problems:
            raise problems.error()
        return _config(path, data, problems)
    except RecursionError as error:
        raise ConfigError(f"{path}: it is nested too deeply to be a config") from error


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"There is no config at {path}. To write one: crosspost init; to name one: --config"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"The config {path} cannot be read: {reason}") from error
    if len(data) > _LARGEST:
        raise ConfigError(f"The config {path} is larger than 1 MB; it is another file perhaps")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: it is not UTF-8 text; save the file in the encoding UTF-8"
        ) from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # a number of thousands of digits is one that is no TOML error
        raise ConfigError(_not_toml(path, text, error)) from error


def _not_toml(path: Path, text: str, error: ValueError) -> str:
    """The same, with the line in front, as for every other problem."""
    said = str(error)
    words, _, where = said.rpartition(" (at ")
    if where.startswith("line "):
        line = int(where.removeprefix("line ").partition(",")[0])
    else:
        words, line = words or said, text.rstrip("\n").count("\n") + 1
    shown = text.splitlines()[line - 1 : line]
    key = shown[0].partition("=")[0].strip() if shown and "=" in shown[0] else ""
    return f"{path}:{line}: {key[:40]}{': ' if key else ''}it is not TOML: {words}"


def _config(path: Path, data: dict[str, Any], problems: Problems) -> Config:
    making = Making(path.absolute().parent, data, problems)
    settings = problems.check(ConfigSettings, making.top(), (), also=tuple(READERS))
    sites, blogs = making.sites(), making.blogs()
    if problems or settings is None:
        raise problems.error()
    return Config(
        path=path,
        base=making.base,
        ledger=making.ledger,
        language=settings.language,
        timezone=settings.timezone,
        templates=making.templates,
        blogs={blog.name: blog for blog in blogs},
        sites={name: site.open for name, site in sites.items()},
        site_paths=_folders(making.base, sites),
        site_urls={
            name: site.settings.url
            for name, site in sites.items()
            if hasattr(site.settings, "url") and not hasattr(site.settings, "path")
        },
        zones={
            table["name"]: table.get("timezone") or settings.timezone for table in settings.blog
        },
        readers=making.readers(),
        cache=making.cache,
        keep=Keep(
            cache=settings.keep_cache,
            history=settings.keep_history,
            deleted=settings.keep_deleted,
        ),
        notify=settings.notify,
        textfile=making.base / Path(settings.metrics.textfile).expanduser()
        if settings.metrics
        else None,
        health=settings.health,
    )


def _folders(base: Path, sites: Mapping[str, Site]) -> dict[str, Path]:
    return {
        name: base / Path(found).expanduser()
        for name, site in sites.items()
        if (found := getattr(site.settings, "path", None))
    }
