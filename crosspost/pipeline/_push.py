"""Delivering: what is due, from the ledger to a site."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from crosspost.deliver import GIVE_UP, PATIENCE, Errand, Outcome, Step, deliver, plan
from crosspost.editor import learn
from crosspost.errors import Later, PublisherError, ReaderError
from crosspost.ledger import Delivery, StoredPost
from crosspost.model import Article, Media
from crosspost.pipeline._articles import editor_of
from crosspost.pipeline._run import Blog, Run, Source
from crosspost.publishers import Down, Publisher
from crosspost.readers import Gone, Note


def push(
    run: Run, blog: Blog, site: str, *, only: Callable[[Delivery], bool] | None = None
) -> None:
    """Delivers all that is due (of what ``only`` lets pass); opens the site only for that."""
    ledger = run.ledger
    learn(ledger, blog.name, lambda: blog.style(ledger.channel(blog.name)), blog.joins)
    ledger.retarget(blog.name, site, blog.style_marks[site])
    if not _recognised(run, blog, site):
        words = f"The site «{site}» is new or was emptied: everything is put there again"
        run.report.note(blog.name, Note(text=words))
    read = all(trouble.blog != blog.name for trouble in run.report.troubles)
    if not ledger.has_due(blog.name, site):
        if read:
            ledger.succeeded(blog.name, site)
        return
    run.begin(blog)
    if site in run.down:
        raise type(run.down[site])(str(run.down[site]))
    publisher = Lazy(blog.sites[site])
    errand = errand_of(run, blog, site, publisher, only or (lambda _: True))
    total, done = ledger.count_due(blog.name, site), 0
    clear, why = True, ""
    try:
        if ledger.rehearsing:
            for step, delivery, _, article in plan(errand):
                run.report.add(_would(step, delivery, article))
            return
        for outcome in deliver(errand):
            run.report.add(outcome)
            clear, why = clear and outcome.what != "failed", outcome.reason
            done += 1
            run.progress(site, done, total)
    except (Down, Later) as error:
        run.down[site] = error
        raise
    finally:
        publisher.close()
        with suppress(PublisherError):  # else the next run learns it
            _recognised(run, blog, site)
    if errand.silent:
        ledger.forgive(blog.name, site, GIVE_UP // 2)  # it is the site's trouble, not the posts'
        run.down[site] = PublisherError(
            f"The site «{site}» gave no clear answer to {PATIENCE} posts in a row; it is left "
            f"alone until the next run. {why}"
        )
        raise run.down[site]
    if read and clear and not run.stop() and not ledger.has_due(blog.name, site):
        ledger.succeeded(blog.name, site)


def _recognised(run: Run, blog: Blog, site: str) -> bool:
    """Whether the site is, as far as can be told, the one that was written before."""
    identity = blog.identities[site]() if site in blog.identities else None
    return identity is None or run.ledger.recognise(blog.name, site, identity)


def errand_of(
    run: Run,
    blog: Blog,
    site: str,
    publisher: "Lazy",
    wanted: Callable[[Delivery], bool] = lambda _: True,
) -> Errand:
    """What is needed to deliver the blog's posts to a site, or to see what that would do."""
    editor = editor_of(run, blog, site)

    def fetch(stored: StoredPost, media: Media) -> Path:
        stored = editor.holder(stored, media)
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
        composed=editor.composed,
        joined_to=editor.joined_to,
        cache=blog.cache,
        settle=blog.settle,
        on_delete=blog.on_delete,
        wanted=wanted,
        stop=run.stop,
    )


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


class Lazy:
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
