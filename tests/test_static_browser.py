"""The static blog in a real browser: the sample channel, read, laid out and published.

    pytest -m browser tests/test_static_browser.py

``CROSSPOST_SHOTS=<folder>`` keeps a picture of each page that is looked at, ``CROSSPOST_VNU=<path
of vnu.jar>`` checks the HTML with the W3C's validator too.
"""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crosspost.model import Author, Media, Post
from crosspost.normalize import Style, normalize
from crosspost.publishers import Context
from crosspost.publishers.static import StaticPublisher, StaticSettings
from crosspost.readers import Bounds
from crosspost.readers import Context as ReaderContext
from crosspost.readers.export import ExportReader

pytestmark = pytest.mark.browser
EXAMPLES = Path(__file__).parents[1] / "examples"
CHROMIUM = os.environ.get("CROSSPOST_CHROMIUM", "/usr/bin/chromium")
MODES = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
CHOSEN = [7, 17, 24, 41, 44, 46, 47, 48, 78, 109, 113, 121, 126]
"""Posts of many kinds: a gallery, a poll, a quiz, video, audio, a file, a spoiler, a place."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample channel as a site."""
    base = tmp_path_factory.mktemp("blog")
    context = ReaderContext(base=EXAMPLES, cache=base / "cache", timezone="Asia/Omsk")
    style = Style(
        blog="business",
        channel=ExportReader.open(ExportReader.Settings(), "channel", context).channel(),
        link="https://t.me/example",
        language="ru",
        timezone="Asia/Omsk",
        credit="из блога автора",
        author=Author(
            name="Павел Столяров",
            about="Столяр из Омска",
            photo=str(EXAMPLES / "author.jpg"),
            url="https://t.me/example",
        ),
        templates=None,
    )
    reader = ExportReader.open(ExportReader.Settings(), "channel", context)
    settings = StaticSettings(path=Path("public"), url="http://localhost:8000/")
    target = Context(name="local", base=base, language="ru", timezone="Asia/Omsk")
    with closing(reader), closing(StaticPublisher.open(settings, target)) as publisher:
        for post in reader.read(Bounds()):
            if isinstance(post, Post):
                publish(post, reader, style, publisher)
        publisher.finish()
    return base / "public"


