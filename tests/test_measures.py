"""What can be measured without an editor, over channels as they really are: shared/fixtures.

Skipped where the fixtures are not. The numbers are printed by source."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from test_normalize import FIXTURES, HERE, STYLE, bare, check, sound

from crosspost.markup import text_of
from crosspost.model import Article, Post
from crosspost.normalize import Style, edges, learn, normalize
from crosspost.readers import Bounds, Context
from crosspost.readers.export import ExportReader, _messages, _records
from crosspost.readers.preview import _html, _message
from crosspost.rules import RuleSet, is_empty, judge

pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is not here")

MEASURES = ("sound headline", "text conserved", "empty", "footer left", "lead", "held")
"""Of what the share is printed."""


def exported(path: Path) -> Iterator[Post]:
    context = Context(base=path.parent, cache=HERE / "nowhere", timezone="Europe/Moscow")
    reader = ExportReader.open(ExportReader.Settings(), path.name, context)
    yield from (one for one in reader.read(Bounds()) if isinstance(one, Post))


def news(folder: Path) -> list[Post]:
    """Half of an export in HTML of a Russian news channel."""
    for name in ("messages3.html", "messages4.html"):
        (folder / name).symlink_to(FIXTURES / "scox3" / name)
    return list(exported(folder))


def diary(_: Path) -> list[Post]:
    """Two exports in JSON of a channel of notes."""
    names = ("result.b76dfd83.json", "result.fd099dca.json")
    return [one for name in names for one in exported(FIXTURES / "clansty" / name)]


def vectors(_: Path) -> list[Post]:
    """Every message of the format vectors."""
    manner = _records.Manner(zone=ZoneInfo("UTC"))
    found = []
    for path in sorted(FIXTURES.glob("frozenspider/*.json")):
        for chat in json.loads(path.read_text("utf-8"))["chats"]["list"]:
            for message in chat["messages"]:
                record = _records.decode(msgspec.json.encode(message))
                if part := _messages.part(record, manner, None):
                    found.append(part.post)
    return found


def pages(_: Path) -> list[Post]:
    """The messages of pages of t.me/s and of fragments of them."""
    found = {}
    for path in sorted(FIXTURES.glob("*/*.html")):
        if path.parent.name == "scox3":
            continue
        for tag in list(_html.every(_html.tree(path.read_bytes()), "tgme_widget_message")):
            if not tag.get("data-post"):
                continue
            one = _message.read(tag, 1, "https://t.me/s/name")
            if one:
                found[tag.get("data-post", "")] = one.post
    return list(found.values())


@pytest.mark.parametrize(
    ("source", "least"), [(news, 900), (diary, 35), (vectors, 12), (pages, 35)]
)
def test_real_channels_become_sound_articles(
    source: type[list[Post]], least: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = source(tmp_path)  # type: ignore[arg-type]
    assert len(found) >= least
    style = msgspec.structs.replace(STYLE, footers=learn(found, STYLE))
    counts, articles = Counter[str](), []
    for one in found:
        article = normalize(one, style)
        sound(one, article)
        counts.update(measures(one, article))
        articles.append(article)
    counts["footer left"] = footers_left(found, articles, style)
    told = ", ".join(f"{what} {counts[what] / len(found):.1%}" for what in MEASURES)
    with capsys.disabled():
        print(f"\n{source.__name__}: {len(found):,} posts: {told}", end="")
    assert counts["sound headline"] >= 0.98 * len(found)
    assert counts["text conserved"] == len(found)
    assert counts["empty and published"] == 0
    assert counts["footer left"] <= 0.02 * len(found)


def measures(source: Post, article: Article) -> Iterator[str]:
    """What of MEASURES holds for one post."""
    check(source, article)
    yield "text conserved"
    if is_sound(source, article):
        yield "sound headline"
    if article.lead:
        yield "lead"
    verdict = judge(source, article, RuleSet())
    if verdict.action == "hold":
        yield "held"
    if is_empty(article):
        yield "empty"
        if verdict.action == "publish":
            yield "empty and published"


def is_sound(source: Post, article: Article) -> bool:
    """Whether the headline is there, within limits, not cut within a word, with its quotes and
    brackets closed, and not said again in lead or body."""
    title = article.title
    if not title or len(title) > STYLE.title_length:
        return False
    if any(title.count(one) != title.count(other) for one, other in ("«»", "()", "[]")):
        return False
    taken = any(span.part == "headline" for span in article.spans)
    text = bare(text_of(article.lead)) + bare(text_of(article.body))
    if taken and text.startswith(bare(title)):
        return False
    words = re.findall(r"\w+", title.casefold())
    of_text = bare(title.rstrip("….!?"))[:20] in bare(source.text)
    return not (of_text and words) or words[-1] in re.findall(r"\w+", source.text.casefold())


def footers_left(found: list[Post], articles: list[Article], style: Style) -> int:
    """How many articles end with a line that was learned to be a footer, or with one that leads
    somewhere and stands word for word under a twentieth of the others, learned or not."""
    ends = [bare(text_of(one.body).rpartition("\n")[2]) for one in articles]
    told = [{bare(one.line): one for one in edges(post, style)} for post in found]
    often = Counter(
        end for end, known in zip(ends, told, strict=True) if end in known and _leads(known[end])
    )
    many = {end for end, count in often.items() if end and count >= max(3, len(found) / 20)}
    learned = [
        any(edge.key in style.footers and end.endswith(line) for line, edge in known.items())
        for end, known in zip(ends, told, strict=True)
    ]
    return sum(end in many or was for end, was in zip(ends, learned, strict=True))


def _leads(edge: object) -> bool:
    return getattr(edge, "kind", "words") != "words"
