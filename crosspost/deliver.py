"""Delivery: what should happen to a post on a site, and doing it exactly once.

    decide    pure: what is recorded, what the article is now → one ``Step``
    deliver   acts: the only place where exactly-once lives

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

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from typing import Final, Literal, NamedTuple

from msgspec.structs import replace

from crosspost.errors import CrosspostError
from crosspost.ledger import Delivery, Ledger, StoredPost, stamp
from crosspost.model import Article, Media, Record, Remote, Upload, digest
from crosspost.publishers import Changed, Publisher, Refused, Unknown, Vanished
from crosspost.readers import Gone, Unsafe
from crosspost.rules import Verdict

OnDelete = Literal["keep", "draft", "remove"]

PATIENCE: Final = 3
"""So many posts in a row without a clear answer, and the site is left alone until the next run."""
GIVE_UP: Final = 10
"""So many runs without a clear answer, and a post waits for a person."""

_NAMED: Final = 120
"""So many letters of a file's name are told."""
_log: Final = logging.getLogger(__name__)
_WITHDRAWING: Final = "withdraw"
"""What stands for a digest in ``sending`` while an article is taken off the site."""
_LINK: Final = re.compile(r'href="post:(\d{1,18})"')


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


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One blog to one site: who is asked for what. ``publisher`` is opened when first needed.

    ``normalize`` takes a stored post, its slug or "", and why which of its files are missing;
    ``fetch`` raises ``Gone`` or ``Unsafe``; ``address`` is a post's public address or "".
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
    wanted: Callable[[Delivery], bool] = lambda _: True
    stop: Callable[[], bool] = lambda: False


# --- Deciding ---------------------------------------------------------------------------------


def decide(
    delivery: Delivery,
    stored: StoredPost,
    article: Article,
    verdict: Verdict,
    *,
    now: datetime,
    settle: timedelta,
    on_delete: OnDelete,
) -> Step:
    """What should happen, from what is recorded alone."""
    there = bool(delivery.remote_id)
    if stored.gone == "asked":
        return Step(what="wait", reason="It vanished from the channel, and a person is asked")
    if stored.gone:
        return _decide_gone(delivery, on_delete)
    post = stored.post
    ready = max(post.date, post.edited or post.date) + settle
    if ready > now:
        return Step(what="wait", reason="It is younger than the settle time", until=ready)
    if delivery.word == "skip":
        return Step(what="skip", reason="A person decided so")
    waiting = _decide_waiting(delivery)
    if waiting:
        return waiting
    if delivery.word not in ("publish", "ours") and verdict.action != "publish":
        if verdict.action == "skip":
            return Step(what="skip", reason=verdict.reason)
        return Step(what="hold", reason=verdict.reason, remedy=_publish(delivery))
    if not there:
        return Step(what="create")
    if (
        delivery.state != "withdrawn"
        and not delivery.sending
        and delivery.digest == digest(article)
    ):
        return Step(what="unchanged")
    return Step(what="update")


def _decide_gone(delivery: Delivery, on_delete: OnDelete) -> Step:
    if delivery.state in ("withdrawn", "gone", "missing"):
        return Step(what="unchanged")
    if delivery.state == "conflict":
        return Step(
            what="hold",
            reason="The post was deleted in Telegram, and the article was changed on the site",
            remedy="Withdraw the article on the site, or leave it there",
        )
    if not delivery.remote_id and not delivery.sending:
        return Step(what="forget")
    if on_delete == "keep":
        return Step(what="unchanged")
    return Step(what="withdraw", reason="The post was deleted in Telegram")


def _decide_waiting(delivery: Delivery) -> Step | None:
    """What a person has to say, or has said, about a conflict or a missing article."""
    if delivery.state == "conflict":
        if delivery.word == "theirs":
            return Step(what="adopt")
        if delivery.word != "ours":
            return Step(what="hold", reason=delivery.reason, remedy=delivery.remedy)
    if delivery.state == "missing" and delivery.word == "theirs":
        return Step(what="skip", reason="A person removed it from the site, and so it stays")
    if delivery.state == "missing" and delivery.word != "ours":
        return Step(what="hold", reason=delivery.reason, remedy=delivery.remedy)
    return None


