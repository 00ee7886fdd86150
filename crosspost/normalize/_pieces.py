"""What an article shows beside the text: whose words these are, what they answer, a poll, a place,
a link's card, and one line for each thing that can be seen in Telegram only."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from crosspost.markup import safe_url
from crosspost.model import Extra, Poll, Post
from crosspost.normalize._lines import own_post
from crosspost.normalize._wording import Wording


def above(post: Post, own: frozenset[str], words: Wording) -> Iterator[str]:
    """The notes before the text: reply and forward. ``own`` are the channel's names in links."""
    reply, forward = post.reply_to, post.forward
    if reply:
        if reply.quote.strip():
            yield words.piece("quote", reply.quote.strip())
        number = reply.post_id if not reply.url else own_post(reply.url, own)
        target = f"post:{number}" if number > 0 else safe_url(reply.url) or ""
        line = words.html("reply", target, reply.name.strip(), not reply.url or number > 0)
        yield words.piece("note", "reply", line)
    if forward:
        number = _own_forward(post, own)
        if number:
            line = words.html("forward_own", f"post:{number}", forward.date)
        else:
            target = safe_url(forward.url) or "" if forward.url else ""
            name, author = forward.name.strip(), forward.author.strip()
            channel = bool(name and (forward.channel_id or forward.post_id or target))
            line = words.html("forward", name, target, forward.date, channel, author)
        yield words.piece("note", "forward", line)


def foreign(post: Post, own: frozenset[str]) -> bool:
    """Whether the post repeats somebody else's words and pictures."""
    return post.forward is not None and not _own_forward(post, own)


def _own_forward(post: Post, own: frozenset[str]) -> int:
    """The post of this very channel that is repeated, 0 if it is another's."""
    forward = post.forward
    if forward is None:
        return 0
    number = forward.post_id if forward.channel_id == post.channel_id != 0 else 0
    return number or own_post(forward.url, own)


def headline_links(
    links: Iterable[str], post: Post, own: frozenset[str], words: Wording
) -> Iterator[str]:
    """Where the words of the headline led, unless the link's card shows it."""
    shown = {safe_url(post.link_preview.url)} if post.link_preview else set()
    for link in links:
        number = own_post(link, own)
        address = f"post:{number}" if number else safe_url(link)
        if address and address not in shown:
            shown.add(address)
            site = "" if number else (urlsplit(address).hostname or "").removeprefix("www.")
            yield words.piece("note", "link", words.html("more", address, site))


def below(
    post: Post, own: frozenset[str], url: str, title: str, photo: int | None, words: Wording
) -> Iterator[str]:
    """What follows the text. ``title`` is the headline: what it says is not said twice; ``photo``
    the figure of the link's card."""
    if post.poll:
        yield _poll(post.poll, url, title, words)
    if post.place:
        place = post.place
        at = f"{place.latitude:.6f}", f"{place.longitude:.6f}"
        map_ = f"https://www.openstreetmap.org/?mlat={at[0]}&mlon={at[1]}#map=16/{at[0]}/{at[1]}"
        yield words.piece("place", place, map_, same(place.title, title))
    if post.link_preview:
        card, target = post.link_preview, safe_url(post.link_preview.url)
        if target:
            number = own_post(target, own)
            target = f"post:{number}" if number else target
            yield words.piece("link", card, target, photo, same(card.title, title))
    for extra in post.extras:
        yield _extra(extra, url, title, words)


def _extra(extra: Extra, url: str, title: str, words: Wording) -> str:
    if extra.kind == "todo":
        return words.piece("todo", extra, same(extra.title, title))
    name = "" if _ends(title, extra.title) else extra.title.strip().rstrip(".")
    value = extra.value.strip()
    if extra.kind == "game":
        value = safe_url(value) or ""
    elif extra.kind == "invoice":
        value = words.money(value)
    lines = [line.strip().rstrip(".") for line, _ in extra.lines if line.strip()]
    html = words.html("extra", extra.kind, name, lines, value, url)
    return words.piece("note", "unsupported", html)


def _poll(poll: Poll, url: str, title: str, words: Wording) -> str:
    counted = [answer.voters for answer in poll.answers if answer.voters is not None]
    people = poll.voters
    if people is None and counted and not poll.multiple:
        people = sum(counted)
    answers = [(answer, share(answer.voters, answer.percent, people)) for answer in poll.answers]
    several = poll.multiple or sum(counted) > (people or 0) > 0
    votes = words.html("votes", people, poll.closed, several, url)
    return words.piece("poll", poll, same(poll.question, title), answers, votes)


def share(voters: int | None, percent: int | None, people: int | None) -> int | None:
    """An answer's share in whole percent, None where nobody knows."""
    if percent is not None:
        return min(max(percent, 0), 100)
    if voters is None or not people:
        return None
    return min(max(round(100 * voters / people), 0), 100)


def same(name: str, title: str) -> bool:
    """Whether the headline says this already."""
    return bool(name.strip()) and _key(name) == _key(title)


def _ends(title: str, name: str) -> bool:
    """Whether the headline names it («Розыгрыш: Три кружки»)."""
    return bool(name.strip()) and _key(title).endswith(_key(name))


def _key(words: str) -> str:
    return " ".join(words.split()).rstrip(".:").casefold()
