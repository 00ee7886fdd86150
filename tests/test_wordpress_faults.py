"""Whatever breaks on the way to a real WordPress ends in a sentence, and in one article."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from crosspost.errors import Later, PublisherError
from crosspost.model import Figure, digest
from crosspost.publishers import Refused, Unknown

pytest.register_assert_rewrite("contract.publisher_contract", "sites.news")
from contract.publisher_contract import PHOTO, article  # noqa: E402
from sites.faulty import Faulty  # noqa: E402
from sites.news import News  # noqa: E402

pytest_plugins = ("sites.news",)
pytestmark = pytest.mark.servers


@pytest.fixture
def way(news: News) -> Iterator[Faulty]:
    with Faulty(news.site.url) as started:
        yield started


def on(method: str, part: str, fault: str, times: int = 1000) -> "Fault":
    return Fault(method, part, fault, times)


class Fault:
    """Happens to requests of this method whose path ends so, so many times."""

    def __init__(self, method: str, part: str, fault: str, times: int) -> None:
        self.method, self.part, self.fault, self.left = method, part, fault, times

    def __call__(self, method: str, path: str) -> str:
        if method == self.method and path.rstrip("/").endswith(self.part) and self.left:
            self.left -= 1
            return self.fault
        return ""


# --- An answer that never came ---

LOST = ["cut-before", "cut-after", "half", "slow", "garbage", "500", "502", "503"]


@pytest.mark.parametrize("fault", LOST)
def test_an_article_without_an_answer_is_unknown_and_settled_by_looking(
    news: News, way: Faulty, fault: str
) -> None:
    site = news.make(url=way.url, timeout=3 if fault != "slow" else 1)
    way.fault = on("POST", "/posts", fault)
    with pytest.raises(Unknown):
        site.put(article(), {}, None)
    assert sum(request[0] == "POST" for request in way.seen) == 1, "a change is sent once"
    way.fault = lambda method, path: ""
    found = news.make(url=way.url).find(article())
    arrived = fault in ("cut-after", "half")
    assert (found is not None) == arrived
    if found:
        assert found.digest == digest(article())
    assert len(news.posts()) == arrived


@pytest.mark.parametrize("fault", ["cut-before", "cut-after", "half", "500"])
def test_a_file_without_an_answer_is_there_once_after_another_try(
    news: News, way: Faulty, fault: str
) -> None:
    site = news.make(url=way.url, timeout=5)
    way.fault = on("POST", "/media", fault, 1)
    with pytest.raises(Unknown):
        site.upload(news.picture(), PHOTO)
    upload = site.upload(news.picture(), PHOTO)
    assert news.files() == 1
    assert upload.width == 400


@pytest.mark.parametrize("fault", ["cut-before", "cut-after"])
def test_an_update_without_an_answer_is_told_by_its_digest(
    news: News, way: Faulty, fault: str
) -> None:
    site = news.make(url=way.url, timeout=5)
    remote = site.put(article(words="Было"), {}, None)
    after = article(words="Стало")
    way.fault = on("POST", f"/{remote.id}", fault, 1)
    with pytest.raises(Unknown):
        site.put(after, {}, remote)
    now = site.look(remote)
    wanted = after if fault == "cut-after" else article(words="Было")
    assert now.digest == digest(wanted)
    if fault == "cut-before":
        assert now.version == remote.version
        site.put(after, {}, remote)
    assert "Стало" in (news.public(remote) or "")
    assert len(news.posts()) == 1


@pytest.mark.parametrize("fault", ["cut-before", "cut-after", "half", "500", "502"])
def test_a_question_is_asked_again(news: News, way: Faulty, fault: str) -> None:
    remote = news.make().put(article(), {}, None)
    site = news.make(url=way.url, timeout=5)
    way.fault = on("GET", "/posts", fault, 2)
    found = site.find(article())
    assert found is not None
    assert found.id == remote.id


def test_a_question_that_stays_without_an_answer_is_unknown(news: News, way: Faulty) -> None:
    site = news.make(url=way.url, timeout=5)
    way.fault = on("GET", "/posts", "500")
    with pytest.raises(Unknown, match="500"):
        site.find(article())
    assert way.seen.count(("GET", "/wp-json/wp/v2/posts")) == 3


def test_a_tag_without_an_answer_makes_no_twin(news: News, way: Faulty) -> None:
    way.fault = on("POST", "/tags", "cut-after", 1)
    with pytest.raises(Unknown):
        news.make(url=way.url, timeout=5).put(article(tags=("хлеб",)), {}, None)
    news.make(url=way.url, timeout=5).put(article(tags=("хлеб",)), {}, None)
    assert [one["name"] for one in news.site.ask("GET", "tags")] == ["хлеб"]


# --- An answer that says no to everything ---

NO = {
    "login": "a login page where JSON belongs",
    "moved": "another host, elsewhere.example",
    "stripped": "did not see who asks .*SetEnvIf Authorization",
    "basic": "password of the web server itself",
    "firewall": "refused the request before the site's program saw it",
    "404": "shows no WordPress REST",
}


@pytest.mark.parametrize("fault", NO)
def test_trouble_with_the_whole_site_is_a_sentence_with_a_remedy(
    news: News, way: Faulty, fault: str
) -> None:
    way.fault = lambda method, path: fault
    site = news.make(url=way.url)
    with pytest.raises(PublisherError, match=NO[fault]) as caught:
        site.find(article())
    assert news.site.passwords["blogger"] not in str(caught.value)
    findings = [finding for finding in site.check() if not finding.ok]
    assert len(findings) == 1
    assert findings[0].remedy
    assert news.posts() == []


@pytest.mark.parametrize("fault", ["login", "moved", "firewall", "stripped"])
def test_such_trouble_in_the_midst_of_a_run_makes_no_double(
    news: News, way: Faulty, fault: str
) -> None:
    site = news.make(url=way.url)
    way.fault = on("POST", "/posts", fault)
    with pytest.raises(PublisherError):
        site.put(article(), {}, None)
    way.fault = lambda method, path: ""
    assert site.find(article()) is None
    site.put(article(), {}, None)
    assert len(news.posts()) == 1


@pytest.mark.parametrize("fault", ["429:3600", "503:600"])
def test_a_site_that_asks_to_wait_ends_the_run_until_the_next(
    news: News, way: Faulty, fault: str
) -> None:
    for method in ("GET", "POST"):
        site = news.make(url=way.url)
        way.fault = on(method, "/posts", fault)
        with pytest.raises(Later, match=f"come back in {fault[4:]} seconds"):
            site.find(article()) if method == "GET" else site.put(article(), {}, None)
    assert news.posts() == []


def test_when_one_thread_is_asked_to_come_back_later_no_other_asks(news: News, way: Faulty) -> None:
    site = news.make(url=way.url)
    way.fault = on("POST", "/media", "429:3600", 1)
    with pytest.raises(Later):
        site.upload(news.picture(), PHOTO)
    before = len(way.seen)
    with ThreadPoolExecutor(3) as pool:
        for asked in [pool.submit(site.upload, news.picture(n), PHOTO) for n in range(1, 4)]:
            with pytest.raises(Later, match=r"come back in 3\d\d\d seconds"):
                asked.result()
    assert len(way.seen) == before
    assert news.files() == 0


def test_a_short_wait_is_waited_by_all_threads(news: News, way: Faulty) -> None:
    site = news.make(url=way.url)
    site.find(article())
    way.fault = on("GET", "/media", "429:2", 1)
    begun = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(site.upload, news.picture(0), PHOTO)
        while ("GET", "/wp-json/wp/v2/media") not in way.seen:
            time.sleep(0.01)
        time.sleep(0.5)
        site.upload(news.picture(1), PHOTO)
        assert time.monotonic() - begun > 2
        first.result()
    assert news.files() == 2


def test_a_short_wait_is_waited(news: News, way: Faulty) -> None:
    site = news.make(url=way.url)
    way.fault = on("GET", "/posts", "429:1", 1)
    assert site.find(article()) is None


def test_a_wrong_and_a_revoked_password_are_told(news: News) -> None:
    with pytest.raises(PublisherError, match="application password for «blogger»"):
        news.make(password="wrong").find(article())
    with pytest.raises(PublisherError, match=r"did not see who asks|does not know"):
        news.make(user="nobody", password="wrong").find(article())
    site = news.make()
    remote = site.put(article(), {}, None)
    news.site.plugin(
        "revoked", "add_filter('wp_is_application_passwords_available', fn() => false);"
    )
    with pytest.raises(PublisherError, match=r"did not see who asks|does not know this user"):
        site.put(article(words="Новое"), {}, remote)


def test_a_right_that_is_missing_is_told(news: News) -> None:
    with pytest.raises(PublisherError, match=r"may not do this.*role of Author"):
        news.make(user="guest").put(article(), {}, None)
    with pytest.raises(PublisherError, match="may not do this"):
        news.make(user="guest").upload(news.picture(), PHOTO)
    theirs = news.make(user="editor").put(article(), {}, None)
    with pytest.raises(Refused, match="not allowed to edit"):
        news.make().put(article(words="Новое"), {}, theirs)


def test_a_site_that_hides_rest_is_told(news: News) -> None:
    news.site.plugin(
        "hidden",
        "add_filter('rest_authentication_errors', fn() => new WP_Error('rest_disabled', "
        "'REST is closed', ['status' => 401]));",
    )
    with pytest.raises(PublisherError, match=r"A plugin of .* closes REST"):
        news.make().find(article())


def test_a_refusal_names_the_field(news: News) -> None:
    one = article(figures=(Figure(media=PHOTO),), cover=0)
    site = news.make()
    upload = site.upload(news.picture(), PHOTO)
    news.site.plugin(
        "strict",
        "add_filter('rest_pre_insert_post', fn() => new WP_Error('rest_invalid_param', "
        "'Invalid parameter(s)', ['status' => 400, 'params' => ['title' => 'Слишком длинно']]));",
    )
    with pytest.raises(Refused, match="title: Слишком длинно"):
        site.put(one, {0: upload}, None)
    assert news.posts() == []


def test_an_endless_answer_is_cut(news: News, monkeypatch: pytest.MonkeyPatch) -> None:
    from crosspost.publishers import _web

    news.make().put(article(), {}, None)
    monkeypatch.setattr(_web, "_LARGEST", 100)
    with pytest.raises(Unknown, match="does not end"):
        news.make().find(article())
