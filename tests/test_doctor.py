"""``crosspost doctor``: each thing that a run needs is looked at, and what is not well says how to
mend it."""

import json
import os
import signal
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from blogs import Blog
from click.testing import CliRunner
from pytest_httpserver import HTTPServer
from test_archive import message

from crosspost.cli import group
from crosspost.doctor import _way

pytest_plugins = ("pytest_httpserver",)


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    blog = Blog(tmp_path)
    blog.write(message(1, line=""))
    return blog


def bad(blog: Blog, *words: str) -> list[dict[str, Any]]:
    told = json.loads(blog.run("doctor", *words, "--json").text)
    return [step for step in told["steps"] if not step["ok"]]


def test_a_healthy_blog_passes_and_nothing_is_made(blog: Blog) -> None:
    before = sorted(blog.root.rglob("*"))
    answer = blog.run("doctor", "--write")
    assert answer.code == 0
    assert "All is well." in answer.text
    assert "✓ export channel: can be read: «Мастерская»" in answer.text
    assert "not there yet; a run makes it" in answer.text
    assert sorted(blog.root.rglob("*")) == before


def test_after_a_run_the_ledger_and_the_site_are_looked_at(blog: Blog) -> None:
    blog.sync()
    before = {path: path.read_bytes() for path in blog.site.rglob("*") if path.is_file()}
    answer = blog.run("doctor", "--write")
    assert "ledger.db: sound" in answer.text
    assert "✓ a trial file: was written and removed" in answer.text
    assert {path: path.read_bytes() for path in blog.site.rglob("*") if path.is_file()} == before
    assert blog.run("doctor", "-q").text == ""


def test_every_problem_of_the_config_is_told_and_the_rest_is_looked_at(blog: Blog) -> None:
    config = blog.root / "crosspost.toml"
    config.write_text(config.read_text("utf-8") + "paht = 1\nurll = 2\n", "utf-8")
    answer = blog.run("doctor")
    assert answer.code == 2
    assert answer.text.count("✗") == 2
    assert "paht" in answer.text
    assert "urll" in answer.text
    assert "✓ export channel: can be read" in answer.text


def test_a_config_that_is_no_toml_is_told(blog: Blog) -> None:
    (blog.root / "crosspost.toml").write_text("[[blog\n", "utf-8")
    (step,) = bad(blog)
    assert (step["what"].rpartition(":")[2], step["code"]) == ("1", 2)


def test_a_site_that_is_well_is_looked_at_beside_one_that_is_not(blog: Blog) -> None:
    config = blog.root / "crosspost.toml"
    wrong = "[site.news]\ntype = 'wordpress'\nurl = 'https://example.org'\nuser = 'x'\n"
    text = config.read_text("utf-8").replace("site = 'local'", "site = ['news', 'local']")
    config.write_text(f"{text}\n{wrong}", "utf-8")
    answer = blog.run("doctor")
    assert answer.code == 2
    assert "site.news.password: it is missing" in answer.text
    assert "✓ export channel: can be read" in answer.text
    assert "site local\n  ✓" in answer.text
    assert "site news" not in answer.text


def test_what_does_not_answer_in_time_is_told() -> None:
    never = threading.Event()
    with pytest.raises(TimeoutError, match="No answer in 0 seconds"):
        _way.within(never.wait, 0.05)
    never.set()


def test_a_ledger_of_an_older_version_is_left_as_it_is(blog: Blog) -> None:
    blog.sync()
    with closing(sqlite3.connect(blog.root / "ledger.db")) as ledger:
        before = ledger.execute("PRAGMA user_version").fetchone()[0] - 1
        ledger.execute(f"PRAGMA user_version = {before}")
    blog.run("doctor")
    with closing(sqlite3.connect(blog.root / "ledger.db")) as ledger:
        assert ledger.execute("PRAGMA user_version").fetchone()[0] == before


def test_a_source_that_cannot_be_read_is_told_and_the_rest_is_looked_at(blog: Blog) -> None:
    (blog.export / "result.json").unlink()
    answer = blog.run("doctor")
    assert answer.code == 3
    assert "blog b\n  ✗ export channel: " in answer.text
    assert "✓ the folder" in answer.text.partition("site local")[2]


