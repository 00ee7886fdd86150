"""The preview sheet: what an editor sees before anything is sent."""

import json
import os
import re
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from click.testing import CliRunner

from crosspost.cli import group

ROOT = Path(__file__).parents[1]
FIXTURES = Path(os.environ.get("CROSSPOST_FIXTURES", ROOT.parent / "shared" / "fixtures"))
CONFIG = """\
language = "ru"
timezone = "Asia/Omsk"
cache = "cache"
[[blog]]
name = "business"
channel = "channel"
reader = "export"
site = "local"
link = "https://t.me/lavka"
[site.local]
type = "static"
path = "public"
"""
AD = "Реклама. ООО «Мука», erid: 2VtzqwErTy5"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "<iframe src=https://evil.example></iframe>",
]


def write_channel(folder: Path, messages: list[dict[str, Any]]) -> None:
    path = folder / "channel"
    path.mkdir(exist_ok=True)
    base = {"type": "message", "from": "Лавка", "from_id": "channel77"}
    export = {"name": "Лавка", "type": "public_channel", "id": 77}
    full = [
        base | {"id": n, "date_unixtime": str(1_746_000_000 + 3600 * n)} | one
        for n, one in enumerate(messages, start=1)
    ]
    text = json.dumps(export | {"messages": full}, ensure_ascii=False)
    (path / "result.json").write_text(text, "utf-8")


