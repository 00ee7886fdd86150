"""Real channels through the whole program, from what Telegram wrote to the site.

They lie outside the repository (``CROSSPOST_FIXTURES``, else ``../shared/fixtures``); without them
these tests are skipped.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from blogs import Blog
from lxml import html
from PIL import Image
from preview_server import Fault, PreviewServer

from crosspost import config, pipeline
from crosspost.ledger import Ledger
from crosspost.pipeline import Proof, Run
from crosspost.report import Report

FIXTURES = Path(
    os.environ.get("CROSSPOST_FIXTURES") or Path(__file__).parents[2] / "shared" / "fixtures"
)
pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is not here")


def proofs(blog: Blog) -> list[Proof]:
    """Every post of the blog's ledger with its article."""
    loaded = config.load(blog.root / "crosspost.toml")
    with Ledger.open(loaded.ledger) as ledger:
        run = Run(ledger=ledger, report=Report("look"))
        return list(pipeline.proofs(run, loaded.blogs["b"]))


def malformed(page: bytes) -> list[str]:
    """What libxml2 has to say against the page; the elements of HTML 5 are unknown to it."""
    parser = html.HTMLParser(encoding="utf-8")
    html.document_fromstring(page, parser)
    return [str(one) for one in parser.error_log if one.type_name != "HTML_UNKNOWN_TAG"]


def solid(text: str) -> str:
    """The text without any whitespace and what is not shown."""
    return re.sub(r"[\s\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\x00-\x1f]+", "", text)


def holds(blog: Blog) -> int:
    """Asserts what must be true of a mirrored channel; how many posts it has."""
    found = proofs(blog)
    for stored, article, verdict, delivery in found:
        post = stored.post
        assert "".join(post.text[s.start : s.end] for s in article.spans) == post.text, post.id
        assert all(a.end == b.start for a, b in zip(article.spans, article.spans[1:], strict=False))
        assert delivery is not None
        if verdict.action != "publish" or delivery.state == "held":
            assert delivery.state == "held", (post.id, delivery.reason)
            assert delivery.reason
            continue
        assert delivery.state == "live", (post.id, delivery.reason)
        page = blog.page(post.id)
        root = html.document_fromstring(page)
        shown = solid(root.text_content() + "".join(root.xpath("//@alt")))
        for span in article.spans:
            if span.part in ("headline", "lead", "body", "caption"):
                for line in post.text[span.start : span.end].splitlines():
                    assert solid(line) in shown, (post.id, span, line)
    pages = list(blog.site.rglob("*.html"))
    for path in pages:
        assert malformed(path.read_bytes()) == [], path
    live = {proof.stored.post.id for proof in found if blog.page_of(proof.stored.post.id)}
    assert blog.posts == sorted(live)
    blog.unchanged()
    return len(found)


def test_the_checks_see_what_they_should() -> None:
    """What is not well formed is seen, and what is, is not."""
    for bad in (
        b"<p><div>a</p></div>",
        b"<a href=x>a<a href=y>b</a></a>",
        b"<b>a</i></b>",
    ):
        assert malformed(b"<!doctype html><body>" + bad), bad
    assert not malformed(b"<!doctype html><main><p>a &amp; b<br><img src=x></main>")


# --- Exports ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["result.b76dfd83.json", "result.fd099dca.json"])
def test_a_real_public_channel_is_a_blog(tmp_path: Path, name: str) -> None:
    """Two exports of one channel as JSON; its files were not kept."""
    blog = Blog(tmp_path / "blog")
    (blog.export / "result.json").symlink_to(FIXTURES / "clansty" / name)
    answer = blog.sync()
    assert answer.code == 0, answer.text
    assert holds(blog) > 15


def test_a_later_export_changes_what_changed_and_withdraws_what_is_gone(tmp_path: Path) -> None:
    """A message that is in the first export and not in the second leaves the site."""
    blog = Blog(tmp_path / "blog")
    result = blog.export / "result.json"
    result.symlink_to(FIXTURES / "clansty" / "result.fd099dca.json")
    blog.sync()
    before = set(blog.posts)
    result.unlink()
    result.symlink_to(FIXTURES / "clansty" / "result.b76dfd83.json")
    answer = blog.sync()
    assert answer.code == 0, answer.text
    assert set(blog.posts) != before
    assert holds(blog) > 15


def _chats() -> Iterator[tuple[str, int]]:
    for path in sorted(FIXTURES.glob("frozenspider/*.json")):
        count = len(json.loads(path.read_text("utf-8"))["chats"]["list"])
        yield from ((path.name, number) for number in range(count))


