"""What should happen to a post on a site, from what is recorded alone. Pure."""

from datetime import datetime, timedelta

from crosspost.deliver._records import OnDelete, Step
from crosspost.ledger import Delivery, StoredPost
from crosspost.model import Article, digest
from crosspost.rules import Verdict


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
    taken = delivery.word in ("skip", "remove", "undo")
    maybe = delivery.public or bool(delivery.sending)
    if taken and (maybe or (there and delivery.word != "skip")):
        return Step(what="withdraw", reason="A person decided so")
    if stored.gone:
        return _decide_gone(delivery, on_delete)
    post = stored.post
    ready = max(post.date, post.edited or post.date) + settle
    if ready > now:
        return Step(what="wait", reason="It is younger than the settle time", until=ready)
    if taken:
        return Step(what="skip", reason="A person decided so")
    if delivery.word == "undone":
        return Step(what="skip", reason="It was taken back; a backfill puts it there again")
    waiting = _decide_waiting(delivery)
    if waiting:
        return waiting
    if delivery.word not in ("publish", "ours", "merge") and verdict.action != "publish":
        if verdict.action == "skip":
            return Step(what="skip", reason=verdict.reason)
        return Step(what="hold", reason=verdict.reason, remedy=how_to_publish(delivery))
    if not there:
        return Step(what="create")
    if (
        delivery.word not in ("ours", "merge")
        and delivery.state != "withdrawn"
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
            remedy=how_to_let_go(delivery),
        )
    if not delivery.remote_id and (not delivery.sending or on_delete == "keep"):
        return Step(what="forget")
    if on_delete == "keep":
        return Step(what="unchanged")
    return Step(what="withdraw", reason="The post was deleted in Telegram")


def _decide_waiting(delivery: Delivery) -> Step | None:
    """What a person has to say, or has said, about a conflict or a missing article."""
    if delivery.state == "conflict":
        if delivery.word == "theirs":
            return Step(what="adopt")
        if delivery.word not in ("ours", "merge"):
            return Step(what="hold", reason=delivery.reason, remedy=delivery.remedy)
    if delivery.state == "missing" and delivery.word == "theirs":
        return Step(what="skip", reason="A person removed it from the site, and so it stays")
    if delivery.state == "missing" and delivery.word != "ours":
        return Step(what="hold", reason=delivery.reason, remedy=delivery.remedy)
    return None


def how_to_publish(delivery: Delivery, what: str = "it") -> str:
    key = f"{delivery.blog}/{delivery.post_id}"
    return f"To publish {what}: crosspost resolve {key} --publish; to leave it out: --skip"


def how_to_choose(delivery: Delivery, *, merges: bool = False) -> str:
    key = f"{delivery.blog}/{delivery.post_id}"
    merge = "; to keep what the editor wrote and take the rest: --merge" if merges else ""
    return (
        f"To overwrite it: crosspost resolve {key} --ours; to leave it as it is: --theirs{merge}. "
        f"Both texts: crosspost show {key}"
    )


def how_to_let_go(delivery: Delivery) -> str:
    key = f"{delivery.blog}/{delivery.post_id}"
    return f"To take it off all the same: crosspost withdraw {key}; else it stays there"


def how_to_bring_back(delivery: Delivery) -> str:
    key = f"{delivery.blog}/{delivery.post_id}"
    return f"To put it back: crosspost resolve {key} --ours; to leave it away: --theirs"
