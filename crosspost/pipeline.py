"""The pipe: short functions that join the rooms.

    pull      reader → ledger: what is new, edited or gone; a post is safe once it is stored
    push      ledger → normalize → rules → deliver → publisher: all that is due
    sync      pull, then push
    backfill  pull a range, store only what is not known; push only what is on no site yet
    look      pull on a copy of the ledger, for the preview sheet

Pull never talks to a site, push never decides what to read.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from crosspost.deliver import Errand, OnDelete, Outcome, Step, deliver, plan
from crosspost.editor import Editor, learn
from crosspost.errors import Busy, CrosspostError, LedgerError, ReaderError
from crosspost.ledger import Delivery, Edit, Ledger, StoredPost
from crosspost.model import Article, Channel, Media, Post
from crosspost.publishers import Publisher
from crosspost.readers import (
    Bounds,
    Change,
    Checkpoint,
    Complete,
    Deleted,
    Gone,
    Note,
    Reader,
    Unsafe,
)
from crosspost.report import Report
from crosspost.rules import Rule, RuleSet, Verdict

if TYPE_CHECKING:
    from crosspost.normalize import Style

BATCH: Final = 500
"""Posts stored in one transaction."""


class Source(NamedTuple):
    """Where posts come from: the reader's type, and the channel as the config writes it."""

    reader: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class Blog:
    """One ``[[blog]]`` of the config, ready to run. ``style_marks`` (one a site) change when
    anything that decides what its articles look like does."""

    name: str
    source: Source
    sites: Mapping[str, Callable[[], Publisher]]
    open_reader: Callable[[Source, int], Reader]
    style: Callable[[Channel], "Style"]
    style_marks: Mapping[str, str]
    rules: RuleSet
    own_rules: tuple[Rule, ...] = ()
    cache: Path
    lock: Path
    since: datetime | None = None
    settle: timedelta = timedelta(seconds=60)
    on_delete: OnDelete = "draft"
    max_deletions: int = 5
    series: bool = False


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
    _readers: dict[tuple[str, Source], Reader] = field(default_factory=dict)
    _begun: str = ""

    def begin(self, blog: Blog) -> None:
        """There is something to do for this blog: the ledger counts it as a run."""
        if not self._begun:
            self.ledger.begin(blog.name, self.report.command)
            self._begun = blog.name

    def end(self) -> None:
        """This blog's part is over."""
        if self._begun:
            self.ledger.end(self.report.exit_code, self.report.summary())
            self._begun = ""

    def reader(self, blog: Blog, source: Source) -> Reader:
        """The reader of this source for this blog, opened once a run."""
        key = (blog.name, source)
        if key not in self._readers:
            reader = blog.open_reader(source, self.ledger.newest(blog.name))
            reader.on_wait = self.on_wait
            self._readers[key] = reader
        return self._readers[key]

    def close(self) -> None:
        """Lets go of what was opened."""
        while self._readers:
            self._readers.popitem()[1].close()


def sync(run: Run, blog: Blog) -> None:
    """Reads what is new, changed or gone, and delivers it."""
    with _held(run, blog):
        with _reported(run, blog):
            pull(run, blog)
        for site in blog.sites:
            with _reported(run, blog, site):
                push(run, blog, site)


def look(run: Run, blog: Blog) -> None:
    """Reads what is new, and delivers nothing: for a run on a copy of the ledger."""
    assert run.ledger.rehearsing
    with _reported(run, blog):
        pull(run, blog)


def backfill(
    run: Run,
    blog: Blog,
    bounds: Bounds,
    *,
    ids: Collection[int] = (),
    limit: int | None = None,
    source: Source | None = None,
) -> None:
    """Creates what is missing within ``bounds`` (and ``ids``, if any), at most ``limit`` posts,
    and touches nothing that is there. ``source`` may be another than the blog's own."""
    with _held(run, blog), _reported(run, blog):
        chosen = _gather(run, blog, bounds, ids, limit, source or blog.source)
        for site in blog.sites:
            with _reported(run, blog, site):
                push(run, blog, site, only=chosen)


def resolve(run: Run, blog: Blog, post_id: int, word: str) -> None:
    """Writes down what a person decided about a post, and does it."""
    with _held(run, blog):
        run.begin(blog)
        for delivery in run.ledger.deliveries(blog.name, post_id):
            told = replace(delivery, word=word, due=True, not_before="", attempts=0)
            run.ledger.settle(told, "decided", word)
        for site in blog.sites:
            with _reported(run, blog, site):
                push(run, blog, site, only=lambda delivery: delivery.post_id == post_id)


