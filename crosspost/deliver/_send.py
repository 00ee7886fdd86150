"""Intent, act, outcome: articles sent to the site and taken off it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal

from msgspec.structs import replace

from crosspost.deliver import _parts
from crosspost.deliver._decide import how_to_let_go
from crosspost.deliver._outcomes import (
    Unmergeable,
    hands_off,
    now_failed,
    now_live,
    now_unknown,
    outcome_of,
    refused,
    stays,
    unmerged,
)
from crosspost.deliver._records import PATIENCE, Errand, Outcome, Send, Take, Trip
from crosspost.ledger import WITHDRAWING, Delivery
from crosspost.logs import about
from crosspost.model import Article, Parts, Remote
from crosspost.publishers import (
    Changed,
    Foreseeing,
    Publisher,
    Refused,
    Together,
    Unknown,
    Vanished,
)

_AHEAD: Final = 25
"""So many articles are looked for at once: few enough that what was learned is still true when the
last of them is made."""
_TRIED: Final = 20
"""So many requests without an answer are remembered for one article."""
_REMOVED: Final = "removed"
"""The version of an article that we removed: where it lies in a site's trash, it may come back."""


def send_all(errand: Errand, trip: Trip, sends: list[Send]) -> Iterator[Outcome]:
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
                send.delivery,
                state="sending",
                sending=_and(send.delivery.sending, send.digest),
                slug=send.article.slug,
            )
            intents.append(intent)
            errand.ledger.settle(intent)
            errand.ledger.shows(intent, send.contents, only=False)
    done: list[tuple[Delivery, str, Outcome]] = []
    try:
        with _together(errand.publisher(), done):
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
                elif errand.ledger.points(errand.blog, delivery.post_id):
                    trip.pointing.add(delivery.post_id)
            for send, (delivery, _, _) in zip(sends, done, strict=False):
                if delivery.digest == send.digest and delivery.state == "live":
                    errand.ledger.shows(delivery, send.contents, only=True)
                if send.delivery.public != delivery.public:  # one of these may link to another
                    errand.ledger.stir(errand.blog, delivery.post_id, errand.site)
    yield from (outcome for _, _, outcome in done)


@contextmanager
def _together(publisher: Publisher, done: list[tuple[Delivery, str, Outcome]]) -> Iterator[None]:
    """Around several articles, at one stroke where the site can: then none is ``done`` unless all
    are, and what stays under way is looked for before it is sent again."""
    if not isinstance(publisher, Together):
        yield
        return
    try:
        with publisher.together():
            yield
    except BaseException:
        done.clear()
        raise


def _send(
    errand: Errand, trip: Trip, send: Send, intent: Delivery
) -> tuple[Delivery, str, Outcome]:
    article, before = send.article, send.delivery
    about(post=f"{before.blog}/{before.post_id}")
    keep = frozenset() if before.word == "ours" else frozenset(before.keep.split())
    try:
        remote = _standing(errand, trip, send)
        if remote is None:  # there is nothing to keep
            keep = frozenset()
        elif before.word == "merge":
            keep |= _merging(before, article, remote)
        if remote and remote.digest == send.digest and remote.status == "live":
            now, what = remote, "found"
        else:
            now = errand.publisher().put(article, send.uploads, remote, sorted(keep))
            what = "updated" if remote else "created"
    except (Changed, Vanished) as error:
        return hands_off(before, article, error, _hands(errand, before))
    except Unmergeable as error:
        told = unmerged(before, article, error)
        return told, "", outcome_of(told, article, "held", told.reason, told.remedy)
    except Refused as error:
        trip.unknown = 0
        for upload in send.uploads.values():  # it may be one of these that the site has lost
            errand.ledger.forget_upload(errand.site, upload)
        told = now_failed(before, str(error), sending=before.sending)
        return told, "failed", outcome_of(told, article, "failed", told.reason, told.remedy)
    except Unknown as error:
        trip.unknown += 1
        told = now_unknown(intent, str(error), errand.ledger.clock())
        return told, "unknown", outcome_of(told, article, "failed", told.reason, told.remedy)
    trip.unknown = 0
    told = replace(
        now_live(intent, send.digest),
        title=article.title,
        remote_id=now.id,
        url=now.url,
        version=now.version,
        said=_parts.said(article, now.parts),
        keep=" ".join(sorted(keep)),
    )
    if not before.remote_id:  # found: by whom it was put is known only if we were about to
        event = "found" if what == "found" and not before.sending else "created"
        return told, event, outcome_of(told, article, "created")
    return told, what, outcome_of(told, article, "updated")


def _merging(before: Delivery, article: Article, there: Remote) -> frozenset[str]:
    """The parts that are the editor's, since only he touched them. Raises ``Unmergeable``."""
    theirs = _parts.by_hand(before.said, there.parts)
    if theirs is None:
        raise Unmergeable("Crosspost does not know in which words it left the article")
    if there.digest and there.digest in before.sending.split():  # it has arrived already
        return theirs - _parts.by_post(before.said, article)
    if "text" in theirs:
        raise Unmergeable("its text was changed by hand, and --merge would overwrite that")
    both = theirs & _parts.by_post(before.said, article) - frozenset(before.keep.split())
    if both:
        told = _parts.disputed(both, article, there.parts or Parts())
        raise Unmergeable(f"by hand and in Telegram the same changed: {told}")
    return theirs


def _hands(errand: Errand, before: Delivery) -> Parts | None:
    """What the article says on the site, as far as that can be told now."""
    remote = Remote(id=before.remote_id, url=before.url, version=before.version)
    with suppress(Changed, Vanished, Refused, Unknown):
        return errand.publisher().look(remote).parts
    return None


