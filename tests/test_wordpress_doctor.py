"""``crosspost doctor`` before a real WordPress, also where something stands in the way."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from blogs import Blog
from test_archive import message

pytest.register_assert_rewrite("sites.news")
from sites.faulty import Faulty  # noqa: E402
from sites.news import News  # noqa: E402

pytest_plugins = ("sites.news",)
pytestmark = pytest.mark.servers


@pytest.fixture
def way(news: News) -> Iterator[Faulty]:
    with Faulty(news.site.url) as started:
        yield started


def doctor(
    folder: Path, news: News, *words: str, url: str = "", user: str = "blogger", **more: str
) -> list[dict[str, Any]]:
    """What is said of the site."""
    table = {"url": url or news.site.url, "user": user, "password": news.site.passwords[user]}
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in (table | more).items())
    blog = Blog(folder / "blog", tables=f"[site.news]\ntype = 'wordpress'\n{lines}")
    config = blog.root / "crosspost.toml"
    config.write_text(config.read_text("utf-8").replace("site = 'local'", "site = 'news'"), "utf-8")
    blog.write(message(1, line=""))
    told = json.loads(blog.run("doctor", "--json", *words).text)
    assert table["password"] not in json.dumps(told)
    return [step for step in told["steps"] if step["place"] == "site news"]


def test_a_site_that_can_be_written_passes_every_step(news: News, tmp_path: Path) -> None:
    news.site.ask("POST", "categories", json={"name": "Блоги"})
    steps = doctor(tmp_path, news, category="Блоги")
    assert all(step["ok"] for step in steps), steps
    assert [step["what"] for step in steps][2:] == [
        "REST",
        "the Authorization header",
        "the user",
        "the clock",
        "the kind of article",
        "the category «Блоги»",
    ]


@pytest.mark.parametrize("user", ["blogger", "editor"])
def test_a_trial_draft_tells_what_the_filter_keeps_and_leaves_nothing(
    news: News, tmp_path: Path, user: str
) -> None:
    steps = {one["what"]: one["detail"] for one in doctor(tmp_path, news, "--write", user=user)}
    assert steps["the text of a trial draft"] == "all of it is kept"
    assert "was made and deleted" in steps["a trial draft"]
    assert news.posts() == []


def test_what_a_plugin_drops_from_the_text_is_told(news: News, tmp_path: Path) -> None:
    news.site.plugin(
        "strict",
        "add_filter('content_save_pre', fn($t) => preg_replace('/<audio.*?audio>/', '', $t));",
    )
    steps = {one["what"]: one["detail"] for one in doctor(tmp_path, news, "--write")}
    assert steps["the text of a trial draft"] == "the site's filter drops sound"


def test_a_draft_that_an_earlier_trial_left_goes_with_the_next(news: News, tmp_path: Path) -> None:
    title = "A trial of Crosspost, to be removed"
    news.site.ask("POST", "posts", json={"title": title, "status": "draft"}, user="blogger")
    news.site.ask("POST", "posts", json={"title": f"{title}: no"}, user="blogger")
    doctor(tmp_path, news, "--write")
    assert [one["title"]["raw"] for one in news.posts()] == [f"{title}: no"]


def test_a_draft_that_cannot_be_deleted_is_named(news: News, way: Faulty, tmp_path: Path) -> None:
    way.fault = lambda method, path: "403" if method == "DELETE" else ""
    step = doctor(tmp_path, news, "--write", url=way.url)[-1]
    (left,) = news.posts()
    assert not step["ok"]
    assert f"The trial draft {left['id']} could not be deleted" in step["detail"]
    assert "among the drafts of the site" in step["remedy"]


def test_a_draft_whose_answer_was_cut_goes_too(news: News, way: Faulty, tmp_path: Path) -> None:
    way.fault = lambda method, path: (
        "cut-after" if method == "POST" and path.endswith("/posts") else ""
    )
    step = doctor(tmp_path, news, "--write", url=way.url)[-1]
    assert (step["what"], step["ok"]) == ("a trial draft", False)
    assert ("POST", "/wp-json/wp/v2/posts") in way.reached
    assert news.posts() == []


def test_a_draft_of_another_with_the_same_title_stays(news: News, tmp_path: Path) -> None:
    title = "A trial of Crosspost, to be removed"
    news.site.ask("POST", "posts", json={"title": title, "status": "draft"}, user="admin")
    doctor(tmp_path, news, "--write", user="editor")
    assert len(news.posts()) == 1


@pytest.mark.parametrize("told", [True, False], ids=["told by the site", "not told by it"])
def test_a_wrong_password_is_told_with_the_panel_to_make_one(
    news: News, tmp_path: Path, told: bool
) -> None:
    if told:
        news.site.plugin(
            "strict",
            "add_filter('rest_authentication_errors', fn($x) => isset($_SERVER['PHP_AUTH_USER']) "
            "? new WP_Error('incorrect_password', 'Wrong.', ['status' => 401]) : $x);",
        )
    news.site.passwords["blogger"], kept = "wrong wrong", news.site.passwords["blogger"]
    try:
        step = doctor(tmp_path, news)[-1]
    finally:
        news.site.passwords["blogger"] = kept
    assert step["what"].startswith("the password")
    assert ("Authorization" in step["what"]) != told
    assert not step["ok"]
    assert "Application Passwords" in f"{step['detail']} {step['remedy']}"


def test_application_passwords_that_are_switched_off_are_told(news: News, tmp_path: Path) -> None:
    news.site.plugin("off", "add_filter('wp_is_application_passwords_available', fn() => false);")
    step = doctor(tmp_path, news)[-1]
    assert (step["what"], step["ok"]) == ("application passwords", False)
    assert "wp-config.php" in step["remedy"]


@pytest.mark.parametrize(("author", "there"), [("nobody", False), ("blogger", True)])
def test_an_author_who_is_not_there_is_told(
    news: News, tmp_path: Path, author: str, there: bool
) -> None:
    step = doctor(tmp_path, news, user="editor", author=author)[-1]
    assert (step["what"], step["ok"]) == (f"the author «{author}»", there)


FAULTS = {
    "stripped": (
        "the password, or the Authorization header",
        "the web server drops the Authorization header",
    ),
    "basic": ("REST", "Let /wp-json/ through it without one"),
    "firewall": ("REST", "let this machine through it"),
    "login": ("REST", "a login page where JSON belongs"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_stands_before_the_site_is_told_with_the_remedy(
    news: News, way: Faulty, tmp_path: Path, fault: str
) -> None:
    way.fault = lambda method, path: fault
    step = doctor(tmp_path, news, "--write", url=way.url)[-1]
    what, words = FAULTS[fault]
    assert (step["what"], step["ok"], step["code"]) == (what, False, 4)
    assert words in f"{step['detail']} {step['remedy']}"
    assert news.posts() == []


def test_a_user_who_may_not_publish_is_told_which_role_he_needs(news: News, tmp_path: Path) -> None:
    bad = [step for step in doctor(tmp_path, news, "--write", user="guest") if not step["ok"]]
    assert [step["what"] for step in bad] == ["the user"]
    assert "publish articles" in bad[0]["detail"]
    assert "Author" in bad[0]["remedy"]
    assert news.posts() == [], "nothing is tried then"


@pytest.mark.parametrize(("minutes", "ok"), [(1, True), (90, False)])
def test_a_clock_that_is_off_is_told(
    news: News, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: int, ok: bool
) -> None:
    from crosspost.publishers import _web

    def shifted(given: str) -> datetime | None:
        found = moment(given)
        return found and found - timedelta(minutes=minutes)

    moment = _web.moment
    monkeypatch.setattr(_web, "moment", shifted)
    (step,) = [one for one in doctor(tmp_path, news) if one["what"] == "the clock"]
    assert step["ok"] == ok
    assert ok or "Set the clock" in step["remedy"]
