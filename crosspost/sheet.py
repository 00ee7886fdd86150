"""The preview sheet: one HTML file with every article beside its original.

Everything stands in the file itself, pictures as small copies, so it can be mailed to an editor.
No script runs in it and it asks nobody for anything. Posts are written one by one to a file, and
the summary above them when all are known: memory does not grow with the blog.
"""

import base64
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from html import escape
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from crosspost import pipeline
from crosspost.deliver import decide
from crosspost.errors import CrosspostError
from crosspost.markup import blocks
from crosspost.model import Entity, Media
from crosspost.pipeline import Blog, Proof, Run, Source
from crosspost.readers import Gone, Unsafe

if TYPE_CHECKING:
    from crosspost.model import Article, Post

_WIDTH: Final = 480
_LISTED: Final = 200
"""So many posts and notes are listed above, and pieces of one post below it; all are counted."""
_IMAGE: Final = re.compile(r'<img src="media:(\d+)"([^>]*)>')
_PLAYER: Final = re.compile(r'<(video|audio) src="media:(\d+)"[^>]*></\1>')
_MEDIA_LINK: Final = re.compile(r'<a href="media:\d+"')
_TASK: Final = re.compile(r'<li class="(done|todo)">')
_TICKS: Final = {"done": "☑", "todo": "☐"}
_POST_LINK: Final = re.compile(r'href="post:(\d+)"')
_PICTURED: Final = ("photo", "sticker", "animation", "document")

_FATES: Final = {
    "hold": "held",
    "create": "to publish",
    "update": "to update",
    "withdraw": "to withdraw",
    "wait": "waiting",
    "skip": "left out",
    "unchanged": "unchanged",
}
"""What may become of a post, in the order an editor asks, and its label."""
_STATES: Final = {
    "live": "unchanged",
    "held": "hold",
    "failed": "hold",
    "conflict": "hold",
    "missing": "hold",
    "skipped": "skip",
    "withdrawn": "unchanged",
    "gone": "unchanged",
}
"""The same for posts with which there is nothing to do."""


class Fate(NamedTuple):
    """What would become of a post: a key of ``_FATES``, its label and the reason."""

    kind: str
    label: str
    reason: str


class Shown(NamedTuple):
    """One post as the template shows it; the fragments are safe HTML."""

    blog: str
    anchor: str
    proof: Proof
    fate: Fate
    url: str
    facts: list[str]
    original: str
    lead: str
    body: str
    cover: str
    caption: str
    thumbs: list[tuple[str, str, str]]
    parts: list[tuple[str, str, str]]
    parts_more: int
    removed: int


@dataclass
class Summary:
    """What the top of the sheet says; its lists are bounded."""

    counts: Counter[str] = field(default_factory=Counter)
    listed: dict[str, list[dict[str, str]]] = field(
        default_factory=lambda: {"hold": [], "skip": []}
    )

    def add(self, one: Shown) -> None:
        """One more post is in the sheet."""
        kind = one.fate.kind
        self.counts[kind] += 1
        if kind in self.listed and len(self.listed[kind]) < _LISTED:
            self.listed[kind].append(
                {
                    "anchor": one.anchor,
                    "label": one.fate.label,
                    "title": one.proof.article.title,
                    "reason": one.fate.reason,
                }
            )

    def more(self, kind: str) -> int:
        """How many are not listed."""
        return self.counts[kind] - len(self.listed[kind])


def write(run: Run, blogs: Sequence[Blog], target: Path, limit: int | None) -> int:
    """Reads what is new into the rehearsal, and writes the sheet; answers how many articles it
    has. Trouble with a source goes to the report, and what is known already is shown."""
    from tempfile import NamedTemporaryFile, TemporaryFile

    for blog in blogs:
        pipeline.look(run, blog)
        for site, mark in blog.style_marks.items():
            run.ledger.retarget(blog.name, site, mark)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryFile("w+", encoding="utf-8", dir=target.parent) as posts:
        summary = _write_posts(run, blogs, posts, limit)
        posts.seek(0)
        with NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            try:
                file.write(_top(run, blogs, summary))
                shutil.copyfileobj(posts, file)
                file.write(_template("end.html").render())
            except BaseException:
                Path(file.name).unlink()
                raise
    Path(file.name).replace(target)
    return summary.counts.total()


def _template(name: str, timezone: str = "UTC") -> Any:
    from crosspost.templating import environment

    return environment("en", timezone).get_template(f"sheet/{name}")


def _write_posts(run: Run, blogs: Sequence[Blog], file: IO[str], limit: int | None) -> Summary:
    summary = Summary()
    for blog in blogs:
        pictures = _Pictures(run, blog)
        left = limit
        for proof in chain(_gone(run, blog), pipeline.proofs(run, blog)):
            if left == 0 or run.stop():
                break
            left = left - 1 if left is not None else None
            one = _shown(run, blog, proof, pictures)
            file.write(_template("post.html", proof.article.timezone).render(one=one))
            summary.add(one)
            run.progress("preview", summary.counts.total(), 0)
    return summary


