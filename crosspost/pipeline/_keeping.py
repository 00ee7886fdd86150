"""Housekeeping: what is dropped when it is old, in the ledger and in the cache.

Three settings say when («keep_history», «keep_deleted», «keep_cache»). ``sync`` does it once a
week, after a run that did something; ``crosspost compact`` at once.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from crosspost.errors import Busy
from crosspost.ledger import Ledger
from crosspost.pipeline._articles import PORTRAIT
from crosspost.pipeline._run import Blog, held_alone

EVERY: Final = timedelta(days=7)
COMMAND: Final = "compact"
"""Under this name the ledger remembers when it was last done."""
_OURS: Final = re.compile(
    r"(?:[0-9a-f]{32}|[\w-]+-[0-9a-f]{12,16})(?:\.\w{1,8})*|\.(?:unpack|part)-\w+",
    re.ASCII,
)
"""Names that readers and ``images`` give to what they keep. Nothing else is ever deleted."""


@dataclass(frozen=True, kw_only=True)
class Keep:
    """How long things are kept; None: for ever."""

    cache: timedelta | None = None
    history: timedelta | None = None
    deleted: timedelta | None = None


def is_time_to_keep_house(ledger: Ledger) -> bool:
    """Whether the last time was a week ago."""
    last = ledger.last_run_of(COMMAND)
    return not last or datetime.fromisoformat(last) + EVERY <= ledger.clock()


def keep_house(
    keep: Keep, ledger: Ledger, blogs: Iterable[Blog], *, held: bool = False
) -> dict[str, Any]:
    """Drops what is older than the settings say; answers how much. A blog that another run holds
    (unless the caller ``held`` them all) is left for the next time."""
    told: dict[str, Any] = {"runs": 0, "events": 0, "posts": 0, "files": 0, "freed": 0, "notes": []}
    now = ledger.clock()
    ledger.begin("", COMMAND)
    long_ago = datetime.fromtimestamp(0, now.tzinfo)
    forgotten = ledger.forget(
        now - keep.history if keep.history else long_ago,
        now - keep.deleted if keep.deleted else None,
    )
    told |= forgotten._asdict()
    for blog in blogs if keep.cache else ():
        assert keep.cache
        with suppress(Busy):
            if held:
                _sweep(blog.cache, keep.cache, told)
            else:
                with held_alone(blog):
                    _sweep(blog.cache, keep.cache, told)
    ledger.end(0, f"{told['files']} files of the cache dropped")
    return told


def _sweep(folder: Path, age: timedelta, told: dict[str, Any]) -> None:
    """Deletes files of ours that nobody wrote or read for so long; not the channel's photo, which
    a run that may not read needs."""
    border = time.time() - age.total_seconds()
    portrait = folder / PORTRAIT
    kept = portrait.read_text("utf-8", "replace") if portrait.is_file() else ""
    for path in _files(folder):
        try:
            stat = path.lstat()
            old = max(stat.st_mtime, stat.st_atime) < border
            if not old or path.name == kept or not _OURS.fullmatch(path.name):
                continue
            path.unlink()
        except OSError as error:
            told["notes"].append(f"{path} cannot be deleted: {error.strerror or error}")
            return
        told["files"] += 1
        told["freed"] += stat.st_size


def _files(folder: Path) -> Iterator[Path]:
    """Plain files in the folder and below; links are not followed."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if path.is_file() and not path.is_symlink():
                yield path