def _publish(delivery: Delivery, what: str = "it") -> str:
    key = f"{delivery.blog}/{delivery.post_id}"
    return f"To publish {what}: crosspost resolve {key} --publish; to leave it out: --skip"


def _whose(delivery: Delivery) -> str:
    key = f"{delivery.blog}/{delivery.post_id}"
    return f"To overwrite it: crosspost resolve {key} --ours; to leave it as it is: --theirs"


# --- Doing ------------------------------------------------------------------------------------


class _Send(NamedTuple):
    """An article ready to leave."""

    delivery: Delivery
    stored: StoredPost
    article: Article
    digest: str
    uploads: dict[int, Upload]
    contents: frozenset[str]


class _Take(NamedTuple):
    """An article to take off the site."""

    delivery: Delivery
    stored: StoredPost
    article: Article


@dataclass
class _Trip:
    """What one call of ``deliver`` keeps in mind: posts in a row without a clear answer, whether
    the site was touched, and which posts came to no good end and are not tried again."""

    unknown: int = 0
    started: bool = False
    failed: set[int] = field(default_factory=set)


def plan(errand: Errand) -> Iterator[tuple[Step, Delivery, StoredPost, Article]]:
    """What ``deliver`` would do, post by post; asks nobody and changes nothing."""
    for page in errand.ledger.due(errand.blog, errand.site):
        for delivery in page:
            stored = errand.ledger.post(errand.blog, delivery.post_id)
            if stored and errand.wanted(delivery):
                article = _article(errand, delivery, stored, {})
                yield _decide(errand, delivery, stored, article), delivery, stored, article


def deliver(errand: Errand) -> Iterator[Outcome]:
    """Deals with all that is due, oldest post first, and finishes the site.

    One post's trouble is an outcome; trouble with the whole site is a ``PublisherError``. Ends
    early when ``errand.stop()`` or when the site gives no clear answers; what is left stays due.
    """
    trip = _Trip()
    ledger, blog, site = errand.ledger, errand.blog, errand.site
    if ledger.unfinished(blog, site):
        _finish(errand)
    yield from _pass(errand, trip, errand.wanted)
    if trip.started:
        again = _pass(errand, trip, lambda one: errand.wanted(one) and _stirred(trip, one))
        yield from (one for one in again if one.what not in ("updated", "unchanged"))
        _finish(errand)


def _finish(errand: Errand) -> None:
    """Completes the site, and takes back the files that ended up in no article."""
    publisher, ledger = errand.publisher(), errand.ledger
    publisher.finish()
    for content, upload in ledger.spare(errand.site):
        with suppress(Refused, Unknown):  # then the next time
            publisher.discard(upload)
            ledger.taken_back(errand.site, content)
    ledger.set_unfinished(errand.blog, errand.site, False)


def _stirred(trip: _Trip, delivery: Delivery) -> bool:
    """Whether this live article is due because a post it links to came or went later in this
    very run."""
    settled = delivery.state == "live" and delivery.remote_id and not delivery.sending
    return bool(settled) and delivery.post_id not in trip.failed


def _pass(errand: Errand, trip: _Trip, wanted: Callable[[Delivery], bool]) -> Iterator[Outcome]:
    """All that is due now, once."""

    def enough() -> bool:
        return errand.stop() or trip.unknown >= PATIENCE

    for page in errand.ledger.due(errand.blog, errand.site, limit=50):
        sends: list[_Send] = []
        for delivery in filter(wanted, page):
            if enough():
                break
            answer = _prepare(errand, trip, delivery)
            if isinstance(answer, _Send):
                sends.append(answer)
            if isinstance(answer, _Take) or (sends and len(sends) >= errand.publisher().batch):
                yield from _send_all(errand, trip, sends)
                sends = []
            if isinstance(answer, _Take):
                answer = _withdraw(errand, trip, answer)
            if isinstance(answer, Outcome):
                yield answer
        yield from _send_all(errand, trip, sends)
        if enough():
            return


