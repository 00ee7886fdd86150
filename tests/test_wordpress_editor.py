"""The sample channel in a newspaper's WordPress, written by a user of the author role: its own
parser and its block editor find no block broken and nothing that is no block."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from crosspost.cli import group
from crosspost.model import Remote

pytest.register_assert_rewrite("sites.news")
from sites.news import News  # noqa: E402
from sites.wordpress import WordPress  # noqa: E402

pytest_plugins = ("sites.news",)
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
site = "news"
link = "https://t.me/masterskaya_sib"
credit = "из блога автора"
[site.news]
type = "wordpress"
url = "{url}"
user = "{user}"
password = "{password}"
"""
PARSE = r"""<?php
$_SERVER['HTTP_HOST'] = '127.0.0.1'; $_SERVER['REQUEST_METHOD'] = 'GET';
require getenv('CROSSPOST_CODE') . '/wp-load.php';
$told = [];
$walk = function ($blocks, $id) use (&$walk, &$told) {
    foreach ($blocks as $block) {
        $types = WP_Block_Type_Registry::get_instance();
        $known = $types->is_registered((string) $block['blockName']);
        $loose = !$block['blockName'] && trim($block['innerHTML']) !== '';
        if ($loose || ($block['blockName'] && !$known)) $told[] = [$id, $block['innerHTML']];
        $walk($block['innerBlocks'], $id);
    }
};
foreach (get_posts(['numberposts' => -1]) as $post) {
    $blocks = parse_blocks($post->post_content);
    if (serialize_blocks($blocks) !== $post->post_content) $told[] = [$post->ID, 'not the same'];
    $walk($blocks, $post->ID);
}
echo '@@@' . json_encode($told);
"""
WRONG = """(content) => {
  const wrong = [];
  const walk = (blocks) => blocks.forEach((block) => {
    if (!block.isValid || ["core/freeform", "core/missing"].includes(block.name))
      wrong.push([block.name, block.originalContent]);
    walk(block.innerBlocks);
  });
  walk(wp.blocks.parse(content));
  return wrong;
}"""


def run(folder: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(group, ["--config", str(folder / "crosspost.toml"), *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def mirrored(site: WordPress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("mirrored")
    (folder / "channel").symlink_to(CHANNEL)
    given = {"url": site.url, "user": "blogger", "password": site.passwords["blogger"]}
    (folder / "crosspost.toml").write_text(CONFIG.format(**given), "utf-8")
    site.reset()
    code, said = run(folder, "sync")
    assert code == 1, said
    assert "68 created, 1 held" in said
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def editor(site: WordPress, mirrored: Path) -> Iterator[Any]:
    """The block editor, as the administrator sees it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.goto(f"{site.url}/wp-login.php")
        page.fill("#user_login", "admin")
        page.fill("#user_pass", "admin")
        page.click("#wp-submit")
        page.goto(f"{site.url}/wp-admin/post-new.php")
        page.wait_for_function("window.wp?.blocks?.getBlockTypes().length > 50", timeout=60_000)
        yield page
        browser.close()


def posts(site: WordPress) -> dict[str, Any]:
    params = {"per_page": 100, "context": "edit"}
    return {one["slug"]: one for one in site.ask("GET", "posts", params=params)}


def test_every_post_is_there_once_and_a_second_run_has_nothing_to_do(
    site: WordPress, mirrored: Path
) -> None:
    found = posts(site)
    assert len(found) == 68
    assert all(slug.endswith("-business") for slug in found)
    assert run(mirrored, "sync") == (0, "Nothing to do.\n")


def test_without_its_ledger_it_finds_all_of_them_again(site: WordPress, mirrored: Path) -> None:
    before = posts(site)
    media = len(site.ask("GET", "media", params={"per_page": 100}))
    for path in mirrored.glob("ledger.db*"):
        path.unlink()
    code, said = run(mirrored, "sync")
    assert code == 1, said
    after = posts(site)
    assert {slug: one["modified_gmt"] for slug, one in after.items()} == {
        slug: one["modified_gmt"] for slug, one in before.items()
    }, "and what is right is not written again"
    assert len(site.ask("GET", "media", params={"per_page": 100})) == media


def test_the_sites_own_parser_finds_blocks_only(
    site: WordPress, mirrored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSPOST_CODE", str(site.code))
    script = tmp_path / "parse.php"
    script.write_text(PARSE)
    assert json.loads(site.php(script).rpartition("@@@")[2]) == []


def test_the_block_editor_finds_every_block_whole(site: WordPress, editor: Any) -> None:
    wrong = {
        slug: editor.evaluate(WRONG, one["content"]["raw"]) for slug, one in posts(site).items()
    }
    assert {slug: told for slug, told in wrong.items() if told} == {}
    golden = (HERE / "golden" / "wordpress" / "article.blocks.html").read_text("utf-8")
    assert editor.evaluate(WRONG, golden) == []
    broken = golden.replace("<hr class", "<p>Не так</p><hr class")
    assert editor.evaluate(WRONG, broken) != [], "a broken one would be seen"


def test_an_article_opened_and_saved_in_the_editor_is_not_the_one_we_left(
    site: WordPress, mirrored: Path, editor: Any
) -> None:
    """Its words are as they were, so a lost ledger makes no conflict of it."""
    one = posts(site)["121-business"]
    editor.goto(f"{site.url}/wp-admin/post.php?post={one['id']}&action=edit")
    editor.wait_for_function("window.wp?.data?.select('core/editor')?.getCurrentPostId()")
    assert editor.locator(".block-editor-warning").count() == 0
    editor.evaluate(
        "async () => { const store = wp.data.dispatch('core/editor');"
        " const blocks = wp.data.select('core/block-editor').getBlocks();"
        " store.editPost({content: wp.blocks.serialize(blocks)}); await store.savePost(); }"
    )
    after = posts(site)["121-business"]
    assert after["modified_gmt"] > one["modified_gmt"]
    publisher = News(site, mirrored).make()
    remote = publisher.look(Remote(id=str(one["id"]), url="", version=""))
    publisher.close()
    assert remote.digest in one["content"]["raw"]
    assert remote.digest


def test_a_visitor_sees_pictures_headline_and_original(site: WordPress, mirrored: Path) -> None:
    page = requests.get(posts(site)["53-business"]["link"], timeout=60).text
    assert "Керамическая мастерская Оксаны Тен" in page
    assert 'href="https://t.me/masterskaya_sib/53"' in page
    assert page.count("srcset=") >= 3
    assert "<script>alert" not in page
