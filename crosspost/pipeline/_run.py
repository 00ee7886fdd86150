"""A blog that can run, a run, and their order: one run at a time per blog, trouble that stays where
it is."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from crosspost.deliver import OnDelete
from crosspost.errors import Busy, CrosspostError, LedgerError, ReaderError
from crosspost.ledger import Ledger
from crosspost.logs import about, event
from crosspost.model import Channel
from crosspost.publishers import Publisher
from crosspost.readers import Note, Reader
from crosspost.report import Report
from crosspost.rules import Rule, RuleSet

if TYPE_CHECKING:
    from crosspost.normalize import Style


LONGEST_WAIT: Final = 600.0
"""Seconds that a run waits for another one where a blog's ``overlap`` is ``wait``."""


class Source(NamedTuple):
    """Where posts come from: the reader's type, and the channel as the config writes it."""

    reader: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class Blog:
    """One ``[[blog]]`` of the config, ready to run. ``style_marks`` (one a site) change when
    anything that decides what its articles look like does; ``identities`` (of sites that can
    tell) when it is another site, and are "" while nothing is there."""

    name: str
    source: Source
    sites: Mapping[str, Callable[[], Publisher]]
    open_reader: Callable[[Source, int], Reader]
    style: Callable[[Channel], "Style"]
    style_marks: Mapping[str, str]
    identities: Mapping[str, Callable[[], str | None]] = field(default_factory=dict)
    rules: RuleSet
    own_rules: tuple[Rule, ...] = ()
    cache: Path
    lock: Path
    since: datetime | None = None
    settle: timedelta = timedelta(seconds=60)
    on_delete: OnDelete = "draft"
    max_deletions: int = 5
    overlap: Literal["wait", "skip", "fail"] = "fail"
    series: bool = False
    review: bool = False
    joins: frozenset[str] = frozenset()
    title_lengths: Mapping[str, int] = field(default_factory=dict)


@dataclass(kw_only=True)
class Run:
    """What a command wants: ``progress`` hears of every post, ``stop`` is asked before each,
    ``on_wait`` hears every second how long a source still asks to wait."""

    ledger: Ledger
    report: Report
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None
    stop: Callable[[], bool] = lambda: False
    accept_deletions: bool = False
    wait: float = 0
    on_wait: Callable[[float], None] | None = None
    offline: bool = False
    """Nothing is read from a source, only what stands in the ledger."""
    down: dict[str, CrosspostError] = field(default_factory=dict)
    """Sites that gave no answer in this run: they are not asked again by the next blog."""
    _readers: dict[tuple[str, Source], Reader] = field(default_factory=dict)
    _begun: str = ""

    def begin(self, blog: Blog) -> None:
        """There is something to do for this blog: the ledger counts it as a run."""
        if not self._begun:
            self._private(blog.cache)
            self.ledger.begin(blog.name, self.report.command)
            self._begun = blog.name

    def end(self) -> None:
        """This blog's part is over."""
        if self._begun:
            mine = [one for one in self.report.troubles if one.blog == self._begun]
            code = mine[0].exit_code if mine else self.report.exit_code_of_posts
            said = mine[0].message if mine else self.report.summary()
            self.ledger.end(code, said)
            self._begun = ""

    def reader(self, blog: Blog, source: Source) -> Reader:
        """The reader of this source for this blog, opened once a run."""
        if self.offline:
            raise ReaderError(f"A file of «{blog.name}» has to be read: crosspost sync {blog.name}")
        key = (blog.name, source)
        if key not in self._readers:
            self._private(blog.cache)
            reader = blog.open_reader(source, self.ledger.newest(blog.name))
            reader.on_wait = self.on_wait
            self._readers[key] = reader
        return self._readers[key]

    def _private(self, cache: Path) -> None:
        """Makes a blog's cache, and the folder of all caches, for their owner alone: what is held
        back, or comes from a private channel, is no other user's matter. A folder that is there
        already stays as it is."""
        for folder in (cache.parent, cache) if not self.ledger.rehearsing else ():
            with suppress(OSError):  # whoever needs it will say so
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def close(self) -> None:
        """Lets go of what was opened."""
        while self._readers:
            self._readers.popitem()[1].close()


@contextmanager
def held(run: Run, blog: Blog) -> Iterator[None]:
    """One run at a time per blog. What ``overlap`` says of a second one is done here (``wait``)
    and in ``reported`` (``skip``)."""
    if run.ledger.rehearsing:
        yield
        return
    with held_alone(blog, run.wait or (LONGEST_WAIT if blog.overlap == "wait" else 0), run.stop):
        try:
            yield
        finally:
            run.end()


@contextmanager
def held_alone(
    blog: Blog, wait: float = 0, stop: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """The blog's lock, which dies with its process. Raises ``Busy`` when another run has it for
    longer than ``wait`` seconds, or until ``stop()``."""
    from filelock import FileLock, Timeout

    lock, end = FileLock(blog.lock, mode=0o600), time.monotonic() + wait
    while not lock.is_locked:
        left = end - time.monotonic()
        try:
            lock.acquire(timeout=min(max(left, 0), 1))
        except Timeout:
            if left <= 1 or stop():
                raise Busy(
                    f"Another run holds the blog «{blog.name}» ({blog.lock}). Run again when it is "
                    "done; to wait for it: --wait 10m"
                ) from None
    try:
        yield
    finally:
        lock.release()


def _unforeseen(error: Exception) -> CrosspostError:
    """What no reader, site or ledger should raise, as a sentence."""
    if isinstance(error, OSError):  # a folder that may not be written, say
        return CrosspostError(f"{error.filename or 'A file'}: {error.strerror or error}")
    return CrosspostError(
        f"Crosspost itself failed ({type(error).__name__}: {error}). Please report this line; "
        "--log json says where it was"
    )


@contextmanager
def reported(run: Run, blog: Blog, site: str = "") -> Iterator[None]:
    """Partial trouble stays partial: the other sites and blogs go on."""
    before = len(run.report.troubles)
    about(blog=blog.name, site=site, post="")
    try:
        yield
        if len(run.report.troubles) == before:
            run.report.served.add((blog.name, site))
    except CrosspostError as error:
        if isinstance(error, Busy) and blog.overlap == "skip":
            run.report.note(blog.name, Note(text=f"Left out: {error}"))
            return
        run.report.fail(blog.name, site, error)
        if not run.ledger.rehearsing and not isinstance(error, Busy | LedgerError):
            run.begin(blog)
    except (AssertionError, BrokenPipeError):
        raise  # what must not be is not to be hidden; who read us has heard enough
    except Exception as error:
        event("trouble", "error", error=error)
        run.report.fail(blog.name, site, _unforeseen(error))