def _prepare(errand: Errand, trip: _Trip, delivery: Delivery) -> _Send | _Take | Outcome | None:
    """Decides and does all that needs no intent; answers what must be sent or taken away."""
    stored = errand.ledger.post(errand.blog, delivery.post_id)
    if stored is None:
        return None
    missing: dict[int, str] = {}
    while True:
        try:
            article = _article(errand, delivery, stored, missing)
            step = _decide(errand, delivery, stored, article)
        except (CrosspostError, OSError):
            raise
        except Exception as error:  # no post, however odd, stands in the way of the others
            return _unmade(errand, trip, delivery, stored, error)
        if step.what == "withdraw":
            return _Take(delivery, stored, article)
        if step.what not in ("create", "update"):
            return _note(errand, delivery, article, step)
        try:
            uploads, contents, gone = _uploads(errand, stored, article)
        except _Harmful as error:
            if delivery.word == "publish" and not error.indices.keys() <= missing.keys():
                missing |= error.indices
                continue
            reason = f"{error.what}: {error.clause}"
            remedy = _publish(delivery, "it without that file")
            return _note(errand, delivery, article, Step(what="hold", reason=reason, remedy=remedy))
        except (Refused, Unknown) as error:
            return _refused(errand, trip, delivery, article, error)
        if not gone.keys() <= missing.keys():
            missing |= gone
            continue
        return _Send(delivery, stored, article, digest(article), uploads, contents)


def _unmade(
    errand: Errand, trip: _Trip, delivery: Delivery, stored: StoredPost, error: Exception
) -> Outcome:
    """A post that our own rules stumble over: it stays as it is on the site, and is reported."""
    _log.error("%s/%s", delivery.blog, delivery.post_id, exc_info=error)
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
    targets: set[int] = set()

    def resolve(link: re.Match[str]) -> str:
        message = int(link[1])
        target = errand.ledger.post_of(errand.blog, message) or message
        targets.add(target)
        if errand.ledger.live(errand.blog, target, errand.site):
            return f'href="post:{target}"'
        return f'href="{errand.address(message)}"'

    body, lead = _LINK.sub(resolve, article.body), _LINK.sub(resolve, article.lead)
    errand.ledger.relink(errand.blog, delivery.post_id, targets)
    return replace(article, body=body, lead=lead) if targets else article


def _decide(errand: Errand, delivery: Delivery, stored: StoredPost, article: Article) -> Step:
    return decide(
        delivery,
        stored,
        article,
        errand.judge(stored, article),
        now=errand.ledger.clock(),
        settle=errand.settle,
        on_delete=errand.on_delete,
    )


def _note(errand: Errand, delivery: Delivery, article: Article, step: Step) -> Outcome | None:
    """Records a step that sends nothing."""
    quiet = replace(delivery, due=False, not_before="", title=article.title)
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
        told = _settled(quiet, digest(article))
    elif delivery.state in ("held", "failed", "sending", "skipped") and delivery.remote_id:
        told = replace(quiet, state="live", reason="", remedy="")
    same = (told.state, told.reason) == (delivery.state, delivery.reason)
    errand.ledger.settle(told, "" if same else told.state, told.reason)
    if step.what == "forget":
        return None
    return _outcome(told, article, what, step.reason, step.remedy)


def _outcome(
    delivery: Delivery,
    article: Article,
    what: Literal[
        "created", "updated", "unchanged", "withdrawn", "held", "skipped", "failed", "waits"
    ],
    reason: str = "",
    remedy: str = "",
) -> Outcome:
    return Outcome(
        what=what,
        blog=delivery.blog,
        site=delivery.site,
        post_id=delivery.post_id,
        title=article.title,
        url=delivery.url,
        source_url=article.source_url,
        reason=reason,
        remedy=remedy,
        notes=article.notes if what in ("created", "updated") else (),
    )


def _settled(delivery: Delivery, mark: str) -> Delivery:
    """The delivery when the site has the article with this digest."""
    return replace(
        delivery,
        state="live",
        due=False,
        not_before="",
        word="publish" if delivery.word == "publish" else "",
        digest=mark,
        sending="",
        reason="",
        remedy="",
        theirs="",
        attempts=0,
    )