def edit(run: Run, blog: Blog, post_id: int, wanted: Edit) -> None:
    """Writes down what a person wrote into the article of a post, and delivers it."""
    with _held(run, blog):
        run.begin(blog)
        run.ledger.write_edit(blog.name, post_id, wanted)
        parts = [name for name in wanted.__struct_fields__ if getattr(wanted, name) is not None]
        run.ledger.tell(blog.name, post_id, "", "edited by hand", ", ".join(parts) or "taken back")
        for site in blog.sites:
            with _reported(run, blog, site):
                push(run, blog, site, only=lambda delivery: delivery.post_id == post_id)


# --- Reading ----------------------------------------------------------------------------------


def pull(run: Run, blog: Blog) -> None:
    """Stores what the source has to say since the last time, and marks what it makes due."""
    ledger, source = run.ledger, blog.source
    reader = run.reader(blog, source)
    changes: Iterator[Change] = iter(reader.changes(ledger.cursor(blog.name, *source)))
    lost: list[int] = []
    many = 0
    first, batch = True, list(islice(changes, 1))
    while batch:
        if first:
            run.begin(blog)
            ledger.forget_seen()
            ledger.bind(blog.name, reader.channel())
            first = False
        with ledger.transaction():
            for change in batch:
                if isinstance(change, Post):
                    _store(run, blog, change, source)
                elif isinstance(change, Deleted):
                    lost += _deleted(ledger, blog.name, change.ids)
                elif isinstance(change, Complete):
                    lost += ledger.unseen(blog.name, change.first, change.last)
                elif isinstance(change, Note):
                    run.report.note(blog.name, change)
                elif isinstance(change, Checkpoint):
                    many += len(lost)
                    _believe_or_ask(run, blog, lost, many)
                    lost = []
                    ledger.set_cursor(blog.name, *source, change.cursor)
        run.progress("read", run.report.read, 0)
        if run.stop():
            return
        batch = list(_until_checkpoint(changes))
    if run.accept_deletions and (asked := ledger.asked(blog.name)):
        run.begin(blog)
        _believe(run, blog, asked)
    asked = ledger.asked(blog.name) if blog.name not in run.report.vanished and not first else []
    if asked:
        run.report.vanished[blog.name] = asked


def _until_checkpoint(changes: Iterator[Change]) -> Iterator[Change]:
    """At most a batch of changes; none after a checkpoint, so that it is on disk when the reader
    goes on."""
    for change in islice(changes, BATCH):
        yield change
        if isinstance(change, Checkpoint):
            return


def _store(run: Run, blog: Blog, post: Post, source: Source) -> None:
    if blog.since and post.date < blog.since:
        run.ledger.saw({*post.ids, run.ledger.post_of(blog.name, post.id) or post.id})
        return
    what, key = run.ledger.store(blog.name, post, *source, tuple(blog.sites))
    run.ledger.saw((key, *post.ids))
    if what != "same":
        run.report.read += 1
    for site in blog.sites if what in ("changed", "back") else ():
        run.ledger.stir(blog.name, key, site)  # replies quote it


def _deleted(ledger: Ledger, blog: str, ids: Sequence[int]) -> list[int]:
    """The posts of which nothing is left. An album that lost some of its photos comes again as a
    post, without them."""
    gone = set(ids)
    keys = {ledger.post_of(blog, message) for message in ids} - {None}
    lost = []
    for key in sorted(key for key in keys if key is not None):
        stored = ledger.post(blog, key)
        if stored and stored.gone != "gone" and gone >= set(stored.post.ids):
            lost.append(key)
    return lost


def _believe_or_ask(run: Run, blog: Blog, lost: list[int], many: int) -> None:
    """``many``: how many are lost in this run so far. A few are believed, however they are told."""
    if not lost:
        return
    if many <= blog.max_deletions or run.accept_deletions:
        _believe(run, blog, lost)
    else:
        run.ledger.lose(blog.name, lost, "asked")
        run.report.vanished[blog.name] = run.ledger.asked(blog.name)


def _believe(run: Run, blog: Blog, lost: Sequence[int]) -> None:
    run.ledger.lose(blog.name, lost, "gone")
    for one in lost:
        run.ledger.wake_twins(blog.name, one)
    run.report.gone += len(lost)
    run.report.read += len(lost)


