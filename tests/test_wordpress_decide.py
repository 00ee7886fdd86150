"""A person's decisions about articles in a newspaper's WordPress, by the whole program: what an
editor changed there is kept, and what a run made there can be compared and taken back."""

import json
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from crosspost.cli import group
from crosspost.model import Media, Remote

pytest.register_assert_rewrite("sites.news")
from sites.news import CONFIG, News  # noqa: E402

pytest_plugins = ("sites.news",)
pytestmark = pytest.mark.servers

PHOTO = Media(kind="photo", locator="1/0", mime="image/png")
FIRST = "Пекарня на Садовой\n\nОткрылась вчера. Пекут ночью. #хлеб"


class Mirror:
    """A channel and the newspaper that shows it."""

    def __init__(self, news: News) -> None:
        self.news, self.root = news, news.folder
        (self.root / "channel").mkdir()
        given = {"url": news.site.url, "password": news.site.passwords["blogger"]}
        (self.root / "crosspost.toml").write_text(
            (CONFIG + 'category = "Блоги"\n').format(**given), "utf-8"
        )
        news.site.ask("POST", "categories", json={"name": "Блоги"})

    def write(self, *texts: str, photos: tuple[int, ...] = ()) -> None:
        for number in photos:
            name = self.root / "channel" / f"{number}.png"
            self.news.picture(number).replace(name)
        messages: list[dict[str, Any]] = [
            {
                "id": number,
                "type": "message",
                "date": f"2025-05-01T10:{number:02}:00",
                "date_unixtime": str(1_746_000_000 + 3600 * number),
                "text": text,
                "text_entities": [{"type": "plain", "text": text}],
            }
            | ({"photo": f"{number}.png", "width": 400, "height": 300} if number in photos else {})
            for number, text in enumerate(texts, start=1)
        ]
        whole = {"name": "Мастерская", "type": "public_channel", "id": 49, "messages": messages}
        (self.root / "channel" / "result.json").write_text(json.dumps(whole), "utf-8")

    def run(self, *words: str) -> tuple[int, str]:
        config = str(self.root / "crosspost.toml")
        result = CliRunner().invoke(group, ["--config", config, *words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    def article(self, post: int) -> Any:
        (found,) = [one for one in self.news.posts() if one["slug"].startswith(f"{post}-b")]
        return found

    def change(self, post: int, **fields: Any) -> None:
        """The editor changes the article."""
        self.news.change(Remote(id=str(self.article(post)["id"]), url="", version=""), **fields)

    def term(self, kind: str, name: str) -> int:
        made = self.news.site.ask("POST", kind, json={"name": name}, user="editor")
        return int(made["id"])

    def live(self) -> list[int]:
        shown = (one for one in self.news.posts() if one["status"] == "publish")
        return sorted(int(one["slug"].partition("-")[0]) for one in shown)


@pytest.fixture
def mirror(news: News) -> Mirror:
    return Mirror(news)


def test_an_editors_headline_tags_and_category_outlive_the_authors_corrections(
    mirror: Mirror,
) -> None:
    mirror.write(FIRST)
    assert mirror.run("sync")[0] == 0
    kept = {
        "title": "Хлеб пекут ночью",
        "tags": [mirror.term("tags", "пекарни")],
        "categories": [mirror.term("categories", "Город")],
    }
    mirror.change(1, **kept)
    mirror.write(FIRST.replace("вчера", "позавчера"))
    code, said = mirror.run("sync")
    assert code == 1
    assert "a person had changed it (headline, tags, category)" in said
    assert mirror.run("resolve", "b/1", "--merge") == (0, "1 updated.\n")
    mirror.write(FIRST.replace("вчера", "в среду"))
    assert mirror.run("sync")[0] == 0
    now = mirror.article(1)
    assert {"title": now["title"]["raw"], "tags": now["tags"], "categories": now["categories"]} == (
        kept
    )
    assert "в среду" in now["content"]["raw"]
    assert mirror.run("sync") == (0, "Nothing to do.\n")
    assert mirror.run("verify")[0] == 0


def test_what_an_editor_alone_changed_is_left_alone(mirror: Mirror) -> None:
    mirror.write(FIRST)
    mirror.run("sync")
    mirror.change(1, title="Хлеб пекут ночью")
    assert mirror.run("sync") == (0, "Nothing to do.\n")
    assert mirror.article(1)["title"]["raw"] == "Хлеб пекут ночью"
    code, said = mirror.run("verify")
    assert (code, "changed: b/1 → news" in said, "(headline)" in said) == (0, True, True)


def test_verify_tells_what_is_gone_doubled_or_unknown(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.write(*(f"Запись {number}\n\nО хлебе номер {number}." for number in range(1, 6)))
    mirror.run("sync")
    assert mirror.run("verify") == (0, "The sites are as the ledger says.\n")
    first, second = mirror.article(1), mirror.article(2)
    mirror.news.site.ask("DELETE", f"posts/{second['id']}", user="editor")
    twin = {name: first[name]["raw"] for name in ("title", "content")}
    mirror.news.site.ask("POST", "posts", json=twin | {"status": "draft"}, user="blogger")
    stranger = first["content"]["raw"].replace("--b--1--", "--b--77--")
    post = {"title": "x", "content": stranger, "status": "publish"}
    mirror.news.site.ask("POST", "posts", json=post, user="editor")
    asked: list[str] = []
    send = requests.Session.send

    def counted(self: Any, request: Any, **given: Any) -> Any:
        asked.append(request.method)
        return send(self, request, **given)

    monkeypatch.setattr(requests.Session, "send", counted)
    code, said = mirror.run("verify", "--json")
    found = {(one["what"], one["post_id"]) for one in json.loads(said)["differences"]}
    assert code == 1
    assert found == {("doubled", 1), ("gone", 2), ("unknown", 77)}
    assert set(asked) == {"GET"}
    assert len(asked) < 8, "pages are asked for, not articles"


def test_verify_tells_of_files_that_are_lost_or_in_no_article(mirror: Mirror) -> None:
    mirror.write("Печь\n\nЕй сто лет.", "Тесто\n\nОно живое.", photos=(1, 2))
    assert mirror.run("sync")[0] == 0
    kept, lost = sorted(mirror.news.media(), key=lambda one: int(one["id"]))
    mirror.news.site.ask("POST", f"media/{kept['id']}", json={"title": "Печь"}, user="editor")
    assert mirror.run("verify")[0] == 0, "a file may have another title"
    params = {"force": "true"}
    mirror.news.site.ask("DELETE", f"media/{lost['id']}", params=params, user="editor")
    stray = mirror.news.make().upload(mirror.news.picture(3), PHOTO)
    code, said = mirror.run("verify", "--json")
    found = [(one["what"], one["post_id"], one["url"]) for one in json.loads(said)["differences"]]
    assert code == 1
    assert found == [("lost", 2, lost["source_url"]), ("stray", 0, stray.url)]
    assert "retry b/2" in mirror.run("resolve", "b/2", "--ours")[1]
    assert mirror.run("retry", "b/2")[0] == 0
    mirror.news.make().discard(stray)
    assert mirror.run("verify") == (0, "The sites are as the ledger says.\n")
    assert len(mirror.news.media()) == 2


def test_undo_takes_back_one_backfill_but_for_what_an_editor_touched(mirror: Mirror) -> None:
    mirror.write(*(f"Запись {number}\n\nО хлебе номер {number}." for number in range(1, 6)))
    mirror.run("backfill", "b", "--ids", "1-2")
    mirror.run("backfill", "b", "--ids", "3-5")
    mirror.change(4, title="Как решил редактор")
    run = json.loads(mirror.run("undo", "--json")[1])["runs"][0]["id"]
    code, said = mirror.run("undo", str(run), "--yes")
    assert (code, "stays there" in said) == (1, True)
    assert mirror.live() == [1, 2, 4]
    mirror.run("sync")
    assert mirror.live() == [1, 2, 4]
    assert mirror.run("backfill", "b", "--ids", "3-5")[0] == 0
    assert mirror.live() == [1, 2, 3, 4, 5]
    assert len(mirror.news.posts()) == 5, "none twice, in the trash either"


@pytest.mark.parametrize("words", [(), ("--remove",)])
def test_a_withdrawn_article_comes_back_where_it_was(
    mirror: Mirror, words: tuple[str, ...]
) -> None:
    mirror.write(FIRST)
    mirror.run("sync")
    before = mirror.article(1)["id"]
    assert mirror.run("withdraw", "b/1", *words) == (0, "1 withdrawn.\n")
    assert mirror.live() == []
    mirror.write(FIRST.replace("вчера", "позавчера"))
    mirror.run("sync")
    assert mirror.live() == []
    code, said = mirror.run("resolve", "b/1", "--publish")
    assert code == 0, said
    assert mirror.live() == [1]
    assert [one["id"] for one in mirror.news.posts()] == [before]


def test_what_an_editor_put_into_the_trash_does_not_come_back_by_itself(mirror: Mirror) -> None:
    mirror.write(FIRST)
    mirror.run("sync")
    mirror.news.site.ask("DELETE", f"posts/{mirror.article(1)['id']}", user="editor")
    (mirror.root / "ledger.db").unlink()
    code, said = mirror.run("backfill", "b")
    assert (code, "A person removed it from the site" in said) == (1, True)
    assert mirror.live() == []
