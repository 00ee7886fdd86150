"""Whether all that a run needs is well, step by step, changing nothing: for ``crosspost doctor``.

config   is it right
ledger   can it be used, is there room
blog     can its source be read
site     is it found and safe on the way; then what its publisher looks at itself
"""

import os
import platform
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from crosspost import __version__
from crosspost.config import Config
from crosspost.config.part import load_part
from crosspost.doctor._way import CLOCK, in_step, way, within
from crosspost.errors import (
    Busy,
    ConfigError,
    CrosspostError,
    LedgerError,
    PublisherError,
    ReaderError,
)
from crosspost.model import Channel, Record
from crosspost.pipeline import Blog
from crosspost.publishers import Finding, Refused, Unknown

_PATIENCE: Final = 120.0
"""Seconds that reading a channel, and looking at a site, may take."""
_ROOM: Final = 200 * 2**20


class Step(Record, frozen=True):
    """One thing that was looked at: ``place`` is the file, blog or site it belongs to, ``code`` the
    exit code of a run that fails for it."""

    place: str
    what: str
    ok: bool
    detail: str = ""
    remedy: str = ""
    code: int = 0


def versions() -> str:
    """What a report of an error should name."""
    from importlib.metadata import version

    return (
        f"crosspost {__version__}, Python {platform.python_version()} on {platform.system()}, "
        f"SQLite {sqlite3.sqlite_version}, Telethon {version('telethon')}"
    )


def examine(
    path: Path, blogs: tuple[str, ...], sites: Sequence[str], *, write: bool
) -> Iterator[Step]:
    """The steps, as they are done: of these blogs and sites, of all if none are named. ``write``
    makes a draft on each site, and removes it again. The home folder is «~» in them: they go into
    reports of errors."""
    for step in _steps(path, blogs, sites, write=write):
        told = {name: _homely(getattr(step, name)) for name in ("what", "detail", "remedy")}
        yield msgspec.structs.replace(step, **told)


def _homely(text: str) -> str:
    home = Path.home()
    return re.sub(rf"{re.escape(str(home))}(?![\w.-])", "~", text) if len(home.parts) > 1 else text


def _steps(
    path: Path, blogs: tuple[str, ...], sites: Sequence[str], *, write: bool
) -> Iterator[Step]:
    config, problems = load_part(path)
    for problem in problems:
        yield _wrong(path, problem)
    if config is None:
        return
    try:
        chosen = _chosen(config, blogs, bool(problems))
        known = {site for blog in chosen for site in blog.sites}
        if problems and not blogs:
            known |= {*config.sites}  # those of a blog that is wrong too
        if not problems:
            _demand(path, sites, known)
    except ConfigError as error:
        for problem in error.problems:
            yield _wrong(path, problem)
        return
    wanted = [site for site in config.sites if site in known and (not sites or site in sites)]
    if not problems:
        words = [f"{len(chosen)} blog{'s' * (len(chosen) != 1)}"]
        words += [f"{len(wanted)} site{'s' * (len(wanted) != 1)}"]
        yield Step(place="config", what=str(path), ok=True, detail=", ".join(words))
    newest: dict[str, int] = {}
    yield from _ledger(config, chosen, newest)
    for blog in chosen:
        yield from _source(blog, newest.get(blog.name, 0))
    for site in wanted:
        yield from _site(config, site, write)


def _wrong(path: Path, problem: str) -> Step:
    """A problem of the config, its line beside the file."""
    line, colon, words = problem.removeprefix(f"{path}:").partition(": ")
    if line.isdigit() and colon:
        return Step(place="config", what=f"{path}:{line}", ok=False, detail=words, code=2)
    return Step(place="config", what=str(path), ok=False, detail=problem, code=2)


def _chosen(config: Config, names: tuple[str, ...], part: bool) -> list[Blog]:
    """The blogs of these names; of a config that is not well, those of them that are."""
    if part:
        return [blog for name, blog in config.blogs.items() if not names or name in names]
    return config.chosen(names)


def _demand(path: Path, sites: Sequence[str], known: set[str]) -> None:
    strange = [site for site in sites if site not in known]
    if strange:
        listed = ", ".join(sorted(known))
        raise ConfigError(f"{path} has no site «{strange[0]}» for these blogs, only {listed}")


# --- Here -------------------------------------------------------------------------------------


