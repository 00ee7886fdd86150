"""What is well of a config that is not well as a whole: for ``crosspost doctor``, which goes on
with it, and for who only looks into the ledger.

    load_part(path)   the config without what is wrong in it, and every problem
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from crosspost.config import Config, _config, _parsed, _read, load
from crosspost.config._problems import Problems
from crosspost.errors import ConfigError
from crosspost.settings import WAYS, revealed

_STAND_IN: Final = "stand-in"
"""A site and a blog in the place of those that are wrong; nobody hears of it."""
_SITE: Final = {"type": "static", "path": "."}
_UNTOLD: Final = "1"
"""In the place of a secret that cannot be had: a text, and an application's number."""
_BLOG: Final = {"name": _STAND_IN, "channel": ".", "reader": "export", "site": _STAND_IN}


def load_part(path: Path, *, secrets: bool = True) -> tuple[Config | None, tuple[str, ...]]:
    """The config at ``path`` as far as it is well, None where nothing is; and its problems. A
    blog whose sites are wrong is there without them. ``secrets``: whether one that cannot be had
    makes its table wrong."""
    try:
        return load(path), ()
    except ConfigError as error:
        problems = error.problems
    try:
        data = _parsed(path, _read(path))
        return _without_wrong(path, data if secrets else _without_secrets(path, data)), problems
    except (ConfigError, RecursionError):
        return None, problems


def _without_wrong(path: Path, data: dict[str, Any]) -> Config | None:
    top: dict[str, Any] = {}
    for key, value in data.items():
        if key not in ("blog", "site") and _made(path, top | {key: value}):
            top[key] = value
    sites = {
        name: table
        for name, table in _tables(data.get("site")).items()
        if isinstance(table, dict) and _made(path, top, [], {name: table})
    }
    blogs: list[dict[str, Any]] = []
    for table in data["blog"] if isinstance(data.get("blog"), list) else ():
        if isinstance(table, dict):
            blog = _with_sites(table, sites)
            if _made(path, top, [*blogs, blog], sites):
                blogs.append(blog)
    found = _made(path, top, blogs, sites)
    return _bare(found) if found else None


def _without_secrets(path: Path, value: Any) -> Any:
    """The same with a stand-in for each secret that cannot be had."""
    if isinstance(value, list):
        return [_without_secrets(path, one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() & set(WAYS) and len(value) == 1:
        try:
            revealed(value, path.absolute().parent)
        except ValueError:
            return _UNTOLD
        return value
    return {key: _without_secrets(path, one) for key, one in value.items()}


def _with_sites(table: dict[str, Any], sites: Mapping[str, Any]) -> dict[str, Any]:
    """The blog with those of its sites that are well."""
    given = table.get("site")
    listed = given if isinstance(given, list) else [given]
    well = [name for name in listed if isinstance(name, str) and name in sites]
    return {**table, "site": well or _STAND_IN}


def _made(
    path: Path,
    top: dict[str, Any],
    blogs: "list[dict[str, Any]] | tuple[()]" = (),
    sites: "Mapping[str, Any] | None" = None,
) -> Config | None:
    """The config of these, None when something is wrong with them."""
    data = {**top, "blog": [*blogs, _BLOG], "site": {**(sites or {}), _STAND_IN: _SITE}}
    problems = Problems(path, path.absolute().parent, data, {})
    problems.look_for_strange()
    try:
        return None if problems else _config(path, data, problems)
    except ConfigError:
        return None


def _bare(config: Config) -> Config:
    """The config without the stand-in."""

    def kept(found: Mapping[str, Any]) -> dict[str, Any]:
        return {name: one for name, one in found.items() if name != _STAND_IN}

    return replace(
        config,
        blogs={
            name: replace(
                blog,
                sites=kept(blog.sites),
                style_marks=kept(blog.style_marks),
                identities=kept(blog.identities),
            )
            for name, blog in kept(config.blogs).items()
        },
        sites=kept(config.sites),
        site_paths=kept(config.site_paths),
        site_urls=kept(config.site_urls),
        zones=kept(config.zones),
    )


def _tables(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