def _gather(
    run: Run, blog: Blog, bounds: Bounds, ids: Collection[int], limit: int | None, source: Source
) -> "_Chosen":
    """Stores the posts of the range that the ledger does not know."""
    run.begin(blog)
    ledger = run.ledger
    chosen = _Chosen(bounds, frozenset(ids), ledger, blog.name)
    reader = run.reader(blog, source)
    aside = source != blog.source
    if aside and not ledger.channel(blog.name).title:
        with suppress(ReaderError):  # it knows more than an export: the channel's @name
            ledger.bind(blog.name, run.reader(blog, blog.source).channel())
    ledger.bind(blog.name, reader.channel(), aside=aside)
    stored, posts = 0, iter(reader.read(bounds))
    while (limit is None or stored < limit) and not run.stop():
        batch = list(islice(posts, BATCH))
        if not batch:
            break
        with ledger.transaction():
            for item in batch:
                if isinstance(item, Note):
                    run.report.note(blog.name, item)
                elif chosen.holds(item) and (limit is None or stored < limit):
                    if ledger.post_of(blog.name, item.id) is None:
                        ledger.store(blog.name, item, *source, tuple(blog.sites))
                        run.report.read += 1
                        stored += 1
                    chosen.last = item.id
        run.progress("read", run.report.read, 0)
    if limit is None:
        chosen.last = None
    return chosen


class _Chosen:
    """Which deliveries a backfill may touch: posts of its range that are on no site yet."""

    def __init__(self, bounds: Bounds, ids: frozenset[int], ledger: Ledger, blog: str) -> None:
        self.last: int | None = 0
        self._bounds, self._ids, self._ledger, self._blog = bounds, ids, ledger, blog

    def holds(self, post: Post) -> bool:
        return self._bounds.hold(post) and (not self._ids or not self._ids.isdisjoint(post.ids))

    def __call__(self, delivery: Delivery) -> bool:
        if delivery.remote_id or (self.last is not None and delivery.post_id > self.last):
            return False
        stored = self._ledger.post(self._blog, delivery.post_id)
        return stored is not None and self.holds(stored.post)


# --- Delivering -------------------------------------------------------------------------------


def push(
    run: Run, blog: Blog, site: str, *, only: Callable[[Delivery], bool] | None = None
) -> None:
    """Delivers all that is due (of what ``only`` lets pass); opens the site only for that."""
    ledger = run.ledger
    learn(ledger, blog.name, lambda: blog.style(ledger.channel(blog.name)))
    ledger.retarget(blog.name, site, blog.style_marks[site])
    if not ledger.has_due(blog.name, site):
        ledger.succeeded(blog.name, site)
        return
    run.begin(blog)
    publisher = _Lazy(blog.sites[site])
    errand = _errand(run, blog, site, publisher, only or (lambda _: True))
    total, done = ledger.count_due(blog.name, site), 0
    clear = True
    try:
        if ledger.rehearsing:
            for step, delivery, _, article in plan(errand):
                run.report.add(_would(step, delivery, article))
            return
        for outcome in deliver(errand):
            run.report.add(outcome)
            clear = clear and outcome.what != "failed"
            done += 1
            run.progress(site, done, total)
    finally:
        publisher.close()
    if clear and not run.stop() and not ledger.has_due(blog.name, site):
        ledger.succeeded(blog.name, site)


def _errand(
    run: Run, blog: Blog, site: str, publisher: "_Lazy", wanted: Callable[[Delivery], bool]
) -> Errand:
    editor = _editor(run, blog)

    def fetch(stored: StoredPost, media: Media) -> Path:
        source = Source(stored.reader, stored.source)
        try:
            return run.reader(blog, source).fetch(media)
        except ReaderError as error:
            if source == blog.source:
                raise
            raise Gone(f"what it was read from is not there any more: {error}") from error

    return Errand(
        ledger=run.ledger,
        blog=blog.name,
        site=site,
        publisher=publisher,
        normalize=editor.article,
        judge=editor.verdict,
        fetch=fetch,
        address=editor.address,
        cache=blog.cache,
        settle=blog.settle,
        on_delete=blog.on_delete,
        wanted=wanted,
        stop=run.stop,
    )