def _ledger(config: Config, blogs: Sequence[Blog], newest: dict[str, int]) -> Iterator[Step]:
    from crosspost.ledger import Ledger

    path = config.ledger
    what = f"{path}"
    try:
        if path.exists():
            with Ledger.rehearsal(path) as ledger:  # opened as it is, an old one would be renewed
                faults = ledger.faults()
                newest.update({blog.name: ledger.newest(blog.name) for blog in blogs})
            yield _told("ledger", what, faults[0] if faults else "", "sound", 6)
        else:
            yield Step(place="ledger", what=what, ok=True, detail="not there yet; a run makes it")
    except LedgerError as error:
        yield _failed("ledger", what, error, 6)
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        yield Step(
            place="ledger",
            what=what,
            ok=False,
            detail="cannot be written by this user",
            remedy=f"Run Crosspost as its owner, or change the owner: chown USER {path}",
            code=6,
        )
    yield _room(path.parent, "ledger")
    if path.exists() and os.name == "posix" and path.stat().st_mode & 0o077:
        yield Step(
            place="ledger",
            what="who may read it",
            ok=False,
            detail="other users of this machine may",
            remedy=f"chmod 600 {path}",
            code=6,
        )
    for cache in dict.fromkeys(blog.cache for blog in blogs):
        yield _room(cache, "cache")


def _room(folder: Path, place: str) -> Step:
    """Whether a folder, or the one it will be made in, can be written, and has room."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    what = f"the folder {folder}"
    if not os.access(there, os.W_OK | os.X_OK):
        return Step(
            place=place,
            what=what,
            ok=False,
            detail=f"{there} cannot be written",
            remedy="Change its owner or permissions, or the path in the config.",
            code=6,
        )
    free = shutil.disk_usage(there).free
    return Step(
        place=place,
        what=what,
        ok=free >= _ROOM,
        detail=f"{free / 2**30:,.1f} GB free",
        remedy="" if free >= _ROOM else "Make room on its disk.",
        code=6,
    )


# --- The source -------------------------------------------------------------------------------


def _source(blog: Blog, newest: int) -> Iterator[Step]:
    place = f"blog {blog.name}"
    what = f"{blog.source.reader} {blog.source.channel}"

    def read() -> Channel:
        reader = blog.open_reader(blog.source, newest)
        try:
            return reader.channel()
        finally:
            reader.close()

    try:
        channel = within(read, _PATIENCE)
    except Busy as error:  # a run that watches it shows that it can be read
        yield Step(place=place, what=what, ok=True, detail=f"not looked at: {error}")
        return
    except Exception as error:
        yield _failed(place, what, error, ReaderError.exit_code)
        return
    named = f"@{channel.username}" if channel.username else str(channel.id or "")
    told = " ".join(filter(None, (f"«{channel.title}»", named)))
    yield Step(place=place, what=what, ok=True, detail=f"can be read: {told}")


# --- The site ---------------------------------------------------------------------------------


def _site(config: Config, site: str, write: bool) -> Iterator[Step]:
    place = f"site {site}"
    url = config.site_urls.get(site)
    clocks: list[datetime] = []
    if url:
        for finding in way(url, clocks):
            yield _of(place, finding)
            if not finding.ok:
                return

    def look() -> list[Finding]:
        publisher = config.sites[site]()
        try:
            return publisher.check(write=write)
        finally:
            publisher.close()

    try:  # a trial is never left alone: what it made must go
        found = look() if write else within(look, _PATIENCE)
    except Exception as error:
        yield _failed(place, "the site", error, PublisherError.exit_code)
        return
    if clocks and not any(finding.what == CLOCK for finding in found):
        found = [in_step(clocks[0]), *found]
    for finding in found:
        yield _of(place, finding)


# --- Steps ------------------------------------------------------------------------------------


def _of(place: str, finding: Finding) -> Step:
    return Step(
        place=place,
        what=finding.what,
        ok=finding.ok,
        detail=finding.detail,
        remedy=finding.remedy,
        code=PublisherError.exit_code,
    )


def _told(place: str, what: str, fault: str, well: str, code: int) -> Step:
    remedy = "Look closer, and mend it: crosspost compact --check" if fault else ""
    return Step(
        place=place, what=what, ok=not fault, detail=fault or well, remedy=remedy, code=code
    )


def _failed(place: str, what: str, error: Exception, code: int) -> Step:
    known = isinstance(error, CrosspostError | Refused | Unknown | TimeoutError)
    words = str(error) if known else f"{type(error).__name__}: {error}"
    said, dot, remedy = words.partition(". ")
    own = getattr(error, "exit_code", code)
    return Step(
        place=place, what=what, ok=False, detail=said + dot.strip(), remedy=remedy, code=own
    )
