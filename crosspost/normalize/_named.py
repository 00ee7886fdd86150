"""What an article is called: by its text, else by what the post shows, and when."""

from urllib.parse import urlsplit

from crosspost.markup import safe_url
from crosspost.model import Post
from crosspost.normalize import _figures
from crosspost.normalize._capitals import lowered, shouted
from crosspost.normalize._headline import flat, shown, trimmed
from crosspost.normalize._layout import Layout
from crosspost.normalize._text import cut
from crosspost.normalize._wording import Wording


def title_of(post: Post, layout: Layout, words: Wording, longest: int) -> str:
    """The headline: from the text, else the poll's question or another name, else what it shows
    and when."""
    if layout.headline:
        return layout.headline.title
    kind, name, bare = _shows(post)
    if not kind:
        kind, name = "link", _host(post, layout)
    name = trimmed(shown(name) if bare else flat(name))
    title = name if bare and name else shown(words.plain("title", kind, name, post.date))
    if shouted(title):
        told = post.link_preview.description if post.link_preview else ""
        title = lowered(title, f"{post.text}\n{told}")
    return title if len(title) <= longest else cut(title, longest)


def _host(post: Post, layout: Layout) -> str:
    """Where the first address in a text without other words leads, of those that stay there."""
    gone = [(claim.start, claim.end) for claim in layout.claimed("removed")]
    for one in post.entities:
        if one.type == "url" and not any(start <= one.offset < end for start, end in gone):
            address = safe_url(post.text[max(one.offset, 0) : one.offset + one.length]) or ""
            return (urlsplit(address).hostname or "").removeprefix("www.")
    return ""


def _shows(post: Post) -> tuple[str, str, bool]:
    """What a post without words shows, its name, and whether the name says it all."""
    if post.poll:
        return "poll", post.poll.question, True
    media = [m for m in post.media if not m.missing] or list(post.media)
    if media and not (
        post.link_preview and len(media) == 1 and post.link_preview.photo is not None
    ):
        kinds = {one.kind for one in media}
        kind = media[0].kind if len(kinds) == 1 or "photo" not in kinds else "photo"
        several = len(media) > 1 and kind in ("photo", "video", "document")
        name = _figures.name_of(media[0]) if kind in ("audio", "document") and not several else ""
        return f"{kind}s" if several else kind, name, False
    if post.place:
        return "place", post.place.title, True
    if post.link_preview:
        return "link", post.link_preview.title or post.link_preview.site, True
    if post.extras:
        extra = post.extras[0]
        return (
            extra.kind,
            extra.title,
            extra.kind in ("todo", "invoice", "live_stream", "unsupported"),
        )
    return "", "", False