def test_a_damaged_ledger_is_told(blog: Blog) -> None:
    blog.sync()
    (blog.root / "ledger.db").write_bytes(b"SQLite format 3\0" + b"\x17" * 8000)
    assert [(step["place"], step["code"]) for step in bad(blog)] == [("ledger", 6)]
    assert blog.run("doctor").code == 6


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_ledger_that_others_may_read_is_told(blog: Blog) -> None:
    blog.sync()
    assert bad(blog) == []
    (blog.root / "ledger.db").chmod(0o644)
    (step,) = bad(blog)
    assert step["remedy"].startswith("chmod 600 ")


def test_a_site_or_blog_that_is_not_there_is_told_by_name(blog: Blog) -> None:
    assert "no site «news»" in bad(blog, "--site", "news")[0]["detail"]
    assert "no blog «other»" in bad(blog, "other")[0]["detail"]


def test_a_terminal_without_the_signs_gets_plain_ones(blog: Blog) -> None:
    config = str(blog.root / "crosspost.toml")
    told = CliRunner(charset="ascii").invoke(group, ["-c", config, "doctor"]).stdout_bytes
    assert b"  ok " in told
    assert b"\xe2" not in told


def test_the_home_folder_is_not_named_in_what_goes_into_a_report(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(blog.root))
    told = json.loads(blog.run("doctor", "--json").text)
    assert "~/ledger.db" in [step["what"] for step in told["steps"]]
    assert str(blog.root) not in json.dumps(told)


def test_colour_is_for_terminals_and_for_those_who_want_it(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["-c", str(blog.root / "crosspost.toml"), "doctor"]
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32m" in CliRunner().invoke(group, words, color=True).stdout
    assert "\x1b" not in CliRunner().invoke(group, words).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in CliRunner().invoke(group, words, color=True).stdout


def test_told_to_end_it_removes_what_it_made(blog: Blog, monkeypatch: pytest.MonkeyPatch) -> None:
    removed = []

    def check(_self: Any, *, write: bool) -> list[Any]:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        finally:
            removed.append(write)
        return []

    monkeypatch.setattr("crosspost.publishers.static.StaticPublisher.check", check)
    before = signal.getsignal(signal.SIGTERM)
    assert blog.run("doctor", "--write").code == 1
    assert removed == [True]
    assert signal.getsignal(signal.SIGTERM) == before


# --- The way to a site ---


def way(url: str) -> list[tuple[str, bool, str]]:
    return [(one.what.split(" ")[1], one.ok, one.detail) for one in _way.way(url, [])]


def test_a_name_that_does_not_exist_ends_it() -> None:
    ((what, ok, detail),) = way("https://no-such-host.invalid/")
    assert (what, ok) == ("name", False)
    assert "is not found" in detail


def test_a_site_that_answers_is_well(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("hello")
    assert [ok for _, ok, _ in way(httpserver.url_for("/"))] == [True, True]


def test_a_site_that_sends_visitors_to_another_host_is_told(httpserver: HTTPServer) -> None:
    headers = {"Location": "https://www.example.org/"}
    httpserver.expect_request("/").respond_with_data("", 301, headers)
    assert way(httpserver.url_for("/"))[-1][1:] == (
        False,
        "sends visitors on to https://www.example.org",
    )


def test_a_site_that_sends_visitors_to_another_page_is_well(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("", 302, {"Location": "/ru/"})
    assert way(httpserver.url_for("/"))[-1][1]


def test_a_port_where_nothing_listens_is_told() -> None:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    assert way(f"http://127.0.0.1:{port}/")[-1][1:] == (
        False,
        "does not answer (ConnectionError)",
    )


def test_a_clock_that_is_off_is_told(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("hello")
    clocks: list[datetime] = []
    assert [one.ok for one in _way.way(httpserver.url_for("/"), clocks)] == [True, True]
    assert _way.in_step(clocks[0]).ok
    late = _way.in_step(clocks[0] - timedelta(hours=1))
    assert (late.ok, late.detail) == (False, "60 minutes off the site's")
    assert "timedatectl" in late.remedy


@pytest.fixture
def strange() -> Iterator[str]:
    """A site whose certificate nobody we know has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with closing(listener):
            plain, _ = listener.accept()
            with closing(plain):
                try:
                    context.wrap_socket(plain, server_side=True).close()
                except (OSError, ssl.SSLError):
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://localhost:{listener.getsockname()[1]}/"
    thread.join(5)


def test_a_certificate_that_nobody_has_signed_is_told(strange: str) -> None:
    told = way(strange)
    assert told[-1][:2] == ("certificate", False)
    assert "is not valid: " in told[-1][2]