def publish(post: Post, reader: ExportReader, style: Style, publisher: StaticPublisher) -> None:
    article = msgspec.structs.replace(normalize(post, style), views=post.id * 37)
    uploads = {}
    for number, figure in enumerate(article.figures):
        if not figure.media.missing:
            upload = publisher.upload(reader.fetch(figure.media), figure.media)
            if figure.media.thumb:
                frame = Media(kind="photo", locator=figure.media.thumb)
                poster = publisher.upload(reader.fetch(frame), frame)
                upload = msgspec.structs.replace(upload, poster=poster.url)
            uploads[number] = upload
    publisher.put(article, uploads, None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no {CHROMIUM}")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Visit:
    """A page as a visitor sees it, and all that went wrong with it."""

    def __init__(self, browser: Any, scheme: str, width: int, *, touch: bool = False) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=touch
        )
        self.page = self.context.new_page()
        self.troubles: list[str] = []
        self.asked: set[str] = set()
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("requestfailed", self._failed)
        self.page.on("request", lambda request: self.asked.add(request.url))
        self.page.on(
            "response",
            lambda answer: self.troubles.append(answer.url) if answer.status >= 400 else None,
        )

    def _failed(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # the visitor went on before it came
            self.troubles.append(f"{request.url}: {request.failure}")

    def until(self, condition: str) -> None:
        """Waits for an expression to be true; the page itself lets no string become a script."""
        for _ in range(100):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never came: {condition}")

    def close(self) -> None:
        self.context.close()


def pages(site: Path) -> list[str]:
    """The pages to look at: lists, a tag, and posts of many kinds."""
    chosen = [next(site.glob(f"business/{number}-*.html")) for number in CHOSEN]
    lists = [site / "index.html", site / "business" / "page-1.html"]
    tags = sorted(site.glob("business/tag/*.html"))[:1]
    return [str(path.relative_to(site)) for path in (*lists, *tags, *chosen)]


@pytest.mark.parametrize(("scheme", "width"), MODES)
def test_axe_finds_nothing_and_no_page_is_wider_than_its_screen(
    site: Path, browser: Any, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    axe, shots = Axe(), os.environ.get("CROSSPOST_SHOTS")
    with closing(Visit(browser, scheme, width)) as visit:
        for name in pages(site):
            visit.page.goto((site / name).as_uri())
            found = axe.run(visit.page, options={"preload": False})
            told = [(item["id"], item["nodes"][0]["html"]) for item in found.response["violations"]]
            assert told == [], name
            wide = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{name} is {wide} pixels too wide"
            if shots:
                file = f"{name.replace('/', '_')}-{scheme}-{width}.png"
                visit.page.screenshot(path=Path(shots) / file, full_page=True)
        assert visit.troubles == []


def test_every_page_opens_from_disk_without_a_complaint(site: Path, browser: Any) -> None:
    with closing(Visit(browser, "light", 1280)) as visit:
        for path in sorted(site.rglob("*.html")):
            visit.page.goto(path.as_uri())
            broken = visit.page.evaluate(
                "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
            )
            assert broken == [], path.name
        assert visit.troubles == []
        assert {url.partition(":")[0] for url in visit.asked} == {"file"}


def test_over_http_nothing_is_asked_of_another_host(site: Path, browser: Any) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = f"http://127.0.0.1:{server.server_port}/"
    try:
        with closing(Visit(browser, "light", 1280)) as visit:
            visit.page.goto(home)
            visit.page.click(".story h2 a >> nth=0")
            for _ in range(30):
                visit.page.goto(visit.page.get_attribute(".turn .older", "href") and _older(visit))
            assert visit.troubles == []
            assert all(url.startswith(home) for url in visit.asked)
    finally:
        server.shutdown()
        server.server_close()


def _older(visit: Visit) -> str:
    return str(visit.page.evaluate("document.querySelector('.turn .older').href"))


def test_nothing_jumps_while_pictures_arrive(site: Path, browser: Any) -> None:
    gallery = next(site.glob("business/78-*.html"))
    with closing(Visit(browser, "light", 1280)) as visit:
        visit.page.route("**/*.jpg", lambda route: route.abort())
        visit.page.goto(gallery.as_uri())
        before = visit.page.evaluate("document.body.scrollHeight")
        visit.page.unroute("**/*.jpg")
        visit.page.reload()
        visit.page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
        visit.until("[...document.images].every(i => i.naturalWidth)")
        assert abs(visit.page.evaluate("document.body.scrollHeight") - before) <= 2


def test_a_spoiler_hides_its_words_until_it_is_focused(site: Path, browser: Any) -> None:
    page = next(site.glob("business/47-*.html"))
    colour = "getComputedStyle(document.querySelector('span.spoiler')).color"
    with closing(Visit(browser, "light", 1280)) as visit:
        visit.page.emulate_media(reduced_motion="reduce")
        visit.page.goto(page.as_uri())
        assert visit.page.evaluate(colour) == "rgba(0, 0, 0, 0)"
        visit.page.focus("span.spoiler")
        visit.until(f"!{colour}.endsWith(', 0)')")


def test_on_paper_only_the_words_and_pictures_are_left(site: Path, browser: Any) -> None:
    page = next(site.glob("business/78-*.html"))
    with closing(Visit(browser, "dark", 1280)) as visit:
        visit.page.emulate_media(media="print")
        visit.page.goto(page.as_uri())
        for hidden in (".rail", ".turn", ".colophon"):
            assert not visit.page.is_visible(hidden)
        assert visit.page.is_visible("h1")
        paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == "rgb(255, 255, 255)"


@pytest.mark.skipif("CROSSPOST_VNU" not in os.environ, reason="CROSSPOST_VNU names no vnu.jar")
def test_the_w3c_validator_finds_no_error(site: Path) -> None:
    command = ["java", "-jar", os.environ["CROSSPOST_VNU"], "--errors-only", "--skip-non-html"]
    done = subprocess.run([*command, str(site)], capture_output=True, text=True, check=False)
    # it knows no host, so that it takes each picture for one from elsewhere
    told = [line for line in done.stderr.splitlines() if "Content Security" not in line]
    assert told == []
