"""Delivery: what should happen to a post on a site, and doing it exactly once.

    decide    pure: what is recorded, what the article is now → one ``Step``
    deliver   acts: the only place where exactly-once lives

    _records    an errand, a step, an outcome
    _decide     deciding
    _files      the article's files
    _send       intent, act, outcome
    _outcomes   what is written down and told of it

A delivery goes through states (``ledger.State``):

    new ──▶ sending ──▶ live ──▶ sending ──▶ live …        created, then kept in step
     │         │          └────▶ withdrawn | gone           the post was deleted in Telegram
     │         ├──▶ failed       the site said no, clearly: nothing happened there
     │         ├──▶ conflict     a person changed the article on the site: theirs stays
     │         ├──▶ missing      a person removed it from the site: it stays away
     │         └──▶ sending      no answer: unknown, settled by looking before anything is sent
     └──▶ held | skipped         a rule or a setting

``sending`` is on the disk before the request leaves, ``live`` after the answer came. Before every
creation the site is asked whether the article is there already, so neither a crash nor a lost
ledger nor a second machine makes a double.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final, Literal

from msgspec.structs import replace

from crosspost.deliver import _parts
from crosspost.deliver._decide import decide, how_to_publish
from crosspost.deliver._files import Harmful, has_all_files, make_ready, take_back, upload_all
from crosspost.deliver._outcomes import now_live, outcome_of, refused
from crosspost.deliver._parts import is_touched, tag_line
from crosspost.deliver._records import (
    GIVE_UP,
    PATIENCE,
    Errand,
    OnDelete,
    Outcome,
    Send,
    Step,
    Take,
    Trip,
)
from crosspost.deliver._send import send_all, withdraw
from crosspost.errors import CrosspostError
from crosspost.ledger import Delivery, StoredPost, stamp
from crosspost.logs import about, event
from crosspost.model import Article, digest
from crosspost.publishers import Unknown
from crosspost.rules import Verdict

__all__ = [
    "GIVE_UP",
    "PATIENCE",
    "Errand",
    "OnDelete",
    "Outcome",
    "Step",
    "decide",
    "deliver",
    "has_all_files",
    "is_touched",
    "plan",
    "tag_line",
]

_LINK: Final = re.compile(r'href="post:(\d{1,18})"')


def plan(
    errand: Errand, deliveries: Iterable[Delivery] | None = None
) -> Iterator[tuple[Step, Delivery, StoredPost, Article]]:
    """What ``deliver`` would do, post by post, with all that is due, or with ``deliveries``; asks
    nobody and changes nothing."""
    due = (one for page in errand.ledger.due(errand.blog, errand.site) for one in page)
    for delivery in due if deliveries is None else deliveries:
        stored = errand.ledger.post(errand.blog, delivery.post_id)
        if stored and errand.wanted(delivery):
            stored = errand.composed(stored)
            article = _article(errand, delivery, stored, {})
            yield _decide(errand, delivery, stored, article), delivery, stored, article


def deliver(errand: Errand) -> Iterator[Outcome]:
    """Deals with all that is due, oldest post first, and finishes the site.

    One post's trouble is an outcome; trouble with the whole site is a ``PublisherError``. Ends
    early when ``errand.stop()`` or when the site gives no clear answers; what is left stays due.
    """
    trip = Trip()
    try:
        yield from _travel(errand, trip)
    finally:
        trip.close()


def _travel(errand: Errand, trip: Trip) -> Iterator[Outcome]:
    ledger, blog, site = errand.ledger, errand.blog, errand.site
    cut = ledger.unfinished(blog, site)
    if cut:
        errand.publisher().finish()
    yield from _pass(errand, trip, errand.wanted)
    for post_id in trip.alone:
        ledger.stir(blog, post_id, site)
    if trip.started or trip.alone:
        again = _pass(errand, trip, lambda one: _stirred(errand, trip, one))
        yield from (one for one in again if one.what not in ("updated", "unchanged"))
    errand.silent = trip.unknown >= PATIENCE
    if trip.started or cut or ledger.unfinished(blog, site) or ledger.has_spare(site):
        _finish(errand)


def _finish(errand: Errand) -> None:
    """Completes the site, and takes back the files that ended up in no article."""
    errand.publisher().finish()
    take_back(errand)
    errand.ledger.set_unfinished(errand.blog, errand.site, False)


def _stirred(errand: Errand, trip: Trip, delivery: Delivery) -> bool:
    """Whether this live article is due because a post it links to came or went later in this
    very run: one that may be touched, or that the run itself has put there."""
    settled = delivery.state == "live" and delivery.remote_id and not delivery.sending
    ours = delivery.post_id in trip.pointing or errand.wanted(delivery)
    return bool(settled) and ours and delivery.post_id not in trip.failed


def _pass(errand: Errand, trip: Trip, wanted: Callable[[Delivery], bool]) -> Iterator[Outcome]:
    """All that is due now, once."""

    def enough() -> bool:
        return errand.stop() or trip.unknown >= PATIENCE

    for page in errand.ledger.due(errand.blog, errand.site, limit=50):
        sends: list[Send] = []
        due = list(filter(wanted, page))
        trip.coming = [one.post_id for one in due if not (one.remote_id or one.sending)]
        for number, delivery in enumerate(due, 1):
            if enough():
                break
            answer = _prepare(errand, trip, delivery)
            if isinstance(answer, Send):
                sends.append(answer)
            if isinstance(answer, Take) or (sends and len(sends) >= errand.publisher().batch):
                if sends and due[number:]:
                    _look_ahead(errand, trip, due[number])
                yield from send_all(errand, trip, sends)
                sends = []
            if isinstance(answer, Take):
                answer = withdraw(errand, trip, answer)
            if isinstance(answer, Outcome):
                yield answer
        yield from send_all(errand, trip, sends)
        if enough():
            return


def _look_ahead(errand: Errand, trip: Trip, delivery: Delivery) -> None:
    """Begins with what costs time of this machine's in the post that is next, where the site's
    answers are waited for. Nothing that is seen here is decided by."""
    stored = errand.ledger.post(errand.blog, delivery.post_id)
    if not hasattr(errand.publisher(), "at_once") or not stored or not stored.post.media:
        return
    with suppress(Exception):  # told when its turn has come
        stored = errand.composed(stored)
        article = errand.normalize(stored, delivery.slug, {})
        if _decide(errand, delivery, stored, article).what in ("create", "update"):
            make_ready(errand, trip, stored, article)


def _prepare(errand: Errand, trip: Trip, delivery: Delivery) -> Send | Take | Outcome | None:
    """Decides and does all that needs no intent; answers what must be sent or taken away."""
    about(post=f"{delivery.blog}/{delivery.post_id}")
    stored = errand.ledger.post(errand.blog, delivery.post_id)
    if stored is None:
        return None
    missing: dict[int, str] = {}
    while True:
        try:
            stored = errand.composed(stored)
            article = _article(errand, delivery, stored, missing)
            step = _decide(errand, delivery, stored, article)
        except (CrosspostError, OSError):
            raise
        except Exception as error:  # no post, however odd, stands in the way of the others
            return _unmade(errand, trip, delivery, stored, error)
        if step.what == "withdraw":
            return Take(delivery, stored, article)
        if step.what not in ("create", "update"):
            alone = _found_alone(errand, trip, delivery, article, step)
            return alone or _note(errand, delivery, article, step)
        try:
            uploads, contents, gone = upload_all(errand, trip, stored, article)
        except Harmful as error:
            if delivery.word == "publish" and not error.indices.keys() <= missing.keys():
                missing |= error.indices
                continue
            reason = f"{error.what}: {error.clause}"
            remedy = how_to_publish(delivery, "it without that file")
            return _note(errand, delivery, article, Step(what="hold", reason=reason, remedy=remedy))
        except Unknown as error:
            return refused(errand, trip, delivery, article, error)
        if not gone.keys() <= missing.keys():
            missing |= gone
            continue
        return Send(delivery, stored, article, digest(article), uploads, contents)


def _found_alone(
    errand: Errand, trip: Trip, delivery: Delivery, article: Article, step: Step
) -> Outcome | None:
    """A post that should go on in another's article, and whose own article is on the site, which a
    new ledger does not know: it stays there, and the other does without it."""
    home = errand.joined_to(delivery.post_id)[0]
    if step.what != "skip" or delivery.state != "new" or home == delivery.post_id:
        return None
    try:
        found = errand.publisher().find(article)
    except Unknown as error:
        return refused(errand, trip, delivery, article, error)
    if found is None or found.status != "live":
        return None
    told = now_live(replace(delivery, slug=article.slug, title=article.title), found.digest)
    told = replace(told, remote_id=found.id, url=found.url, version=found.version)
    errand.ledger.settle(told, "found")
    trip.alone.add(delivery.post_id)
    return outcome_of(told, article, "unchanged")


def _unmade(
    errand: Errand, trip: Trip, delivery: Delivery, stored: StoredPost, error: Exception
) -> Outcome:
    """A post that our own rules stumble over: it stays as it is on the site, and is reported."""
    event("no article could be made of it", "error", error=error)
    reason = f"No article could be made of it ({type(error).__name__}: {error})"
    told = replace(
        delivery,
        state="failed",
        due=False,
        not_before="",
        reason=reason,
        remedy="This is an error in Crosspost: please report it with this post. It is tried again "
        "when the post, the config or Crosspost changes",
    )
    trip.failed.add(delivery.post_id)
    errand.ledger.settle(told, "failed", reason)
    return Outcome(
        what="failed",
        blog=delivery.blog,
        site=delivery.site,
        post_id=delivery.post_id,
        title=delivery.title,
        url=delivery.url,
        source_url=stored.post.url,
        reason=reason,
        remedy=told.remedy,
    )


def _article(
    errand: Errand, delivery: Delivery, stored: StoredPost, missing: Mapping[int, str]
) -> Article:
    """The article as this site should show it: links to posts that are not there lead to
    Telegram."""
    article = errand.normalize(stored, delivery.slug, missing)
    targets = set(errand.joined_to(delivery.post_id)[1])

    def resolve(link: re.Match[str]) -> str:
        message = int(link[1])
        target = errand.joined_to(errand.ledger.post_of(errand.blog, message) or message)[0]
        targets.add(target)
        if errand.ledger.live(errand.blog, target, errand.site):
            return f'href="post:{target}"'
        return f'href="{errand.address(message)}"'

    body, lead = _LINK.sub(resolve, article.body), _LINK.sub(resolve, article.lead)
    errand.ledger.relink(errand.blog, delivery.post_id, targets)
    return replace(article, body=body, lead=lead) if targets else article


def _decide(errand: Errand, delivery: Delivery, stored: StoredPost, article: Article) -> Step:
    within = None if delivery.remote_id else _within(errand, delivery.post_id)
    return decide(
        delivery,
        stored,
        article,
        within or errand.judge(stored, article),
        now=errand.ledger.clock(),
        settle=errand.settle,
        on_delete=errand.on_delete,
    )


def _within(errand: Errand, post_id: int) -> Verdict | None:
    """What becomes of a post whose words stand in the article of an earlier one that is gone, while
    that article cannot be taken off the site: a person's hand was on it, or nobody knows."""
    ledger, blog = errand.ledger, errand.blog
    if errand.on_delete == "keep" or errand.joined_to(post_id)[0] != post_id:
        return None
    for other in ledger.joined(blog, post_id):
        if other >= post_id:
            continue
        found, there = ledger.post(blog, other), ledger.delivery(blog, other, errand.site)
        if found and found.gone == "gone" and there and there.public:
            reason = (
                f"Its words stand in the article {blog}/{other}, whose post was deleted and which "
                f"is still there; for an article of its own: crosspost withdraw {blog}/{other}"
            )
            return Verdict(action="hold", reason=reason, rule="part")
    return None