def _gone(run: Run, blog: Blog) -> Iterator[Proof]:
    """The posts that are to be withdrawn, because they are gone from the channel."""
    for page in run.ledger.due(blog.name, next(iter(blog.sites))):
        for delivery in page:
            stored = run.ledger.post(blog.name, delivery.post_id)
            if stored and stored.gone:
                _, article, verdict = pipeline.article_of(run, blog, delivery.post_id)
                yield Proof(stored, article, verdict, delivery)


def _troubles(run: Run) -> Iterator[str]:
    for trouble in run.report.troubles:
        yield f"{trouble.blog}: {trouble.message}"
    for blog, ids in run.report.vanished.items():
        yield f"{blog}: {len(ids):,} posts vanished from the channel at once; a person is asked"


def _top(run: Run, blogs: Sequence[Blog], summary: Summary) -> str:
    style = _template("style.css").render()
    notes = [
        (
            f"{blog}/{note.post_id}" if note.post_id else blog,
            _anchor(blog, note.post_id) if note.post_id else "",
            note.text,
        )
        for blog, note in run.report.notes[:_LISTED]
    ]
    made: str = _template("top.html").render(
        style=style,
        style_hash=base64.b64encode(sha256(style.encode()).digest()).decode(),
        blogs=[blog.name for blog in blogs],
        total=summary.counts.total(),
        counts=[
            (kind, words, summary.counts[kind])
            for kind, words in _FATES.items()
            if summary.counts[kind]
        ],
        held=summary.listed["hold"],
        held_more=summary.more("hold"),
        skipped=summary.listed["skip"],
        skipped_more=summary.more("skip"),
        troubles=list(_troubles(run)),
        notes=notes,
        notes_more=len(run.report.notes) - len(notes),
        footers=[one for blog in blogs for one in _footers(run, blog)],
    )
    return made


def _footers(run: Run, blog: Blog) -> list[tuple[str, str, int]]:
    """The lines that the archive has taught, and under how many posts each stands."""
    from crosspost.normalize import is_forbidden

    style = blog.style(run.ledger.channel(blog.name))
    known = list(run.ledger.footers(blog.name).values())[:_LISTED]
    return [(blog.name, line, count) for line, count in known if not is_forbidden(line, style)]


# --- One post ---------------------------------------------------------------------------------


def _anchor(blog: str, post_id: int) -> str:
    return f"{blog}-{post_id}"


def _shown(run: Run, blog: Blog, proof: Proof, pictures: "_Pictures") -> Shown:
    post, article = proof.stored.post, proof.article
    small = {
        number: pictures.of(proof, figure.media) for number, figure in enumerate(article.figures)
    }
    in_body = {int(number) for number, _ in _IMAGE.findall(article.body)}
    in_body |= {int(number) for _, number in _PLAYER.findall(article.body)}
    captions = [_local(f.caption, small, article, blog.name) for f in article.figures]
    parts = list(_parts(proof))
    return Shown(
        blog=blog.name,
        anchor=_anchor(blog.name, article.post_id),
        proof=proof,
        fate=_fate(run, blog, proof),
        url=_web(proof.delivery.url if proof.delivery else ""),
        facts=[*_facts(post, article.updated), *article.notes],
        original=_original(proof, pictures, blog.name),
        lead=_local(article.lead, small, article, blog.name),
        body=_local(article.body, small, article, blog.name),
        cover=small.get(article.cover, "") if article.cover is not None else "",
        caption=captions[article.cover] if article.cover is not None else "",
        thumbs=[
            (small[number], figure.alt, captions[number])
            for number, figure in enumerate(article.figures)
            if number != article.cover and number not in in_body and small[number]
        ],
        parts=parts[:_LISTED],
        parts_more=max(len(parts) - _LISTED, 0),
        removed=sum(1 for part, _, _ in parts if part == "removed"),
    )


def _original(proof: Proof, pictures: "_Pictures", blog: str) -> str:
    """The post's own text; a rich one with small copies of the pictures that stand in it."""
    marked, media = _marked(proof), proof.stored.post.media
    placed = {int(number) for number, _ in _IMAGE.findall(marked)}
    small = {n: pictures.of(proof, media[n]) for n in placed if n < len(media)}
    return _local(marked, small, proof.article, blog)


def _web(url: str) -> str:
    return url if url.startswith(("https://", "http://")) else ""


def _fate(run: Run, blog: Blog, proof: Proof) -> Fate:
    """What the next sync would do with the post on its first site."""
    delivery = proof.delivery
    if delivery is None or not delivery.due:
        action = {"publish": "create"}.get(proof.verdict.action, proof.verdict.action)
        kind = _STATES.get(delivery.state, action) if delivery else action
        reason = delivery.reason if delivery else proof.verdict.reason
        label = delivery.state if delivery and kind == "hold" else _FATES[kind]
        return Fate(kind, label, reason)
    step = decide(
        delivery,
        proof.stored,
        proof.article,
        proof.verdict,
        now=run.ledger.clock(),
        settle=blog.settle,
        on_delete=blog.on_delete,
    )
    if step.what in _FATES:
        return Fate(step.what, _FATES[step.what], step.reason)
    return Fate("unchanged", _FATES["unchanged"], step.reason)