def plain(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "text_entities": [{"type": "plain", "text": text}], **more}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "crosspost.toml").write_text(CONFIG, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*words: str) -> Any:
    result = CliRunner().invoke(group, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def sheet(*words: str, code: int = 0) -> BeautifulSoup:
    result = invoke("preview", "--no-open", "-o", "sheet.html", *words)
    assert result.exit_code == code, result.output
    return BeautifulSoup(Path("sheet.html").read_text("utf-8"), "lxml")


def text(tag: Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> BeautifulSoup:
    """The sheet of the sample channel."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(ROOT / "examples", folder / "examples")
    config = (ROOT / "config.example.toml").read_text("utf-8")
    config = 'cache = "cache"\n' + config.replace('"skip"', '"hold"')
    (folder / "c.toml").write_text(config, "utf-8")
    target = folder / "sheet.html"
    result = invoke("-c", str(folder / "c.toml"), "preview", "--no-open", "-o", str(target))
    assert result.exit_code == 0, result.output
    return BeautifulSoup(target.read_text("utf-8"), "lxml")


def test_what_waits_for_a_person_stands_on_top_with_its_reason(sample: BeautifulSoup) -> None:
    assert "69 posts: 1 held, 68 to publish" in text(sample.header)
    held = sample.select(".panel.hold li")
    assert len(held) == 1
    assert "marked as an advertisement" in text(held[0])
    link = held[0].a
    assert link is not None
    target = sample.find(id=str(link["href"])[1:])
    assert isinstance(target, Tag)
    assert "hold" in target["class"]
    assert "marked as an advertisement" in text(target.select_one(".bar"))


def test_every_post_stands_there_beside_its_article(sample: BeautifulSoup) -> None:
    posts = sample.select("main > .post")
    assert len(posts) == 69
    for post in posts:
        assert text(post.select_one(".article .headline"))
        assert post.select_one(".original") is not None
        assert "в Телеграм-канале автора" in text(post.select_one(".attribution"))


def test_an_album_shows_all_its_photos(sample: BeautifulSoup) -> None:
    post = sample.find(id="business-11")
    assert isinstance(post, Tag)
    assert "4 × photo" in text(post.select_one(".facts"))
    pictures = post.select(".article img")
    assert len(pictures) == 4
    assert len({str(picture["src"]) for picture in pictures}) == 4


def test_a_rich_post_shows_its_pictures_and_ticks_on_both_sides(sample: BeautifulSoup) -> None:
    post = sample.find(id="business-121")
    assert isinstance(post, Tag)
    for side in (".original", ".article"):
        picture = post.select_one(f"{side} img")
        assert picture is not None
        assert str(picture["src"]).startswith("data:image/jpeg;base64,")
        ticks = {text(tag)[:1] for tag in post.select(f"{side} li.done, {side} li.todo")}
        assert ticks == {"☑", "☐"}


def test_a_picture_that_cannot_be_shown_leaves_no_broken_frame(place: Path) -> None:
    photo = {"type": "photo", "photo": "photos/none.jpg", "width": 9, "height": 9}
    words = {"type": "paragraph", "text": {"type": "plain", "text": "Открыли вторую лавку."}}
    blocks = {"rtl": False, "part": False, "blocks": [words, photo]}
    write_channel(place, [plain("", rich_message=blocks)])
    page = sheet()
    assert "вторую лавку" in text(page.select_one(".original"))
    assert page.find("img") is None


def test_removed_words_are_crossed_out_in_the_original(sample: BeautifulSoup) -> None:
    post = sample.find(id="business-126")
    assert isinstance(post, Tag)
    assert "Подписаться" in text(post.select_one(".original del"))
    assert "Подписаться" not in text(post.select_one(".article"))
    removed = [row for row in post.select(".rules .removed") if "Подписаться" in text(row)]
    assert "repeats under" in text(removed[0]) or text(removed[0]).count(" ") > 2


def test_the_sheet_asks_nobody_for_anything_and_runs_nothing(sample: BeautifulSoup) -> None:
    assert_harmless(sample)
    assert len(sample.select('img[src^="data:image/"]')) > 30


def assert_harmless(page: BeautifulSoup) -> None:
    assert not page.select("script, iframe, object, embed, link, base, form, svg, video, audio")
    policy = page.select_one("meta[http-equiv=Content-Security-Policy]")
    assert policy is not None
    assert str(policy["content"]).startswith("default-src 'none'; img-src data:; style-src 'sha256")
    assert len(page.select("style")) == 1
    for tag in page.find_all(True):
        for name, value in tag.attrs.items():
            assert not name.startswith("on"), tag
            assert name != "style", tag
            if name in ("src", "srcset", "poster", "data"):
                assert str(value).startswith("data:"), tag
            if name == "href":
                assert re.match(r"(https?|mailto|tel|tg):|#", str(value)), tag
    anchors = {str(tag["id"]) for tag in page.select("[id]")}
    assert len(anchors) == len(page.select("[id]"))


@pytest.mark.parametrize("words", HOSTILE)
def test_no_post_can_put_a_script_into_the_sheet(place: Path, words: str) -> None:
    link = {"type": "text_link", "text": words, "href": "javascript:alert(1)"}
    post = {"text": [link], "text_entities": [link, {"type": "plain", "text": f"\n\n{words}"}]}
    poll = {"question": words, "closed": False, "total_voters": 1}
    answers = [{"text": words, "voters": 1, "chosen": False}]
    write_channel(
        place,
        [
            post | {"forwarded_from": words, "author": words},
            plain(words, file="x.bin", file_name=words, mime_type=words, media_type=words),
            plain(words, photo=f"photos/{words}.jpg"),
            plain("", poll=poll | {"answers": answers}),
            plain(AD + words),
        ],
    )
    export = place / "channel" / "result.json"
    export.write_text(export.read_text("utf-8").replace('"Лавка"', json.dumps(words)), "utf-8")
    page = sheet()
    assert_harmless(page)
    assert len(page.select(".post")) == 5
    assert "49" not in text(page.select_one(".post .headline"))


def test_what_would_become_of_known_posts_is_told(place: Path) -> None:
    posts = [plain("Один\n\nПервый пост."), plain("Два\n\nВторой пост."), plain(AD)]
    write_channel(place, posts)
    assert "3 posts: 1 held, 2 to publish." in text(sheet().header)
    invoke("sync")
    assert "3 posts: 1 held, 2 unchanged." in text(sheet().header)
    assert sheet().select_one('.post.unchanged .bar a[href^="http://localhost:8000/"]')
    posts[0] = plain("Один\n\nПоправленный пост.")
    posts[1] = {"type": "service", "action": "pin_message"}
    write_channel(place, [*posts, plain("Новый\n\nПост.")])
    header = text(sheet().header)
    for words in ("1 held", "1 to publish", "1 to update", "1 to withdraw"):
        assert words in header
    config = CONFIG.replace("[site.local]", '[blog.rules]\nadvertisements = "skip"\n[site.local]')
    Path("crosspost.toml").write_text(config, "utf-8")
    page = sheet()
    assert "1 left out" in text(page.header)
    assert "Left out: 1" in text(page.select_one(".panel.skip"))


def test_the_dates_are_the_blogs_own(place: Path) -> None:
    write_channel(place, [plain("Утро\n\nПост.")])
    assert "April 30, 2025, 3:00 PM" in text(sheet().select_one(".bar"))


def test_two_blogs_with_the_same_numbers_do_not_meet(place: Path) -> None:
    second = CONFIG.partition("[[blog]]")[2].partition("[site")[0].replace("business", "other")
    Path("crosspost.toml").write_text(CONFIG + "[[blog]]" + second, "utf-8")
    write_channel(place, [plain("Один\n\nПост."), plain("Два\n\nОтвет.", reply_to_message_id=1)])
    page = sheet()
    assert {str(post["id"]) for post in page.select(".post")} == {
        *("business-1", "business-2", "other-1", "other-2")
    }
    reply = page.select_one("#other-2 .article a[href^='#']")
    assert reply is not None
    assert reply["href"] == "#other-1"
    assert len(sheet("other").select(".post")) == 2


def test_limit_shows_the_newest(place: Path) -> None:
    write_channel(place, [plain(f"Запись {n}\n\nПост.") for n in range(1, 6)])
    assert [post["id"] for post in sheet("--limit", "2").select(".post")] == [
        *("business-5", "business-4")
    ]


def test_without_its_source_the_sheet_shows_what_is_known(place: Path) -> None:
    write_channel(place, [plain("Один\n\nПост.", photo="photos/1.jpg")])
    (place / "channel" / "photos").mkdir()
    shutil.copy(ROOT / "examples" / "author.jpg", place / "channel" / "photos" / "1.jpg")
    assert sheet().select_one(".article img") is not None
    invoke("sync")
    shutil.rmtree(place / "channel")
    page = sheet(code=3)
    assert "Not all is well" in text(page.header)
    assert len(page.select(".post")) == 1


def test_an_empty_channel_is_said(place: Path) -> None:
    write_channel(place, [])
    assert "No posts yet." in text(sheet().main)


def test_memory_does_not_grow_with_the_blog(place: Path) -> None:
    write_channel(place, [plain(f"Запись {n}\n\n{'Слово. ' * 400}") for n in range(120)])
    invoke("sync")

    def peak(limit: str) -> int:
        tracemalloc.start()
        invoke("preview", "--no-open", "-o", "sheet.html", "--limit", limit)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak("1")
    small, large = peak("2"), peak("120")
    grown = (place / "sheet.html").stat().st_size
    assert grown > 1_000_000
    assert large - small < grown / 4, (small, large)


# --- Real channels ---


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="no fixtures")
@pytest.mark.parametrize(
    "name",
    [
        *sorted(p.relative_to(FIXTURES).as_posix() for p in FIXTURES.rglob("*.json")),
        pytest.param("scox3", marks=pytest.mark.slow),
    ],
)
def test_real_channels_make_a_harmless_sheet(place: Path, name: str) -> None:
    config = CONFIG.replace('"channel"', json.dumps(str(FIXTURES / name)))
    Path("crosspost.toml").write_text(config, "utf-8")
    result = invoke("preview", "--no-open", "-o", "sheet.html")
    if result.exit_code == 3:
        pytest.skip(result.output.strip())
    page = BeautifulSoup(Path("sheet.html").read_text("utf-8"), "lxml")
    assert_harmless(page)
    assert page.select(".post")


# --- In a browser ---


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 390)])
def test_in_a_browser_it_is_quiet_accessible_and_filters(
    place: Path, scheme: Any, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    shutil.copytree(ROOT / "examples" / "channel", place / "channel")
    sheet()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        size: Any = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((place / "sheet.html").as_uri())
        assert said == []
        assert [url for url in asked if not url.startswith(("data:", "file:"))] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("scrollTo(0, 5000)")
        page.locator("label", has_text="Held 1").click(timeout=2000)
        assert page.locator(".post:visible").count() == 1
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        browser.close()
