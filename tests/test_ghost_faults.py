"""Whatever breaks on the way to a real Ghost ends in a sentence, and in one article."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from crosspost.errors import Later, PublisherError
from crosspost.model import digest
from crosspost.publishers import Finding, Refused, Unknown
from crosspost.publishers.ghost import _client

pytest.register_assert_rewrite("contract.publisher_contract", "sites.magazine")
from contract.publisher_contract import PHOTO, article  # noqa: E402
from sites.faulty import Faulty  # noqa: E402
from sites.magazine import Magazine  # noqa: E402

pytest_plugins = ("sites.magazine",)
pytestmark = pytest.mark.servers


@pytest.fixture
def way(magazine: Magazine) -> Iterator[Faulty]:
    with Faulty(magazine.site.url) as started:
        yield started


class Fault:
    """Happens to requests of this method whose path ends so, so many times."""

    def __init__(self, method: str, part: str, fault: str, times: int = 1000) -> None:
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
    magazine: Magazine, way: Faulty, fault: str
) -> None:
    site = magazine.make(url=way.url, timeout=5 if fault != "slow" else 1)
    way.fault = Fault("POST", "/posts", fault)
    with pytest.raises(Unknown):
        site.put(article(), {}, None)
    assert sum(request[0] == "POST" for request in way.seen) == 1, "a change is sent once"
    way.fault = lambda method, path: ""
    found = magazine.make(url=way.url).find(article())
    arrived = fault in ("cut-after", "half")
    assert (found is not None) == arrived
    if found:
        assert found.digest == digest(article())
    assert len(magazine.posts()) == arrived


@pytest.mark.parametrize("fault", ["cut-before", "cut-after", "half", "500"])
def test_a_file_without_an_answer_is_there_once_after_another_try(
    magazine: Magazine, way: Faulty, fault: str
) -> None:
    site = magazine.make(url=way.url, timeout=5)
    way.fault = Fault("POST", "/images/upload", fault, 1)
    with pytest.raises(Unknown):
        site.upload(magazine.picture(), PHOTO)
    upload = site.upload(magazine.picture(), PHOTO)
    assert magazine.files() == 1
    assert upload.width == 400
    assert upload.url.startswith(f"{magazine.site.url}/content/images/")


@pytest.mark.parametrize("fault", ["cut-before", "cut-after"])
def test_an_update_without_an_answer_is_told_by_its_digest(
    magazine: Magazine, way: Faulty, fault: str
) -> None:
    site = magazine.make(url=way.url, timeout=5)
    remote = site.put(article(words="Было"), {}, None)
    after = article(words="Стало")
    way.fault = Fault("PUT", f"/{remote.id}", fault, 1)
    with pytest.raises(Unknown):
        site.put(after, {}, remote)
    now = site.look(remote)
    assert now.digest == digest(after if fault == "cut-after" else article(words="Было"))
    if fault == "cut-before":
        assert now.version == remote.version
        site.put(after, {}, remote)
    assert "Стало" in (magazine.public(remote) or "")
    assert len(magazine.posts()) == 1


@pytest.mark.parametrize("fault", ["cut-before", "cut-after", "500"])
def test_a_removal_without_an_answer_is_made_good(
    magazine: Magazine, way: Faulty, fault: str
) -> None:
    site = magazine.make(url=way.url, timeout=5)
    remote = site.put(article(), {}, None)
    way.fault = Fault("DELETE", f"/{remote.id}", fault, 1)
    with pytest.raises(Unknown):
        site.withdraw(remote, "remove")
    assert site.withdraw(remote, "remove") is None
    assert magazine.posts() == []


@pytest.mark.parametrize("fault", ["cut-before", "cut-after", "half", "500", "garbage"])
def test_a_question_is_asked_again(magazine: Magazine, way: Faulty, fault: str) -> None:
    remote = magazine.make().put(article(), {}, None)
    way.fault = Fault("GET", "/posts", fault, 2)
    found = magazine.make(url=way.url, timeout=5).find(article())
    assert found is not None
    assert found.id == remote.id


def test_a_question_that_stays_without_an_answer_is_unknown(
    magazine: Magazine, way: Faulty
) -> None:
    way.fault = Fault("GET", "/posts", "500")
    with pytest.raises(Unknown, match="500"):
        magazine.make(url=way.url, timeout=5).find(article())
    assert way.seen.count(("GET", "/ghost/api/admin/posts/")) == 3


def test_a_new_tag_without_an_answer_makes_no_twin(magazine: Magazine, way: Faulty) -> None:
    one = article(tags=("хлеб",))
    way.fault = Fault("POST", "/posts", "cut-after", 1)
    with pytest.raises(Unknown):
        magazine.make(url=way.url, timeout=5).put(one, {}, None)
    site = magazine.make(url=way.url, timeout=5)
    site.put(article(words="Новое", tags=("Хлеб",)), {}, site.find(one))
    assert magazine.tags() == ["хлеб"]


def test_killed_between_the_draft_and_its_newsletter_it_is_sent_once(
    magazine: Magazine, way: Faulty
) -> None:
    """Ghost sends only what was a draft, so a new article is one for a moment."""
    one = article(date=datetime.now(UTC))
    site = magazine.make(url=way.url, newsletter="default-newsletter", timeout=5)
    way.fault = lambda method, path: "cut-before" if method == "PUT" else ""
    with pytest.raises(Unknown):
        site.put(one, {}, None)
    draft = site.find(one)
    assert draft is not None
    assert (draft.status, magazine.raw(draft)["email"]) == ("draft", None)
    puts = iter(("", "cut-after"))
    way.fault = lambda method, path: next(puts) if method == "PUT" else ""
    with pytest.raises(Unknown):
        site.put(one, {}, draft)
    found = site.find(one)
    assert found is not None
    assert (found.status, found.digest) == ("live", digest(one))
    mailed = magazine.raw(found)["email"]["id"]
    way.fault = lambda method, path: ""
    site.put(article(date=one.date, words="Исправлено"), {}, found)
    assert magazine.raw(found)["email"]["id"] == mailed


# --- An answer that says no to everything ---

NO = {
    "login": "a login page where JSON belongs",
    "moved": "another host, elsewhere.example",
    "stripped": "did not see who asks .*proxy_set_header Authorization",
    "basic": "password of the web server itself",
    "firewall": "refused the request before the site's program saw it",
    "404": "has no Ghost behind it",
}


@pytest.mark.parametrize("fault", NO)
def test_trouble_with_the_whole_site_is_a_sentence_with_a_remedy(
    magazine: Magazine, way: Faulty, fault: str
) -> None:
    way.fault = lambda method, path: fault
    site = magazine.make(url=way.url)
    with pytest.raises(PublisherError, match=NO[fault]) as caught:
        site.find(article())
    assert magazine.site.key.partition(":")[2] not in str(caught.value)
    (finding,) = _wrong(site.check())
    assert finding.remedy
    assert magazine.posts() == []


@pytest.mark.parametrize("fault", ["login", "moved", "firewall", "stripped", "404"])
def test_such_trouble_in_the_midst_of_a_run_makes_no_double(
    magazine: Magazine, way: Faulty, fault: str
) -> None:
    site = magazine.make(url=way.url)
    remote = site.put(article(2), {}, None)
    way.fault = lambda method, path: fault
    with pytest.raises(PublisherError):
        site.put(article(), {}, None)
    with pytest.raises(PublisherError):  # and what is there has not vanished
        site.look(remote)
    way.fault = lambda method, path: ""
    assert site.find(article()) is None
    site.put(article(), {}, None)
    assert len(magazine.posts()) == 2


@pytest.mark.parametrize("fault", ["429:3600", "503:600"])
def test_a_site_that_asks_to_wait_ends_the_run_until_the_next(
    magazine: Magazine, way: Faulty, fault: str
) -> None:
    for method in ("GET", "POST"):
        site = magazine.make(url=way.url)
        way.fault = Fault(method, "/posts", fault)
        with pytest.raises(Later, match=f"come back in {fault[4:]} seconds"):
            site.find(article()) if method == "GET" else site.put(article(), {}, None)
    assert magazine.posts() == []


def test_a_short_wait_is_waited(magazine: Magazine, way: Faulty) -> None:
    way.fault = Fault("GET", "/posts", "429:1", 1)
    assert magazine.make(url=way.url).find(article()) is None


# --- The key ---


def test_a_wrong_key_and_a_deleted_integration_are_told(magazine: Magazine) -> None:
    other = magazine.site.integration("other")
    site = magazine.make(admin_key=other["key"])
    remote = site.put(article(), {}, None)
    magazine.site.ask("DELETE", f"integrations/{other['id']}/")
    with pytest.raises(PublisherError, match=r"does not know this «admin_key» \(Unknown Admin API"):
        site.put(article(words="Новое"), {}, remote)
    name, _, secret = magazine.site.key.partition(":")
    wrong = f"{name}:{secret[::-1]}"
    with pytest.raises(PublisherError, match="does not accept this «admin_key»") as caught:
        magazine.make(admin_key=wrong).find(article())
    assert secret[::-1] not in str(caught.value)
    (finding,) = _wrong(magazine.make(admin_key=wrong).check())
    assert finding.what == "the key"
    assert "Settings, Integrations" in finding.remedy


def test_a_clock_that_is_wrong_is_told_with_both_times(
    magazine: Magazine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(_client.time, "time", lambda: real() - 3600)
    with pytest.raises(PublisherError, match=r"clocks .* too far apart .*here it is 20.*there 20"):
        magazine.make().find(article())


def test_a_redirect_is_told_and_the_key_stays_here(magazine: Magazine, way: Faulty) -> None:
    way.fault = lambda method, path: "moved"
    with pytest.raises(PublisherError, match="put its address as «url»"):
        magazine.make(url=way.url).put(article(), {}, None)
    assert way.reached == []


def test_an_address_below_which_there_is_no_admin_is_told(magazine: Magazine) -> None:
    """The theme answers with its own page."""
    site = magazine.make(url=f"{magazine.site.url}/blog")
    with pytest.raises(PublisherError, match=r"has no Ghost behind it .404.*before /ghost/"):
        site.find(article())
    (finding,) = _wrong(site.check())
    assert finding.what == "the Admin API"
    assert "Look at «url»" in finding.remedy


# --- What it refuses ---

ERRORS = {
    403: (
        PublisherError,
        "HostLimitError",
        "Upgrade your plan to publish more",
        "reached a limit of its plan .Upgrade your plan",
    ),
    413: (
        Refused,
        "RequestEntityTooLargeError",
        "The file you uploaded was larger than the maximum",
        "larger than the maximum",
    ),
    422: (Refused, "ValidationError", "Validation error, cannot save post.", "^published_at: "),
    406: (PublisherError, "RequestNotAcceptableError", "No such version", "needs Ghost 5 or newer"),
    501: (Refused, "NotImplementedError", "Not there", "Not there"),
}


@pytest.mark.parametrize("status", ERRORS)
def test_each_refusal_is_told_in_the_sites_words(magazine: Magazine, status: int) -> None:
    kind, name, message, told = ERRORS[status]
    said = {"message": message, "context": "", "type": name, "property": "published_at"}
    error = magazine.make()._client._error(
        status, said if status == 422 else said | {"property": None}
    )
    assert type(error) is kind
    with pytest.raises(kind, match=told):
        raise error


def test_a_refusal_names_the_field(magazine: Magazine, monkeypatch: pytest.MonkeyPatch) -> None:
    from crosspost.publishers import ghost

    monkeypatch.setattr(ghost, "_EXCERPT", 400)
    with pytest.raises(Refused, match=r"custom_excerpt.*NOT be longer than 300"):
        magazine.make().put(article(lead="Слово " * 60), {}, None)
    assert magazine.posts() == []


def test_an_endless_answer_is_cut(magazine: Magazine, monkeypatch: pytest.MonkeyPatch) -> None:
    from crosspost.publishers import _web

    magazine.make().put(article(), {}, None)
    monkeypatch.setattr(_web, "_LARGEST", 100)
    with pytest.raises(Unknown, match="does not end"):
        magazine.make().find(article())


def _wrong(found: list[Finding]) -> list[Finding]:
    return [finding for finding in found if not finding.ok]
