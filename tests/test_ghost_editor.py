"""The sample channel in a magazine's Ghost: its editor opens every card whole, saving an article
unchanged changes nothing, and a visitor finds it laid out."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from crosspost.cli import group
from crosspost.model import Remote

pytest.register_assert_rewrite("sites.magazine")
from sites.ghost import OWNER, Ghost  # noqa: E402
from sites.magazine import Magazine  # noqa: E402

pytest_plugins = ("sites.magazine",)
pytestmark = [pytest.mark.servers, pytest.mark.browser]

HERE = Path(__file__).parent
CHANNEL = HERE.parent / "examples" / "channel"
CONFIG = """
language = "ru"
timezone = "Asia/Omsk"
ledger = "ledger.db"
cache = "cache"
[[blog]]
name = "business"
channel = "channel"
reader = "export"
site = "magazine"
link = "https://t.me/masterskaya_sib"
credit = "из блога автора"
[site.magazine]
type = "ghost"
url = "{url}"
admin_key = "{key}"
category = "Блоги"
author = "pavel"
"""
KNOWN = {"paragraph", "extended-heading", "extended-quote", "list", "horizontalrule", "codeblock",
         "image", "gallery", "video", "audio", "file", "toggle", "html", "bookmark"}  # fmt: skip


def run(folder: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(group, ["--config", str(folder / "crosspost.toml"), *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def mirrored(ghost: Ghost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Magazine]:
    folder = tmp_path_factory.mktemp("mirrored")
    (folder / "channel").symlink_to(CHANNEL)
    (folder / "crosspost.toml").write_text(CONFIG.format(url=ghost.url, key=ghost.key), "utf-8")
    ghost.reset()
    code, said = run(folder, "sync")
    assert code == 1, said
    assert "68 created, 1 held" in said
    yield Magazine(ghost, folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def admin(ghost: Ghost, mirrored: Magazine) -> Iterator[Any]:
    """A browser in which the owner is logged in."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=os.environ.get("CROSSPOST_CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox"],
        )
        page = browser.new_page(viewport={"width": 1200, "height": 1100})
        page.goto(f"{ghost.url}/ghost/#/signin")
        page.fill("input[name=identification]", OWNER["email"])
        page.fill("input[name=password]", OWNER["password"])
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "signin" not in url, timeout=60_000)
        yield page
        browser.close()


def posts(site: Magazine) -> dict[str, Any]:
    return {one["slug"]: one for one in site.posts()}


def test_every_post_is_there_once_and_a_second_run_has_nothing_to_do(mirrored: Magazine) -> None:
    found = posts(mirrored)
    assert len(found) == 68
    assert all(slug.endswith("-business") for slug in found)
    assert run(mirrored.folder, "sync") == (0, "Nothing to do.\n")


def test_without_its_ledger_it_finds_all_of_them_again(mirrored: Magazine) -> None:
    before, files = posts(mirrored), mirrored.stored()
    for path in mirrored.folder.glob("ledger.db*"):
        path.unlink()
    code, said = run(mirrored.folder, "sync")
    assert code == 1, said
    after = posts(mirrored)
    assert {slug: one["updated_at"] for slug, one in after.items()} == {
        slug: one["updated_at"] for slug, one in before.items()
    }, "and what is right is not written again"
    assert mirrored.stored() == files


def test_every_article_is_in_the_cards_of_ghosts_editor(mirrored: Magazine) -> None:
    kinds = {
        card["type"]
        for one in mirrored.posts()
        for card in json.loads(one["lexical"])["root"]["children"]
    }
    assert kinds <= KNOWN
    assert {"gallery", "video", "audio", "file", "image", "toggle", "html", "codeblock"} <= kinds


@pytest.mark.parametrize("number", [121, 11, 24, 44, 46])
def test_an_article_opened_and_saved_in_the_editor_is_still_the_one_we_left(
    mirrored: Magazine, admin: Any, number: int
) -> None:
    one = posts(mirrored)[f"{number}-business"]
    site = mirrored.make()
    before = site.look(Remote(id=one["id"], url="", version=""))
    assert before.digest
    admin.goto(f"{mirrored.site.url}/ghost/#/editor/post/{one['id']}")
    admin.wait_for_selector(".koenig-lexical [contenteditable=true] > *", timeout=60_000)
    admin.wait_for_function("document.querySelectorAll('[data-kg-card]').length > 0")
    assert admin.get_by_text("Something went wrong").count() == 0
    admin.wait_for_timeout(1000)
    update = admin.locator("button.gh-editor-save-trigger").first
    assert update.is_disabled(), "the editor sees nothing to save"
    with admin.expect_response(lambda answer: answer.request.method == "PUT") as answered:
        admin.keyboard.press("Control+s")
    assert answered.value.ok
    assert site.look(before) == before


def test_a_word_typed_in_the_editor_is_a_change(mirrored: Magazine, admin: Any) -> None:
    one = posts(mirrored)["126-business"]
    site = mirrored.make()
    before = site.look(Remote(id=one["id"], url="", version=""))
    admin.goto(f"{mirrored.site.url}/ghost/#/editor/post/{one['id']}")
    admin.locator("[contenteditable=true] > p", has_text="Пришёл человек").first.click()
    admin.keyboard.type("Правка")
    with admin.expect_response(lambda answer: answer.request.method == "PUT") as answered:
        admin.keyboard.press("Control+s")
    assert answered.value.ok
    now = site.look(before)
    assert now.version != before.version
    assert now.digest == ""


def test_a_visitor_sees_pictures_headline_and_original(mirrored: Magazine, admin: Any) -> None:
    page = admin.context.browser.new_page()
    page.goto(posts(mirrored)["53-business"]["url"])
    assert "Керамическая мастерская Оксаны Тен" in page.inner_text("h1")
    # Ghost adds its own ?ref= to links that lead outside
    assert page.locator('article a[href^="https://t.me/masterskaya_sib/53"]').count() == 1
    assert page.locator("article .kg-gallery-image img").count() >= 3
    for source in page.eval_on_selector_all("article img", "all => all.map(one => one.src)"):
        assert requests.get(source, timeout=30).headers["Content-Type"].startswith("image/")
    assert page.inner_text("article").count("Павел Столяров") >= 1
    page.close()
