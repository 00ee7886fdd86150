"""Whatever breaks on the way to a newsroom's CMS ends in a sentence, and in one article."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from crosspost.errors import Later, PublisherError
from crosspost.model import digest
from crosspost.publishers import Context, Unknown
from crosspost.publishers.form import FormPublisher, FormSettings

pytest.register_assert_rewrite("contract.publisher_contract", "sites.desk")
from contract.publisher_contract import PHOTO, article  # noqa: E402
from sites.desk import Desk, settings  # noqa: E402
from sites.faulty import Faulty  # noqa: E402
from sites.newsroom import PEOPLE  # noqa: E402

pytest_plugins = ("sites.desk",)
pytestmark = pytest.mark.servers

ADD = "/admin/news/article/add"
LIST = "/admin/news/article"


@pytest.fixture
def way(desk: Desk) -> Iterator[Faulty]:
    with Faulty(desk.site.url) as started:
        yield started


class On:
    """Happens to requests of this method whose path ends so, so many times."""

    def __init__(self, method: str, part: str, fault: str, times: int = 1000) -> None:
        self.method, self.part, self.fault, self.left = method, part, fault, times

    def __call__(self, method: str, path: str) -> str:
        if method == self.method and path.rstrip("/").endswith(self.part) and self.left:
            self.left -= 1
            return self.fault
        return ""


# --- An answer that never came ---


@pytest.mark.parametrize(
    "fault", ["cut-before", "cut-after", "slow", "garbage", "500", "502", "503"]
)
def test_an_article_without_an_answer_is_unknown_and_settled_by_looking(
    desk: Desk, way: Faulty, fault: str
) -> None:
    site = desk.make(url=way.url, timeout=1 if fault == "slow" else 5)
    way.fault = On("POST", ADD, fault)
    with pytest.raises(Unknown):
        site.put(article(), {}, None)
    assert way.seen.count(("POST", f"{ADD}/")) == 1, "a change is sent once"
    way.fault = lambda method, path: ""
    found = desk.make(url=way.url).find(article())
    assert (found is not None) == (fault == "cut-after")
    if found:
        assert found.digest == digest(article())
    assert desk.all() == (fault == "cut-after")


def test_an_article_whose_confirmation_was_cut_is_known_by_looking(desk: Desk, way: Faulty) -> None:
    site = desk.make(url=way.url, timeout=5)
    way.fault = On("GET", "/change", "half", 2)
    made = site.put(article(), {}, None)
    assert made.digest == digest(article())
    assert desk.all() == 1


@pytest.mark.parametrize("fault", ["cut-before", "cut-after", "500"])
def test_a_file_without_an_answer_is_there_once_after_another_try(
    desk: Desk, way: Faulty, fault: str
) -> None:
    site = desk.make(url=way.url, timeout=5)
    way.fault = On("POST", "/picture/add", fault, 1)
    with pytest.raises(Unknown):
        site.upload(desk.picture(), PHOTO)
    upload = site.upload(desk.picture(), PHOTO)
    assert desk.files() == 1
    assert upload.width == 400


@pytest.mark.parametrize("fault", ["cut-before", "cut-after"])
def test_an_update_without_an_answer_is_told_by_its_digest(
    desk: Desk, way: Faulty, fault: str
) -> None:
    site = desk.make(url=way.url, timeout=5)
    remote = site.put(article(words="Было"), {}, None)
    after = article(words="Стало")
    way.fault = On("POST", "/change", fault, 1)
    with pytest.raises(Unknown):
        site.put(after, {}, remote)
    now = site.look(remote)
    assert now.digest == digest(after if fault == "cut-after" else article(words="Было"))
    if fault == "cut-before":
        assert now.version == remote.version
        site.put(after, {}, remote)
    assert "Стало" in (desk.public(remote) or "")
    assert desk.all() == 1


@pytest.mark.parametrize("fault", ["cut-before", "cut-after", "half", "500", "garbage"])
def test_a_question_is_asked_again(desk: Desk, way: Faulty, fault: str) -> None:
    remote = desk.make().put(article(), {}, None)
    way.fault = On("GET", LIST, fault, 2)
    found = desk.make(url=way.url, timeout=5).find(article())
    assert found is not None
    assert found.id == remote.id


def test_a_question_that_stays_without_an_answer_is_unknown(desk: Desk, way: Faulty) -> None:
    way.fault = On("GET", LIST, "500")
    with pytest.raises(Unknown, match="500"):
        desk.make(url=way.url).find(article())
    assert way.seen.count(("GET", f"{LIST}/")) == 3


# --- A site that has forgotten who we are ---


def test_a_session_that_ended_is_begun_again(desk: Desk) -> None:
    site = desk.make()
    remote = site.put(article(), {}, None)
    desk.site.rows("DELETE FROM django_session")
    again = site.put(article(words="Новое"), {}, remote)
    desk.site.rows("DELETE FROM django_session")
    site.upload(desk.picture(), PHOTO)
    desk.site.rows("DELETE FROM django_session")
    assert site.withdraw(again, "remove") is None
    assert desk.all() == 0


def test_a_login_page_in_place_of_an_answer_is_no_answer(desk: Desk, way: Faulty) -> None:
    site = desk.make(url=way.url)
    way.fault = On("POST", ADD, "login", 1)
    made = site.put(article(), {}, None)
    assert made.status == "live"
    assert desk.all() == 1


def test_a_site_that_never_keeps_us_logged_in_is_told(desk: Desk, way: Faulty) -> None:
    site = desk.make(url=way.url)
    way.fault = On("POST", ADD, "login")
    with pytest.raises(PublisherError, match="answers an article with its login page"):
        site.put(article(), {}, None)
    assert desk.all() == 0


@pytest.mark.parametrize("user", ["editor", "nobody"])
def test_a_wrong_password_is_told_in_the_sites_words(desk: Desk, user: str) -> None:
    login = {"page": "/admin/login/", "user": user, "password": "неверный-пароль"}
    with pytest.raises(PublisherError, match=f"does not let «{user}» in .*введите") as caught:
        desk.make(login=login).find(article())
    assert "неверный-пароль" not in str(caught.value)


def test_a_user_without_rights_is_told(desk: Desk) -> None:
    login = {"page": "/admin/login/", "user": "guest", "password": PEOPLE["guest"]}
    with pytest.raises(PublisherError, match="«guest» may not do this"):
        desk.make(login=login).put(article(), {}, None)


# --- An answer that says no to everything ---

NO = {
    "login": "shows no form that takes a name and a password",
    "moved": "another host, elsewhere.example",
    "basic": "password of the web server itself",
    "firewall": "403: Blocked by firewall",
    "404": "404",
}


@pytest.mark.parametrize("fault", NO)
def test_trouble_with_the_whole_site_is_a_sentence_with_a_remedy(
    desk: Desk, way: Faulty, fault: str
) -> None:
    way.fault = lambda method, path: fault
    site = desk.make(url=way.url)
    with pytest.raises(PublisherError, match=NO[fault]) as caught:
        site.find(article())
    assert PEOPLE["editor"] not in str(caught.value)
    findings = [finding for finding in site.check() if not finding.ok]
    assert len(findings) == 1
    assert findings[0].remedy
    assert not any(method == "POST" for method, _ in way.seen), "the password went nowhere"


def test_nothing_is_sent_to_another_host(desk: Desk, way: Faulty) -> None:
    site = desk.make(url=way.url)
    way.fault = On("POST", ADD, "moved")
    with pytest.raises(PublisherError, match=r"elsewhere\.example"):
        site.put(article(), {}, None)
    assert site.find(article()) is None


@pytest.mark.parametrize("fault", ["429:3600", "503:600"])
def test_a_site_that_asks_to_wait_ends_the_run_until_the_next(
    desk: Desk, way: Faulty, fault: str
) -> None:
    for method in ("GET", "POST"):
        way.fault = On(method, ADD, fault)
        with pytest.raises(Later, match=f"come back in {fault[4:]} seconds"):
            desk.make(url=way.url).put(article(), {}, None)
    assert desk.all() == 0


def test_an_endless_answer_is_cut(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from crosspost.publishers import _web

    site = desk.make()
    site.put(article(), {}, None)
    monkeypatch.setattr(_web, "_LARGEST", 100)
    with pytest.raises(Unknown, match="does not end"):
        site.find(article())


# --- A site that is not what it seems ---


@pytest.fixture
def fake(httpserver: HTTPServer) -> FormPublisher:
    """A publisher of a site that the test invents."""
    given = settings(httpserver.url_for("").rstrip("/"), timeout=5, upload=None)
    context = Context(name="fake", base=Path(), language="ru", timezone="Asia/Omsk")
    return FormPublisher.open(FormSettings(**given), context)


def page(html: str) -> Response:
    return Response(f"<!doctype html><title>CMS</title>{html}", content_type="text/html")


LOGIN = "<form method=post><input name=u><input type=password name=p></form>"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (LOGIN.replace("post", "'post' action='https://evil.example/take'"), r"evil\.example"),
        (LOGIN.replace("post", "'post' action='http://127.0.0.1:9/'"), "sends requests on"),
        (LOGIN.replace("post", "get"), "in its address, where logs keep it"),
    ],
)
def test_the_password_goes_nowhere_but_to_the_site(
    httpserver: HTTPServer, fake: FormPublisher, form: str, told: str
) -> None:
    httpserver.expect_request("/admin/login/").respond_with_response(page(form))
    with pytest.raises(PublisherError, match=told):
        fake.find(article())
    assert [request.method for request, _ in httpserver.log] == ["GET"]


def test_a_site_that_leads_in_a_circle_is_left(httpserver: HTTPServer, fake: FormPublisher) -> None:
    there = Response("", status=302, headers={"Location": "/admin/login/"})
    httpserver.expect_request("/admin/login/").respond_with_response(there)
    with pytest.raises(PublisherError, match="leads in a circle"):
        fake.find(article())


def test_what_a_page_calls_its_fields_is_only_words(
    httpserver: HTTPServer, fake: FormPublisher
) -> None:
    httpserver.expect_request("/admin/login/", method="GET").respond_with_response(page(LOGIN))
    gone = Response("", status=302, headers={"Location": "/admin/"})
    httpserver.expect_request("/admin/login/", method="POST").respond_with_response(gone)
    odd = "<form><input name='title\x1b[31m' required><label>\x07<script>x</script></label></form>"
    httpserver.expect_request("/admin/news/article/add/").respond_with_response(page(odd))
    with pytest.raises(PublisherError, match="shows no form with the fields") as caught:
        fake.put(article(), {}, None)
    assert str(caught.value).isprintable()


def test_a_site_that_repeats_the_password_does_not_put_it_into_our_words(
    httpserver: HTTPServer, fake: FormPublisher
) -> None:
    secret = PEOPLE["editor"]
    httpserver.expect_request("/admin/login/", method="GET").respond_with_response(page(LOGIN))
    wrong = page(f"<p class=error>Пароль «{secret}» неверен</p>{LOGIN}")
    httpserver.expect_request("/admin/login/", method="POST").respond_with_response(wrong)
    with pytest.raises(PublisherError, match="Пароль «…» неверен"):
        fake.find(article())