def _standing(errand: Errand, trip: Trip, send: Send) -> Remote | None:
    """The article as it stands on the site, with the version that ``put`` may replace."""
    before, publisher = send.delivery, errand.publisher()
    ours = Remote(id=before.remote_id, url=before.url, version=before.version)
    if before.word == "merge":
        return publisher.look(ours)
    if before.word == "ours":
        return _ours(publisher, send.article, ours if before.state != "missing" else None)
    if not before.remote_id:
        _foresee(errand, trip, before.post_id)
        found = publisher.find(send.article)
        removed = found and found.status == "trash" and before.version == _REMOVED
        return replace(found, version="") if found and removed else found
    try:
        return _looked(publisher, before, ours, send.digest)
    except Vanished:
        if WITHDRAWING in before.sending.split() and errand.on_delete == "remove":
            return publisher.find(send.article)  # it was we who removed it
        raise


def _foresee(errand: Errand, trip: Trip, post_id: int) -> None:
    """Lets the publisher ask for this article together with those that come after it."""
    publisher = errand.publisher()
    if not isinstance(publisher, Foreseeing) or post_id not in trip.coming:
        return
    at = trip.coming.index(post_id)
    some, trip.coming = trip.coming[at : at + _AHEAD], trip.coming[at + _AHEAD :]
    with suppress(Refused):  # then it is asked for each
        publisher.coming(errand.blog, some)


def _ours(publisher: Publisher, article: Article, remote: Remote | None) -> Remote | None:
    """What a person wants overwritten whatever it is now; None where it must be made anew."""
    try:
        found = publisher.look(remote) if remote and remote.id else publisher.find(article)
    except Vanished:
        found = publisher.find(article)
    return replace(found, version="", digest="") if found else None


def _looked(publisher: Publisher, before: Delivery, ours: Remote, mark: str = "") -> Remote:
    """The article as it may be replaced or taken away: what we left there, or, when nobody knows
    whether the last request arrived, what that would have made of it."""
    if not before.sending:
        return ours
    there = publisher.look(ours)
    tried = before.sending.split()
    arrived = there.digest and there.digest in (*tried, mark)
    withdrawn = WITHDRAWING in tried and there.status == "draft"
    return there if arrived or withdrawn else ours


def _and(sending: str, mark: str) -> str:
    """One more request of which nobody knows: any of them may have been the last to arrive."""
    return " ".join([*(one for one in sending.split() if one != mark), mark][-_TRIED:])


def withdraw(errand: Errand, trip: Trip, take: Take) -> Outcome | None:
    """Takes an article off the site, of a deleted post or because a person said so; looking first
    where nobody knows."""
    delivery, article = take.delivery, take.article
    wanted = _how(delivery)
    asked = wanted is not None
    publisher, how = errand.publisher(), wanted or errand.on_delete
    assert how != "keep"
    ledger = errand.ledger
    intent = replace(delivery, state="sending", sending=_and(delivery.sending, WITHDRAWING))
    with ledger.transaction():
        ledger.set_unfinished(errand.blog, errand.site, True)
        ledger.settle(intent)
    trip.started, tried = True, WITHDRAWING in delivery.sending.split()
    quiet = replace(delivery, due=False, sending="", not_before="", word="", reason="", remedy="")
    try:
        if delivery.remote_id:
            version = "" if asked and delivery.word != "undo" else delivery.version
            ours = Remote(id=delivery.remote_id, url=delivery.url, version=version)
            remote: Remote | None = _looked(publisher, delivery, ours)
        else:
            remote = publisher.find(article)
            if remote:  # should it be another's by now, then a person's next word finds it
                known = {"remote_id": remote.id, "url": remote.url, "version": remote.version}
                delivery = replace(delivery, **known)
        left = remote
        if remote and (remote.status != "draft" or how == "remove"):
            left = publisher.withdraw(remote, how)
    except Vanished:
        remote, left = None, None
    except Changed as error:
        if delivery.word == "undo":
            told = stays(quiet, delivery)
            ledger.settle(told, "stays", told.reason)
            return outcome_of(told, article, "held", told.reason, told.remedy)
        told, what, outcome = hands_off(delivery, article, error, _hands(errand, delivery))
        if take.stored.gone:
            told = replace(told, remedy=how_to_let_go(delivery))
            outcome = replace(outcome, remedy=told.remedy)
        ledger.settle(told, what, told.reason)
        return outcome
    except Refused as error:
        return refused(errand, trip, delivery, article, error)
    except Unknown as error:
        return refused(errand, trip, intent, article, error)
    trip.unknown = 0
    told = replace(
        quiet,
        state="withdrawn" if left else "gone",
        digest="",
        remote_id=left.id if left else "",
        version=left.version if left else _REMOVED if remote or tried else "",
    )
    why = "A person decided so" if asked else "The post was deleted in Telegram"
    if asked and not take.stored.gone:
        word = "undone" if delivery.word == "undo" else "skip"
        told = replace(told, state="skipped", word=word, url="", said="", keep="")
    with ledger.transaction():
        ledger.settle(told, told.state, f"{why}: {how}")
        if not left:
            ledger.shows(told, (), only=True)
        if delivery.public:
            ledger.stir(errand.blog, delivery.post_id, errand.site)
            ledger.stir_joined(errand.blog, delivery.post_id)
    if remote is None:
        return None
    return outcome_of(told, article, "withdrawn", why)


def _how(delivery: Delivery) -> Literal["draft", "remove"] | None:
    """How a person wants the article to leave the site; None where nobody said anything."""
    if delivery.word == "skip":
        return "draft"
    return "remove" if delivery.word in ("remove", "undo") else None
