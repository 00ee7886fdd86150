"""What an errand is, what is decided about a post, what becomes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from crosspost.ledger import Delivery, Ledger, StoredPost
from crosspost.model import Article, Media, Record, Upload
from crosspost.publishers import Publisher
from crosspost.rules import Verdict

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

OnDelete = Literal["keep", "draft", "remove"]

PATIENCE: Final = 3
"""So many posts in a row without a clear answer, and the site is left alone until the next run."""

GIVE_UP: Final = 10
"""So many runs without a clear answer, and a post waits for a person."""


class Outcome(Record, frozen=True):
    """What became of one post on one site; ``reason`` and ``remedy`` are sentences, ``notes`` what
    a person may want to know of an article that was sent."""

    what: Literal[
        "created", "updated", "unchanged", "withdrawn", "held", "skipped", "failed", "waits"
    ]
    blog: str
    site: str
    post_id: int
    title: str = ""
    url: str = ""
    source_url: str = ""
    reason: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()


class Step(Record, frozen=True):
    """What should happen to a post on a site."""

    what: Literal[
        "create", "update", "adopt", "unchanged", "withdraw", "forget", "hold", "skip", "wait"
    ]
    reason: str = ""
    remedy: str = ""
    until: datetime | None = None


@dataclass(kw_only=True)
class Errand:
    """One blog to one site: who is asked for what. ``publisher`` is opened when first needed.

    ``normalize`` takes a stored post, its slug or "", and why which of its files are missing;
    ``fetch`` raises ``Gone`` or ``Unsafe``; ``address`` is a post's public address or "".
    ``composed`` gives a post with all that is joined to it, ``joined_to`` the post whose article
    a post stands in and the others there.
    ``silent`` is set when the site gave no clear answer to ``PATIENCE`` posts in a row.
    """

    ledger: Ledger
    blog: str
    site: str
    publisher: Callable[[], Publisher]
    normalize: Callable[[StoredPost, str, Mapping[int, str]], Article]
    judge: Callable[[StoredPost, Article], Verdict]
    fetch: Callable[[StoredPost, Media], Path]
    address: Callable[[int], str]
    cache: Path
    settle: timedelta = timedelta(seconds=60)
    on_delete: OnDelete = "draft"
    composed: Callable[[StoredPost], StoredPost] = lambda stored: stored
    joined_to: Callable[[int], tuple[int, tuple[int, ...]]] = lambda post_id: (post_id, ())
    wanted: Callable[[Delivery], bool] = lambda _: True
    stop: Callable[[], bool] = lambda: False
    silent: bool = False


class Send(NamedTuple):
    """An article ready to leave."""

    delivery: Delivery
    stored: StoredPost
    article: Article
    digest: str
    uploads: dict[int, Upload]
    contents: frozenset[str]


class Take(NamedTuple):
    """An article to take off the site."""

    delivery: Delivery
    stored: StoredPost
    article: Article


@dataclass
class Trip:
    """What one call of ``deliver`` keeps in mind: posts in a row without a clear answer, whether
    the site was touched, which posts came to no good end and are not tried again, which of
    those that were put there point to others, which were found there by themselves, and which may
    be looked for next; ``cleaning`` are pictures that are made ready before their turn."""

    unknown: int = 0
    started: bool = False
    failed: set[int] = field(default_factory=set)
    pointing: set[int] = field(default_factory=set)
    alone: set[int] = field(default_factory=set)
    coming: list[int] = field(default_factory=list)
    cleaning: dict[Path, "Future[Path]"] = field(default_factory=dict)
    _pool: "ThreadPoolExecutor | None" = None
    _cleaner: "ThreadPoolExecutor | None" = None

    def pool(self, threads: int) -> "ThreadPoolExecutor":
        """Who sends files to the site beside the thread that does all else, for the whole trip:
        so their connections are kept."""
        from concurrent.futures import ThreadPoolExecutor

        if self._pool is None:
            self._pool = ThreadPoolExecutor(threads, "uploads")
        return self._pool

    def clean(self, file: Path, call: Callable[[], Path]) -> None:
        """Begins to make the picture ready. One at a time: what decodes pictures sets how the
        whole process warns."""
        from concurrent.futures import ThreadPoolExecutor

        if self._cleaner is None:
            self._cleaner = ThreadPoolExecutor(1, "pictures")
        if file not in self.cleaning:
            self.cleaning[file] = self._cleaner.submit(call)

    def close(self) -> None:
        """Waits for what is under way: nothing is sent after the trip."""
        for pool in filter(None, (self._pool, self._cleaner)):
            pool.shutdown(cancel_futures=True)
