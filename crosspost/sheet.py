"""The preview sheet: one HTML file with every article beside its original.

Everything stands in the file itself, pictures as small copies, so it can be mailed to an editor.
It is written post by post: memory does not grow with the blog.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crosspost import pipeline
from crosspost.markup import blocks
from crosspost.pipeline import Blog, Proof, Run, Source
from crosspost.readers import Gone, Unsafe

if TYPE_CHECKING:
    from crosspost.model import Article, Media

_WIDTH: Final = 480
_IMAGE: Final = re.compile(r'<img src="media:(\d+)"')
_PLAYER: Final = re.compile(r'<(video|audio) src="media:(\d+)"[^>]*></\1>')
_MEDIA_LINK: Final = re.compile(r'<a href="media:\d+"')
_POST_LINK: Final = re.compile(r'href="post:(\d+)"')
_SHOWN: Final = ("photo", "sticker", "animation", "document")


class Shown(NamedTuple):
    """One post as the template shows it; the fragments are safe HTML."""

    blog: str
    proof: Proof
    original: str
    lead: str
    body: str
    cover: str
    thumbs: list[tuple[str, str]]
    parts: list[tuple[str, str, str]]
    words: dict[str, int]


def write(run: Run, blogs: Sequence[Blog], target: Path, limit: int | None) -> int:
    """Reads what is new into the rehearsal, and writes the sheet; answers how many articles it
    has. Trouble with a source goes to the report, and what is known already is shown."""
    from tempfile import NamedTemporaryFile

    from crosspost.templating import environment

    for blog in blogs:
        pipeline.look(run, blog)
    template = environment("en").get_template("sheet/sheet.html")
    count = 0

    def shown() -> Iterator[Shown]:
        nonlocal count
        for blog in blogs:
            left = limit
            for proof in pipeline.proofs(run, blog):
                if left == 0 or run.stop():
                    break
                left = left - 1 if left is not None else None
                count += 1
                run.progress("preview", count, 0)
                yield _shown(run, blog, proof)

    target.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        try:
            file.writelines(template.generate(posts=shown(), notes=run.report.notes))
        except BaseException:
            Path(file.name).unlink()
            raise
    Path(file.name).replace(target)
    return count


def _shown(run: Run, blog: Blog, proof: Proof) -> Shown:
    post, article = proof.stored.post, proof.article
    pictures = {
        number: _picture(run, blog, proof, figure.media)
        for number, figure in enumerate(article.figures)
    }
    cover = pictures.get(article.cover, "") if article.cover is not None else ""
    in_body = {int(number) for number in _IMAGE.findall(article.body)}
    thumbs = [
        (pictures[number], figure.alt)
        for number, figure in enumerate(article.figures)
        if number != article.cover and number not in in_body and pictures[number]
    ]
    return Shown(
        blog=blog.name,
        proof=proof,
        original=_local(blocks(post.text, post.entities), {}, article),
        lead=_local(article.lead, pictures, article),
        body=_local(article.body, pictures, article),
        cover=cover,
        thumbs=thumbs,
        parts=list(_parts(proof)),
        words={"before": len(post.text), "media": len(post.media)},
    )


def _local(fragment: str, pictures: Mapping[int, str], article: "Article") -> str:
    """The fragment with pictures in it, and nothing that leads out of the sheet but links."""

    def image(match: re.Match[str]) -> str:
        return f'<img src="{pictures.get(int(match[1]), "") or "data:,"}"'

    def player(match: re.Match[str]) -> str:
        number = int(match[2])
        media = article.figures[number].media if number < len(article.figures) else None
        name = escape(media.name or media.kind) if media else match[1]
        frame = pictures.get(number, "")
        picture = f'<img src="{frame}" alt="">' if frame else ""
        return f'{picture}<span class="player">▶ {name}</span>'

    fragment = _PLAYER.sub(player, _IMAGE.sub(image, fragment))
    return _POST_LINK.sub(r'href="#post-\1"', _MEDIA_LINK.sub("<a", fragment))


def _parts(proof: Proof) -> Iterator[tuple[str, str, str]]:
    """What rule sent which words where, in the order of the text; plain whitespace left out."""
    text = proof.stored.post.text
    for span in proof.article.spans:
        words = " ".join(text[span.start : span.end].split())
        if words:
            yield span.part, span.reason, words if len(words) <= 90 else f"{words[:88]}…"


def _picture(run: Run, blog: Blog, proof: Proof, media: "Media") -> str:
    """A small copy of the picture, or of a video's frame, as a data address; "" if there is
    none."""
    from crosspost import images

    locator = media.locator if media.kind in _SHOWN else ""
    wanted = media if locator and _pictured(media) else _frame(media)
    if wanted is None or media.missing:
        return ""
    stored = proof.stored
    try:
        reader = run.reader(blog, Source(stored.reader, stored.source))
        small = images.clean(
            reader.fetch(wanted),
            blog.cache / "sheet",
            types=("image/jpeg", "image/png"),
            max_side=_WIDTH,
        )
    except (Gone, Unsafe, images.BadImage, OSError):
        return ""
    kind = "png" if small.suffix == ".png" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(small.read_bytes()).decode()}"


def _pictured(media: "Media") -> bool:
    return media.kind == "photo" or media.mime.startswith("image/")


def _frame(media: "Media") -> "Any":
    from crosspost.model import Media

    return Media(kind="photo", locator=media.thumb) if media.thumb else None