# --- Sending ----------------------------------------------------------------------------------


def _send_all(errand: Errand, trip: _Trip, sends: list[_Send]) -> Iterator[Outcome]:
    """Intent, act, outcome, for as many articles at a time as the publisher says it may."""
    if not sends:
        return
    intents = []
    with errand.ledger.transaction():
        if not trip.started:
            errand.ledger.set_unfinished(errand.blog, errand.site, True)
            trip.started = True
        for send in sends:
            intent = replace(
                send.delivery, state="sending", sending=send.digest, slug=send.article.slug
            )
            intents.append(intent)
            errand.ledger.settle(intent)
            errand.ledger.shows(intent, send.contents, only=False)
    done: list[tuple[Delivery, str, Outcome]] = []
    try:
        for send, intent in zip(sends, intents, strict=True):
            done.append(_send(errand, trip, send, intent))
            if trip.unknown >= PATIENCE:
                break
    finally:
        with errand.ledger.transaction():
            for delivery, what, outcome in done:
                errand.ledger.settle(delivery, what, outcome.reason)
                if outcome.what == "failed":
                    trip.failed.add(delivery.post_id)
            for send, (delivery, _, _) in zip(sends, done, strict=False):
                if delivery.digest == send.digest and delivery.state == "live":
                    errand.ledger.shows(delivery, send.contents, only=True)
                if send.delivery.public != delivery.public:  # one of these may link to another
                    errand.ledger.stir(errand.blog, delivery.post_id, errand.site)
    yield from (outcome for _, _, outcome in done)


def _send(
    errand: Errand, trip: _Trip, send: _Send, intent: Delivery
) -> tuple[Delivery, str, Outcome]:
    article, before = send.article, send.delivery
    try:
        remote = _standing(errand, send)
        if remote and remote.digest == send.digest and remote.status == "live":
            now, what = remote, "found"
        else:
            now = errand.publisher().put(article, send.uploads, remote)
            what = "updated" if remote else "created"
    except (Changed, Vanished) as error:
        return _hands_off(before, article, error)
    except Refused as error:
        trip.unknown = 0
        for upload in send.uploads.values():  # it may be one of these that the site has lost
            errand.ledger.forget_upload(errand.site, upload)
        told = _failed(before, str(error), sending=before.sending)
        return told, "failed", _outcome(told, article, "failed", told.reason, told.remedy)
    except Unknown as error:
        trip.unknown += 1
        told = _unknown(intent, str(error), errand.ledger.clock())
        return told, "unknown", _outcome(told, article, "failed", told.reason, told.remedy)
    trip.unknown = 0
    told = replace(
        _settled(intent, send.digest),
        title=article.title,
        remote_id=now.id,
        url=now.url,
        version=now.version,
    )
    if not before.remote_id:
        return told, "created", _outcome(told, article, "created")
    return told, what, _outcome(told, article, "updated")


def _standing(errand: Errand, send: _Send) -> Remote | None:
    """The article as it stands on the site, with the version that ``put`` may replace."""
    before, publisher = send.delivery, errand.publisher()
    if not before.remote_id or (before.word == "ours" and before.state == "missing"):
        found = publisher.find(send.article)
        return replace(found, version="") if found and before.word == "ours" else found
    ours = Remote(id=before.remote_id, url=before.url, version=before.version)
    if before.word == "ours":
        return replace(ours, version="")
    return _looked(publisher, before, ours, send.digest)


def _looked(publisher: Publisher, before: Delivery, ours: Remote, mark: str = "") -> Remote:
    """The article as it may be replaced or taken away: what we left there, or, when nobody knows
    whether the last request arrived, what that would have made of it."""
    if not before.sending:
        return ours
    there = publisher.look(ours)
    if before.sending == _WITHDRAWING:
        return there if there.status == "draft" else ours
    return there if there.digest and there.digest in (before.sending, mark) else ours