def _facts(post: "Post", edited: datetime | None) -> Iterator[str]:
    """What the post has besides its text, in words."""
    if post.forward:
        yield f"Forwarded from {post.forward.name or 'elsewhere'}"
    if post.reply_to:
        yield f"Answers {post.reply_to.name or f'post {post.reply_to.post_id}'}"
    kinds = Counter(media.kind.replace("_", " ") for media in post.media)
    for kind, count in kinds.items():
        yield f"{count:,} × {kind}"
    for media in post.media:
        if media.missing:
            yield f"{media.name or media.kind}: {media.missing}"
    if post.poll:
        answers = " / ".join(answer.text for answer in post.poll.answers[:12])
        yield f"{'Quiz' if post.poll.quiz else 'Poll'}: {post.poll.question} ({answers})"
    if post.place:
        yield f"Place: {post.place.title or f'{post.place.latitude}, {post.place.longitude}'}"
    for extra in post.extras:
        yield f"{extra.kind.replace('_', ' ').capitalize()}: {extra.title or 'no title'}"
    if post.link_preview:
        yield f"Link preview: {post.link_preview.title or post.link_preview.url}"
    if edited:
        yield f"Edited {edited:%Y-%m-%d %H:%M} UTC"
    yield f"{len(post.text):,} characters" if post.text else "No text"


def _marked(proof: Proof) -> str:
    """The original text, with what was removed from it crossed out."""
    post = proof.stored.post
    removed = [
        Entity(type="delete", offset=span.start, length=span.end - span.start)
        for span in proof.article.spans
        if span.part == "removed" and post.text[span.start : span.end].strip()
    ]
    return blocks(post.text, (*removed, *post.entities))


def _local(fragment: str, pictures: Mapping[int, str], article: "Article", blog: str) -> str:
    """The fragment with pictures in it, and nothing that leads out of the sheet but links."""

    def image(match: re.Match[str]) -> str:
        picture = pictures.get(int(match[1]), "")
        rest = match[2] or ' alt=""'
        return f'<img src="{picture}"{rest}>' if picture else ""

    def player(match: re.Match[str]) -> str:
        number = int(match[2])
        media = article.figures[number].media if number < len(article.figures) else None
        name = escape(media.name or media.kind.replace("_", " ")) if media else match[1]
        frame = pictures.get(number, "")
        picture = f'<img src="{frame}" alt="">' if frame else ""
        return f'{picture}<span class="player">▶ {name}</span>'

    fragment = _PLAYER.sub(player, _IMAGE.sub(image, fragment))
    fragment = _TASK.sub(lambda found: f"{found[0]}{_TICKS[found[1]]} ", fragment)
    return _POST_LINK.sub(rf'href="#{blog}-\1"', _MEDIA_LINK.sub("<a", fragment))


def _parts(proof: Proof) -> Iterator[tuple[str, str, str]]:
    """What rule sent which words where, in the order of the text; plain whitespace left out."""
    text = proof.stored.post.text
    for span in proof.article.spans:
        words = " ".join(text[span.start : min(span.end, span.start + 1000)].split())
        if words:
            yield span.part, span.reason, words if len(words) <= 90 else f"{words[:88]}…"


class _Pictures:
    """Small copies of a blog's pictures as data addresses. A source that cannot be read is asked
    once, not once a picture."""

    def __init__(self, run: Run, blog: Blog) -> None:
        self._run, self._blog = run, blog
        self._dead: set[Source] = set()

    def of(self, proof: Proof, media: Media) -> str:
        """The picture, or a video's frame; "" if there is none."""
        from crosspost import images

        source = Source(proof.stored.reader, proof.stored.source)
        wanted = media if media.kind in _PICTURED and _is_picture(media) else _frame(media)
        if wanted is None or media.missing or source in self._dead:
            return ""
        try:
            small = images.clean(
                self._run.reader(self._blog, source).fetch(wanted),
                self._blog.cache / "sheet",
                types=("image/jpeg", "image/png"),
                max_side=_WIDTH,
            )
            data = small.read_bytes()
        except (Gone, Unsafe, images.BadImage, OSError):
            return ""
        except CrosspostError:
            self._dead.add(source)
            return ""
        kind = "png" if small.suffix == ".png" else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _is_picture(media: Media) -> bool:
    return bool(media.locator) and (media.kind == "photo" or media.mime.startswith("image/"))


def _frame(media: Media) -> Media | None:
    return Media(kind="photo", locator=media.thumb) if media.thumb else None