def _editor(run: Run, blog: Blog) -> Editor:
    """Who makes articles of the blog's posts, and knows all that its archive teaches."""
    channel = run.ledger.channel(blog.name)
    style = blog.style(channel)
    photo = _portrait(run, blog, channel, style.author.photo)
    learn(run.ledger, blog.name, lambda: style)
    return Editor(
        run.ledger,
        blog.name,
        replace(style, author=replace(style.author, photo=photo)),
        blog.rules,
        blog.own_rules,
        series=blog.series,
    )


def _portrait(run: Run, blog: Blog, channel: Channel, photo: str) -> str:
    """The author's photo, the channel's where the config names none: cleaned, and named after
    its content."""
    from crosspost import images

    try:
        if photo:
            path = Path(photo)
        elif channel.photo and not run.ledger.rehearsing:
            reader = run.reader(blog, blog.source)
            path = reader.fetch(Media(kind="photo", locator=channel.photo))
        else:
            return ""
        folder = (run.ledger.scratch or blog.cache) / "clean"
        return str(images.clean(path, folder, types=("image/jpeg", "image/png")))
    except (Gone, Unsafe, OSError) as error:
        run.report.note(blog.name, Note(text=f"The author's photo is left out: {error}"))
    except images.BadImage as error:
        run.report.note(blog.name, Note(text=f"The author's photo is left out: {error}"))
    return ""


def _would(step: Step, delivery: Delivery, article: Article) -> Outcome:
    """A step not taken, in the words of one that was."""
    words = {
        "create": "created",
        "update": "updated",
        "withdraw": "withdrawn",
        "hold": "held",
        "skip": "skipped",
        "wait": "waits",
    }
    return Outcome(
        what=words.get(step.what, "unchanged"),  # type: ignore[arg-type]
        blog=delivery.blog,
        site=delivery.site,
        post_id=delivery.post_id,
        title=article.title,
        url=delivery.url,
        source_url=article.source_url,
        reason=step.reason,
        remedy=step.remedy,
    )


class Proof(NamedTuple):
    """One post for the preview sheet: what it is, what became of it, what would be done."""

    stored: StoredPost
    article: Article
    verdict: Verdict
    delivery: Delivery | None


def proofs(run: Run, blog: Blog, *, newest_first: bool = True) -> Iterator[Proof]:
    """Every post of the blog with its article; asks no site."""
    editor = _editor(run, blog)
    for stored in run.ledger.posts(blog.name, newest_first=newest_first):
        deliveries = run.ledger.deliveries(blog.name, stored.post.id)
        sent = next((d for d in deliveries if d.slug), None)
        made = editor.article(stored, sent.slug if sent else "", {})
        found = deliveries[0] if deliveries else None
        yield Proof(stored, made, editor.verdict(stored, made), found)


def article_of(run: Run, blog: Blog, post_id: int) -> tuple[StoredPost, Article, Verdict]:
    """One post of the ledger, its article and what the rules say of it."""
    stored = run.ledger.post(blog.name, post_id)
    if stored is None:
        raise LedgerError(f"The ledger has no post {blog.name}/{post_id}")
    editor = _editor(run, blog)
    slug = next((d.slug for d in run.ledger.deliveries(blog.name, post_id) if d.slug), "")
    made = editor.article(stored, slug, {})
    return stored, made, editor.verdict(stored, made)


class _Lazy:
    """A publisher that is opened when first asked for."""

    def __init__(self, make: Callable[[], Publisher]) -> None:
        self._make = make
        self._made: Publisher | None = None

    def __call__(self) -> Publisher:
        if self._made is None:
            self._made = self._make()
        return self._made

    def close(self) -> None:
        if self._made is not None:
            self._made.close()


# --- Order ------------------------------------------------------------------------------------


@contextmanager
def _held(run: Run, blog: Blog) -> Iterator[None]:
    """One run at a time per blog; the lock dies with its process."""
    if run.ledger.rehearsing:
        yield
        return
    from filelock import FileLock, Timeout

    lock = FileLock(blog.lock, timeout=run.wait, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(
            f"Another run holds the blog «{blog.name}» ({blog.lock}). Run again when it is done; "
            "to wait for it: --wait 10m"
        ) from None
    try:
        yield
    finally:
        try:
            run.end()
        finally:
            lock.release()


@contextmanager
def _reported(run: Run, blog: Blog, site: str = "") -> Iterator[None]:
    """Partial trouble stays partial: the other sites and blogs go on."""
    try:
        yield
    except CrosspostError as error:
        run.report.fail(blog.name, site, error)