@pytest.mark.parametrize(("name", "number"), list(_chats()))
def test_format_vectors_are_posts(tmp_path: Path, name: str, number: int) -> None:
    """Each chat of the vectors, told to be a channel's."""
    blog = Blog(tmp_path / "blog")
    chat = json.loads((FIXTURES / "frozenspider" / name).read_text("utf-8"))
    chat = chat["chats"]["list"][number]
    chat["id"], chat["type"] = 17, "public_channel"
    (blog.export / "result.json").write_text(json.dumps(chat, indent=1), "utf-8")
    answer = blog.sync()
    assert answer.code in (0, 1), answer.text
    assert holds(blog) == sum(one["type"] != "service" for one in chat["messages"])


@pytest.mark.parametrize(
    "pages", [(4,), pytest.param((2, 3, 4), marks=pytest.mark.slow)], ids=["last", "all"]
)
def test_a_real_html_export_is_a_blog(tmp_path: Path, pages: tuple[int, ...]) -> None:
    """Desktop's default format; earlier pages and photos are missing, which the report says."""
    blog = Blog(tmp_path / "blog")
    for number in pages:
        name = f"messages{number}.html"
        (blog.export / name).symlink_to(FIXTURES / "scox3" / name)
    answer = blog.sync()
    assert answer.code == 1
    assert "Pages of the export are missing: messages.html" in answer.text
    assert holds(blog) > (1500 if len(pages) > 1 else 50)


# --- Pages of t.me ----------------------------------------------------------------------------


class PageServer(PreviewServer):
    """Serves one page as the whole channel; every file in it is a picture of ours."""

    body = ""

    def answer(self, target: str, headers: dict[str, str]) -> Fault:
        if urlsplit(target).path != f"/s/{self.name}":
            return Fault(200, _picture(), Content_Type="image/jpeg")
        return Fault(200, self.body, Content_Type="text/html; charset=utf-8")


def _picture() -> bytes:
    made = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(made, "JPEG")
    return made.getvalue()


@contextmanager
def serving(page: str) -> Iterator[PageServer]:
    """A server of the page, with its files' addresses led to the server and no older page."""
    (name,) = {post.partition("/")[0] for post in re.findall(r'data-post="([^"]+)"', page)}
    with PageServer(name=name) as server:
        page = re.sub(r"(?:https?:)?//cdn[\w-]*\.[\w.-]+/", f"{server.root}/file/", page)
        page = re.sub(r'<a href="[^"]*"[^>]*tme_messages_more[^>]*>.*?</a>', "", page, flags=re.S)
        server.body = re.sub(r'<link rel="prev"[^>]*>', "", page)
        yield server


def mirrored(root: Path, server: PageServer) -> Blog:
    blog = Blog(
        root,
        reader="preview",
        tables=f"[preview]\npreview = '{server.home}'\npause = 0\nbackoff = 0\nattempts = 1\n",
    )
    blog.configure(f"@{server.name}")
    return blog


PAGES = [
    "apkawa-rust-any2feed/full.html",
    "juandresrodca-sherlock-telegram/channel_feed.html",
    "lifemodel/telegram-test-channel.html",
]


@pytest.mark.parametrize("name", PAGES)
def test_a_real_page_is_a_blog(tmp_path: Path, name: str) -> None:
    """Every message of the page is a post with a page of its own, or part of an album."""
    body = (FIXTURES / name).read_text("utf-8")
    with serving(body) as server:
        blog = mirrored(tmp_path / "blog", server)
        answer = blog.sync()
        assert answer.code in (0, 1), answer.text
        assert holds(blog) == len(set(re.findall(r'data-post="[^"]+"', body)))
        assert set(blog.posts) <= {int(n) for n in re.findall(r'data-post="\w+/(\d+)', body)}


@pytest.mark.parametrize(
    "name", sorted(path.name for path in FIXTURES.glob("apkawa-rust-any2feed/message_*.html"))
)
def test_a_real_message_is_a_post(tmp_path: Path, name: str) -> None:
    """Each message by itself, in a page of its own channel."""
    body = (FIXTURES / "apkawa-rust-any2feed" / name).read_text("utf-8")
    frame = (FIXTURES / PAGES[0]).read_text("utf-8")
    head, tail = _frame(frame)
    with serving(head + body + tail) as server:
        blog = mirrored(tmp_path / "blog", server)
        answer = blog.sync()
        assert answer.code == 0, answer.text
        assert holds(blog) == 1


def _frame(page: str) -> tuple[str, str]:
    """What stands before and after the messages of a page."""
    first = page.index('<div class="tgme_widget_message_wrap')
    last = page.index("</main>")
    return page[:first], "</section>" + page[last:]