def _hands_off(
    before: Delivery, article: Article, error: Changed | Vanished
) -> tuple[Delivery, str, Outcome]:
    """A person's hand was on the article: it stays as it is there, and a person is told."""
    told = replace(before, due=False, not_before="", sending="", title=article.title, word="")
    if isinstance(error, Changed):
        told = replace(told, state="conflict", theirs=error.theirs, remedy=_whose(before))
        reason = f"It changed in Telegram, and a person changed it on the site: {error}"
    else:
        told = replace(told, state="missing", remedy=_whose(before))
        reason = f"A person removed it from the site: {error}"
    told = replace(told, reason=reason)
    return told, told.state, _outcome(told, article, "held", reason, told.remedy)


def _failed(delivery: Delivery, reason: str, *, sending: str = "") -> Delivery:
    return replace(
        delivery,
        state="failed",
        due=False,
        not_before="",
        sending=sending,
        reason=f"The site refused it: {reason}",
        remedy="Correct what it names; it is sent again when the post, the config or a template "
        f"changes, or with: crosspost resolve {delivery.blog}/{delivery.post_id} --publish",
    )


def _unknown(delivery: Delivery, reason: str, now: datetime) -> Delivery:
    attempts = delivery.attempts + 1
    over = attempts >= GIVE_UP
    pause = timedelta(minutes=2 ** (attempts - 2)) if attempts > 2 else timedelta()
    key = f"{delivery.blog}/{delivery.post_id}"
    return replace(
        delivery,
        state="failed" if over else "sending",
        due=not over,
        not_before=stamp(now + pause) if pause and not over else "",
        attempts=attempts,
        reason=f"The site gave no clear answer: {reason}",
        remedy=f"Look at the site, then: crosspost resolve {key} --publish"
        if over
        else "The next run looks whether it arrived, and goes on from there",
    )


def _refused(
    errand: Errand, trip: _Trip, delivery: Delivery, article: Article, error: Exception
) -> Outcome:
    """A file could not be uploaded, or an article not be taken away."""
    trip.failed.add(delivery.post_id)
    if isinstance(error, Unknown):
        trip.unknown += 1
        told = _unknown(delivery, str(error), errand.ledger.clock())
        told = replace(told, state=delivery.state) if told.due else told
    else:
        trip.unknown = 0
        told = _failed(delivery, str(error), sending=delivery.sending)
    errand.ledger.settle(told, "failed", told.reason)
    return _outcome(told, article, "failed", told.reason, told.remedy)


def _withdraw(errand: Errand, trip: _Trip, take: _Take) -> Outcome | None:
    """Takes the article of a deleted post off the site; looking first where nobody knows."""
    delivery, article = take.delivery, take.article
    publisher, how = errand.publisher(), errand.on_delete
    assert how != "keep"
    ledger = errand.ledger
    intent = replace(delivery, state="sending", sending=delivery.sending or _WITHDRAWING)
    with ledger.transaction():
        ledger.set_unfinished(errand.blog, errand.site, True)
        ledger.settle(intent)
    trip.started = True
    quiet = replace(delivery, due=False, sending="", not_before="", word="", reason="", remedy="")
    try:
        if delivery.remote_id:
            ours = Remote(id=delivery.remote_id, url=delivery.url, version=delivery.version)
            remote: Remote | None = _looked(publisher, delivery, ours)
        else:
            remote = publisher.find(article)
        left = remote
        if remote and (remote.status != "draft" or how == "remove"):
            left = publisher.withdraw(remote, how)
    except Vanished:
        remote, left = None, None
    except Changed as error:
        told, what, outcome = _hands_off(delivery, article, error)
        ledger.settle(told, what, told.reason)
        return outcome
    except Refused as error:
        return _refused(errand, trip, delivery, article, error)
    except Unknown as error:
        return _refused(errand, trip, intent, article, error)
    trip.unknown = 0
    told = replace(
        quiet,
        state="withdrawn" if left else "gone",
        digest="",
        remote_id=left.id if left else "",
        version=left.version if left else "",
    )
    with ledger.transaction():
        ledger.settle(told, told.state, f"The post was deleted in Telegram: {how}")
        if not left:
            ledger.shows(told, (), only=True)
        if delivery.public:
            ledger.stir(errand.blog, delivery.post_id, errand.site)
    if remote is None:
        return None
    return _outcome(told, article, "withdrawn", "The post was deleted in Telegram")


