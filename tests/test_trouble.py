"""Partial trouble stays partial: a post, a blog or a site that fails stops no other, a site that is
down is asked once a run, and what failed is sent again when a person says so."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from socket import socket
from threading import Thread
from time import process_time, sleep
from typing import Any

import pytest
from blogs import Answer, Blog
from click.testing import CliRunner
from pytest_httpserver import HTTPServer
from urllib3.connection import HTTPConnection
from werkzeug import Response

from crosspost.cli import group
from crosspost.deliver import PATIENCE
from crosspost.errors import Later, PublisherError
from crosspost.publishers import Refused, Unknown, _marks, _web
from crosspost.publishers.ghost import _stored
from crosspost.publishers.ghost._client import Collision


def _post(number: int, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_700_000_000 + number),
        "from_id": "channel77",
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
    }


class Newsroom:
    """Several blogs of one channel each, all on one site that may be down, and on a folder."""

    def __init__(self, root: Path, url: str, *, blogs: int, posts: int) -> None:
        self.root = root
        text = "ledger = 'ledger.db'\ncache = 'cache'\n"
        for number in range(1, blogs + 1):
            channel = root / f"channel{number}"
            channel.mkdir(parents=True)
            messages = [_post(one, f"Новость {one}") for one in range(1, posts + 1)]
            told = {"name": "Лавка", "type": "public_channel", "id": 70 + number}
            (channel / "result.json").write_text(json.dumps(told | {"messages": messages}), "utf-8")
            text += (
                f"[[blog]]\nname = 'b{number}'\nchannel = 'channel{number}'\nreader = 'export'\n"
                "site = ['news', 'local']\n"
            )
        text += (
            f"[site.news]\ntype = 'wordpress'\nurl = '{url}'\nuser = 'author'\ninsecure = true\n"
            "password = 'abcd efgh ijkl'\ntimeout = 5\n"
            "[site.local]\ntype = 'static'\npath = 'public'\n"
        )
        (root / "crosspost.toml").write_text(text, "utf-8")

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        config = str(self.root / "crosspost.toml")
        result = CliRunner().invoke(group, ["-c", config, *words, "--json"])
        assert isinstance(result.exception, SystemExit | None), result.exception
        told: dict[str, Any] = json.loads(result.stdout)
        return result.exit_code, told

    def pages(self) -> int:
        return len(list((self.root / "public").glob("b[1-9]/[0-9]*.html")))


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens."""
    with closing(socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every connection that was begun."""
    begun: list[str] = []
    real = HTTPConnection.connect

    def connect(self: HTTPConnection) -> None:
        begun.append(f"{self.host}:{self.port}")
        real(self)

    monkeypatch.setattr(HTTPConnection, "connect", connect)
    return begun


def test_a_site_that_cannot_be_reached_is_asked_once_a_run_whoever_wants_it(
    tmp_path: Path, nobody: str, tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Newsroom(tmp_path, nobody, blogs=4, posts=5)
    code, told = room.run("sync")
    assert code == 4
    assert len(tried) == 3, "one question, asked three times"
    assert [(one["blog"], one["site"]) for one in told["errors"]] == [
        (f"b{number}", "news") for number in (1, 2, 3, 4)
    ]
    assert all("cannot be reached" in one["message"] for one in told["errors"])
    assert told["created"] == 20, "the other site has everything"
    assert room.pages() == 20
    tried.clear()
    monkeypatch.setattr(_web, "_ATTEMPTS", 1)
    assert room.run("sync")[0] == 4
    assert len(tried) == 1, "the next run asks again"


def test_a_site_that_was_down_for_weeks_costs_no_post_its_tries(
    tmp_path: Path, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_web, "_ATTEMPTS", 1)
    room = Newsroom(tmp_path, nobody, blogs=1, posts=2)
    for _ in range(12):
        assert room.run("sync")[0] == 4
    (blog,) = room.run("status")[1]["blogs"]
    (news,) = [site for site in blog["sites"] if site["site"] == "news"]
    assert news["waiting"] == []
    assert news["due"] == 2
    assert news["last_success"] is None


def test_a_site_that_answers_nothing_but_errors_costs_no_post_its_tries(
    tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_web, "_ATTEMPTS", 1)
    httpserver.expect_request(re.compile(".*")).respond_with_data("<p>Error</p>", status=500)
    room = Newsroom(tmp_path, httpserver.url_for("/"), blogs=2, posts=4)
    for _ in range(12):
        before = len(httpserver.log)
        code, told = room.run("sync")
        assert code == 4
        assert told["failed"] == PATIENCE, "the second blog does not ask"
        assert len(httpserver.log) - before <= 2 * PATIENCE
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
            ledger.execute("UPDATE delivery SET not_before = ''")  # the pause is over
    for blog in room.run("status")[1]["blogs"]:
        (news,) = [site for site in blog["sites"] if site["site"] == "news"]
        assert (news["waiting"], news["due"]) == ([], 4)


def test_a_site_that_asks_to_come_back_later_is_left_alone_by_every_blog(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    asked: list[str] = []

    def busy(request: Any) -> Response:
        asked.append(request.path)
        return Response("", status=503, headers={"Retry-After": "600"})

    httpserver.expect_request(re.compile(".*")).respond_with_handler(busy)
    room = Newsroom(tmp_path, httpserver.url_for("/"), blogs=3, posts=3)
    code, told = room.run("sync")
    assert code == 7
    assert len(asked) == 1
    assert len(told["errors"]) == 3
    assert room.pages() == 9


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(13, "Permission denied", "/cache/b1"), "/cache/b1: Permission denied"),
        (KeyError("what nobody foresaw"), "Crosspost itself failed (KeyError: 'what nobody"),
    ],
)
def test_a_blog_with_trouble_that_nobody_foresaw_stops_no_other(
    tmp_path: Path, nobody: str, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    from crosspost.readers.export import ExportReader

    real = ExportReader.changes

    def changes(self: ExportReader, cursor: str | None) -> Any:
        if "channel1" in str(vars(self)):
            raise error
        return real(self, cursor)

    monkeypatch.setattr(_web, "_ATTEMPTS", 1)
    monkeypatch.setattr(ExportReader, "changes", changes)
    room = Newsroom(tmp_path, nobody, blogs=3, posts=2)
    code, report = room.run("sync")
    (first, *_) = report["errors"]
    assert (first["blog"], first["site"], first["exit_code"]) == ("b1", "", 1)
    assert told in first["message"]
    assert code == 1
    assert room.pages() == 4


# --- retry ------------------------------------------------------------------------------------


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    made = Blog(tmp_path / "blog")
    made.write(_post(1, "Открыли лавку"), _post(2, "Продали пирог"), _post(3, "Закрыли"))
    assert made.sync().code == 0
    return made


def fail(blog: Blog, *posts: int) -> None:
    """As the ledger has it when the site refused these posts, or gave no answer ten times."""
    with closing(sqlite3.connect(blog.root / "ledger.db")) as ledger, ledger:
        for post in posts:
            ledger.execute(
                "UPDATE delivery SET state = 'failed', due = 0, attempts = 10, digest = '',"
                " reason = 'no clear answer' WHERE post_id = ?",
                (post,),
            )


def waiting(blog: Blog) -> list[str]:
    told = json.loads(blog.run("status", "--json").text)
    return [one["post"] for one in told["blogs"][0]["sites"][0]["waiting"]]


@pytest.mark.parametrize(
    ("words", "left"),
    [((), []), (("b",), []), (("b/1",), ["b/2"]), (("b/1", "2"), []), (("b", "b/1"), [])],
)
def test_what_failed_is_sent_again_when_a_person_says_so(
    blog: Blog, words: tuple[str, ...], left: list[str]
) -> None:
    fail(blog, 1, 2)
    assert blog.sync().text == "Nothing to do.\n"
    assert waiting(blog) == ["b/1", "b/2"]
    answer = blog.run("retry", *words)
    assert answer.code == 0
    assert answer.text.startswith(f"{2 - len(left)} updated.")
    assert waiting(blog) == left
    assert "decided on local: retry" in blog.run("show", "b/1").text
    assert "retry" not in blog.run("show", "b/3").text


def test_a_post_that_waits_for_its_next_try_goes_at_once(blog: Blog) -> None:
    with closing(sqlite3.connect(blog.root / "ledger.db")) as ledger, ledger:
        ledger.execute(
            "UPDATE delivery SET state = 'sending', due = 1, attempts = 5, digest = '',"
            " not_before = '2999-01-01T00:00:00Z' WHERE post_id = 2"
        )
    assert blog.sync().text == "Nothing to do.\n"
    assert blog.run("retry").text.startswith("1 updated.")


def test_where_nothing_failed_there_is_nothing_to_send_again(blog: Blog) -> None:
    assert blog.run("retry") == Answer(0, "Nothing to do.\n")
    assert blog.run("retry", "b/99").code == 2
    assert "the ledger knows no post «b/99»" in blog.run("retry", "b/99").text


# --- Answers that no site should give ---


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "²"},
        {"Retry-After": "Thu, 01 Jan 1970 00:00:00 +99999999999999"},
        {"Retry-After": "60", "Date": "Thu, 01 Jan 1970 00:00:00 +99999999999999"},
    ],
)
def test_a_site_that_tells_no_sensible_time_is_asked_later(
    httpserver: HTTPServer, headers: dict[str, str]
) -> None:
    def busy(_: Any) -> Response:
        return Response("busy", status=503, headers=headers)

    httpserver.expect_request("/").respond_with_handler(busy)
    web = _web.Web(httpserver.url_for("/"), 5)
    try:
        with pytest.raises(Later, match="asks to come back in"):
            web.ask("GET", web.url, lambda found: found, question=False)
    finally:
        web.close()


@pytest.mark.parametrize("place", ["http://[", "//[x", "https://[::1"])
def test_a_redirect_to_no_address_is_a_sentence(place: str) -> None:
    assert "sends requests on to" in str(_web.Web("https://blog.example/", 5).moved(place))


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_that_drips_ends_in_time(chunked: bool) -> None:
    with socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        thread = Thread(target=_drip, args=(door, chunked))
        thread.start()
        web = _web.Web(f"http://127.0.0.1:{door.getsockname()[1]}/", 0.2)
        try:
            with pytest.raises(Unknown, match="takes too long"):
                web.ask("GET", web.url, lambda found: found, question=False)
        finally:
            web.close()
            thread.join()


def _drip(door: socket, chunked: bool) -> None:
    """Answers one letter at a time, for four seconds."""
    caller, _ = door.accept()
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 9999"
    with caller, suppress(OSError):
        caller.recv(9999)
        caller.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n")
        for _ in range(80):
            caller.sendall(b"1\r\nx\r\n" if chunked else b"x")
            sleep(0.05)


@pytest.mark.parametrize("odd", ["<", "<!--", "<!-- >", " "])
def test_what_a_site_says_is_read_once_however_odd(odd: str) -> None:
    text = odd * (400_000 // len(odd))
    before = process_time()
    _marks.bare(text)
    _stored.marked({"codeinjection_head": text}, "")
    assert process_time() - before < 2
    assert _marks.bare("a<!-- > -->c<!-- d>e<!--f<") == "ace<!--f<"


@pytest.mark.parametrize("told", ["\ud800", ["x"], {"a": 1}, None, 5])
def test_what_a_site_says_is_a_sentence_whatever_it_is(told: Any) -> None:
    from crosspost.publishers.ghost._client import Client as Ghost
    from crosspost.publishers.wordpress._client import Client as WordPress

    url = "https://blog.example/"
    ghost = Ghost(url, f"{'a' * 24}:{'00' * 32}", 5)
    wordpress = WordPress(url, "author", "abcd", 5)
    said = {"code": told, "message": told, "context": told, "type": told, "data": told}
    body = json.dumps(said | {"errors": [said | {"details": [said], "property": told}]}).encode()
    for status in (400, 401, 403, 404, 409, 422):
        answer = _web.Answer("GET", url, status, {"Content-Type": "application/json"}, body)
        for site in (ghost, wordpress):
            with pytest.raises((PublisherError, Refused, Collision)) as caught:
                site._read(answer)
            str(caught.value).encode()
