"""Articles' pages made ready: drawn, and laid beside their places under names of their own.

Nothing here changes the site: whoever asked renames what was staged, or leaves it to the next
sweep. So pages are drawn on every core where there are many, by processes that read the catalogue
and write such files alone. They end with the one that started them, however that ends.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from crosspost.publishers.static import files, names
from crosspost.publishers.static.catalogue import Catalogue
from crosspost.publishers.static.pages import Look, Pages

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

BATCH: Final = 64
MANY: Final = 3000
"""For so many pages other processes are started, each of which could draw a thousand in the time
that it needs before its first."""
_MOST: Final = 8

Key = tuple[str, int]
"""An article's blog and its post's id."""


class Staged(NamedTuple):
    """An article's page that is to be replaced by ``part``, a file beside it with this digest; or
    that a person has deleted (``lost``). ``there`` is the digest of the page that stood there."""

    blog: str
    post_id: int
    what: Literal["page", "lost"]
    page: Path
    part: Path
    digest: str
    there: str


def stage(root: Path, catalogue: Catalogue, pages: Pages, keys: Iterable[Key]) -> list[Staged]:
    """Draws the pages of these articles and makes them durable. Leaves out what stands there
    already, and what a person has edited."""
    found: list[Staged] = []
    try:
        for blog, post_id in keys:
            row = catalogue.row(blog, post_id)
            if row is None or row.status != "live":
                continue
            page = root / names.folder(row.blog) / row.file
            there = files.digest_of(page)
            if row.drawn and not there:
                found.append(Staged(blog, post_id, "lost", page, page, "", ""))
            elif not row.drawn or there in (row.drawn, row.drawing):
                data = pages.article(row)
                digest = files.digest(data)
                if digest != there or there != row.drawn:
                    part = files.beside(page, data)
                    found.append(Staged(blog, post_id, "page", page, part, digest, there))
        files.flush(one.part for one in found if one.what == "page")
    except BaseException:
        for one in found:
            if one.what == "page":
                one.part.unlink(missing_ok=True)
        raise
    return found


def staged(
    root: Path, catalogue: Catalogue, pages: Pages, keys: Iterable[Key], number: int
) -> Iterator[list[Staged]]:
    """The pages of these ``number`` articles, some at a time: drawn in this process or, where they
    are many, by several. What those leave undone, should one be ended from outside, is done
    here."""
    here = partial(stage, root, catalogue, pages)
    given, cores = iter(keys), min(_cores(), _MOST)
    batches = iter(lambda: list(islice(given, BATCH)), [])
    pool = _pool(root, pages.look, cores) if number >= MANY and cores > 1 else None
    if pool is None:
        yield from map(here, batches)
        return
    whole = False
    try:
        whole = yield from _apart(pool, 2 * cores, batches, here)
    finally:
        pool.shutdown(cancel_futures=True)
        if not whole:
            files.sweep(root)


def _apart(
    pool: "ProcessPoolExecutor",
    ahead: int,
    batches: Iterable[list[Key]],
    here: Callable[[list[Key]], list[Staged]],
) -> Generator[list[Staged], None, bool]:
    """By the processes of the pool, asked for so many batches ``ahead``. Answers whether these did
    it all."""
    from concurrent.futures.process import BrokenProcessPool

    whole, waiting = True, deque[tuple[list[Key], "Future[list[Staged]] | None"]]()

    def ask(batch: list[Key]) -> None:
        with suppress(BrokenProcessPool, OSError):
            waiting.append((batch, pool.submit(_stage, batch)))
            return
        waiting.append((batch, None))

    def answer() -> list[Staged]:
        nonlocal whole
        batch, asked = waiting.popleft()
        with suppress(BrokenProcessPool):
            if asked:
                return asked.result()
        whole = False
        return here(batch)

    for batch in batches:
        ask(batch)
        if len(waiting) > ahead:
            yield answer()
    while waiting:
        yield answer()
    return whole


def _pool(root: Path, look: Look, cores: int) -> "ProcessPoolExecutor | None":
    """Processes that are not forked: what this one holds open is not theirs. None where the system
    does not let them be."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with suppress(ImportError, NotImplementedError, OSError):  # without shared semaphores, say
        return ProcessPoolExecutor(
            cores, get_context("spawn"), initializer=_begin, initargs=(root, look)
        )
    return None


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        with suppress(OSError):
            return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# --- In another process -------------------------------------------------------------------------

_mine: Callable[[list[Key]], list[Staged]]


def _begin(root: Path, look: Look) -> None:
    """Makes this process ready to stage pages. It ends with the one that started it, and leaves
    Ctrl-C to that one."""
    import signal
    from threading import Thread

    global _mine
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    catalogue = Catalogue(root / ".crosspost" / "site.db")
    _mine = partial(stage, root, catalogue, Pages(catalogue, look))


def _stage(keys: list[Key]) -> list[Staged]:
    return _mine(keys)


def _end_with_parent() -> None:
    from multiprocessing import connection, parent_process

    parent = parent_process()
    assert parent
    connection.wait([parent.sentinel])
    os._exit(1)