# --- Files ------------------------------------------------------------------------------------


class _Harmful(Exception):
    """A file must not or cannot be used; ``indices`` are its places in ``Post.media``, each with
    the reason."""

    def __init__(self, what: str, clause: str) -> None:
        super().__init__(clause)
        self.what, self.clause = what, clause
        self.indices: dict[int, str] = {}


def _uploads(
    errand: Errand, stored: StoredPost, article: Article
) -> tuple[dict[int, Upload], frozenset[str], dict[int, str]]:
    """The article's files on the site, by figure; all their contents; and why which of
    ``Post.media`` are gone."""
    uploads: dict[int, Upload] = {}
    contents: set[str] = set()
    gone: dict[int, str] = {}
    for number, figure in enumerate(article.figures):
        media = figure.media
        if media.missing:
            continue
        try:
            upload = _upload(errand, stored, media, contents)
        except Gone as error:
            gone |= _indices(stored, media, str(error))
            continue
        except _Harmful as error:
            error.indices = _indices(stored, media, error.clause)
            raise
        poster = _poster(errand, stored, media, contents) if media.thumb else ""
        uploads[number] = replace(upload, poster=poster) if poster else upload
    return uploads, frozenset(contents), gone


def _indices(stored: StoredPost, media: Media, clause: str) -> dict[int, str]:
    """The places of this file in ``Post.media``, each with why it cannot be had. A crafted post
    may name one file twice."""
    return {n: clause for n, one in enumerate(stored.post.media) if one.locator == media.locator}


def _poster(errand: Errand, stored: StoredPost, media: Media, contents: set[str]) -> str:
    """The address of a video's preview frame; it does without rather than fail."""
    frame = Media(kind="photo", locator=media.thumb)
    try:
        return _upload(errand, stored, frame, contents).url
    except (Gone, _Harmful):
        return ""


def _upload(errand: Errand, stored: StoredPost, media: Media, contents: set[str]) -> Upload:
    """What the site has of the file, sent there unless it has its content already, which is put
    into ``contents``."""
    ledger = errand.ledger
    mark = f"{media.kind}:{media.size}:{media.width}x{media.height}"
    content = ledger.content(errand.blog, stored.source, media.locator, mark)
    known = ledger.upload(errand.site, content) if content else None
    if content and known:
        contents.add(content)
        return known
    what = f"The file {(media.name or media.locator)[:_NAMED]}"
    kind = "image" if _pictured(media) else "file"
    try:
        file = errand.fetch(stored, media)
        with file.open("rb") as opened:
            content = f"{kind}:{file_digest(opened, 'sha256').hexdigest()}"
    except Unsafe as error:
        raise _Harmful(what, str(error)) from error
    except OSError as error:
        raise _Harmful(what, f"it cannot be read ({error.strerror or error})") from error
    known = ledger.upload(errand.site, content)
    if known is None:
        known = errand.publisher().upload(_clean(errand, media, file, what), media)
    ledger.uploaded(errand.site, content, known, (errand.blog, stored.source, media.locator, mark))
    contents.add(content)
    return known


def _pictured(media: Media) -> bool:
    return media.kind == "photo" or (
        media.kind in ("sticker", "animation", "document") and media.mime.startswith("image/")
    )


def _clean(errand: Errand, media: Media, file: Path, what: str) -> Path:
    """The file as it may be published: a picture loses its metadata."""
    if not _pictured(media):
        return file
    from crosspost import images

    try:
        return images.clean(file, errand.cache / "clean", types=errand.publisher().image_types)
    except images.BadImage as error:
        raise _Harmful(what, str(error)) from error
    except OSError as error:
        raise CrosspostError(
            f"A picture cannot be made ready in {errand.cache}: {error.strerror or error}. Look at "
            "the space on its disk and its permissions («cache» in the config), then run again."
        ) from error