def _note(errand: Errand, delivery: Delivery, article: Article, step: Step) -> Outcome | None:
    """Records a step that sends nothing."""
    word = (
        ""
        if delivery.word in ("ours", "theirs", "merge") and step.what != "wait"
        else delivery.word
    )
    quiet = replace(delivery, due=False, not_before="", title=article.title, word=word)
    told = quiet
    what: Literal["unchanged", "held", "skipped", "waits"] = "unchanged"
    if step.what == "wait":
        until = stamp(step.until) if step.until else ""
        told, what = replace(quiet, due=bool(until), not_before=until), "waits"
    elif step.what == "hold":
        state = delivery.state if delivery.state in ("conflict", "missing") else "held"
        told = replace(quiet, state=state, reason=step.reason, remedy=step.remedy)
        what = "held"
    elif step.what == "skip":
        told = replace(quiet, state="skipped", reason=step.reason, remedy="")
        if delivery.state == "missing":
            told = replace(told, word="skip", remote_id="", url="", version="", digest="")
        what = "skipped"
    elif step.what == "forget":
        told = replace(quiet, state="gone", reason="", remedy="")
    elif step.what == "adopt":
        told = now_live(quiet, digest(article))
        told = replace(told, said=_parts.adopted(delivery.said, article))
    elif delivery.state in ("held", "failed", "sending", "skipped") and delivery.remote_id:
        told = replace(quiet, state="live", reason="", remedy="")
    same = (told.state, told.reason) == (delivery.state, delivery.reason)
    errand.ledger.settle(told, "" if same else told.state, told.reason)
    if step.what == "forget":
        errand.ledger.shows(told, (), only=True)
        return None
    return outcome_of(told, article, what, step.reason, step.remedy)
