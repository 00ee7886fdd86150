"""Figures for Prometheus and pings to a health check, as those who collect them read them."""

import os
import re
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from blogs import Blog
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as as_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as as_prometheus
from pytest_httpserver import HTTPServer
from telegram_server import TelegramServer
from werkzeug import Request, Response

from crosspost import metrics
from crosspost.cli._voice import Voice
from crosspost.config import load
from crosspost.errors import ConfigError, PublisherError
from crosspost.health import Health, address
from crosspost.ledger import Delivery, Ledger
from crosspost.report import Report

pytest.register_assert_rewrite("live_channel")
from live_channel import LiveChannel, live_blog  # noqa: E402

ROOT = Path(__file__).parents[1]
RUN = metrics.RunFigures(ended=1_700_000_000.5, seconds=1.25, exit_code=0)


def _post(number: int, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_700_000_000 + number),
        "from_id": "channel4900000017",
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
    }


AD = "Реклама. ООО «Мука», erid: 2VtzqwErTy5"


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    made = Blog(tmp_path / "blog", tables="[metrics]\ntextfile = 'crosspost.prom'")
    made.write(_post(1, "Открыли лавку"), _post(2, "Продали пирог"), _post(3, AD))
    return made


def figures(text: str) -> dict[tuple[str, ...], float]:
    """The values, once they were read the same way by both parsers."""
    found = []
    for parse in (as_openmetrics, as_prometheus):
        samples = [sample for family in parse(text) for sample in family.samples]
        keys = [(one.name, *map(str, one.labels.values())) for one in samples]
        assert len(keys) == len(set(keys))
        found.append({key: one.value for key, one in zip(keys, samples, strict=True)})
    assert found[0] == found[1]
    return found[0]


def read(blog: Blog) -> dict[tuple[str, ...], float]:
    return figures((blog.root / "crosspost.prom").read_text("utf-8"))


# --- Figures ----------------------------------------------------------------------------------


def test_after_a_run_the_file_says_how_the_blog_stands(blog: Blog) -> None:
    before = time.time()
    assert blog.sync().code == 1
    told = read(blog)
    where = ("b", "local")
    assert before - 1 <= told["crosspost_last_success_timestamp_seconds", *where] <= time.time()
    assert 0 <= told["crosspost_last_success_age_seconds", *where] < 60
    assert told["crosspost_posts", *where, "live"] == 2
    assert told["crosspost_posts", *where, "held"] == told["crosspost_held_posts", *where] == 1
    assert told["crosspost_failed_posts", *where] == told["crosspost_due_posts", *where] == 0
    assert told["crosspost_run_exit_code",] == told["crosspost_blog_run_exit_code", "b"] == 1
    assert before <= told["crosspost_run_timestamp_seconds",] <= time.time()
    assert 0 < told["crosspost_run_duration_seconds",] < 60
    assert told["crosspost_run_flood_waits",] == 0


def test_a_run_that_fails_leaves_the_last_success_as_it_was(blog: Blog) -> None:
    blog.sync()
    with closing(sqlite3.connect(blog.root / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE target SET success_at = '2024-05-01T00:00:00Z'")
    (blog.export / "result.json").unlink()
    assert blog.sync().code == 3
    told = read(blog)
    assert told["crosspost_last_success_timestamp_seconds", "b", "local"] == 1_714_521_600
    assert told["crosspost_last_success_age_seconds", "b", "local"] > 40_000_000
    assert told["crosspost_run_exit_code",] == told["crosspost_blog_run_exit_code", "b"] == 3


def test_a_blog_that_never_ran_has_figures_too(blog: Blog) -> None:
    (blog.export / "result.json").unlink()
    blog.sync()
    told = read(blog)
    assert told["crosspost_last_success_timestamp_seconds", "b", "local"] == 0
    assert ("crosspost_last_success_age_seconds", "b", "local") not in told


def test_what_is_due_refused_and_vanished_is_counted(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "l.db") as ledger:
        ledger.retarget("b", 'a "site" \\ of\nwords', "style")
        for number, state in enumerate(("failed", "conflict", "missing", "sending"), start=1):
            one = Delivery(blog="b", post_id=number, site='a "site" \\ of\nwords', state=state)  # type: ignore[arg-type]
            ledger.settle(one)
        told = figures(metrics.render(ledger, {"b": ['a "site" \\ of\nwords']}, RUN))
    where = ("b", 'a "site" \\ of\nwords')
    assert told["crosspost_failed_posts", *where] == 1
    assert told["crosspost_held_posts", *where] == 2
    assert told["crosspost_due_posts", *where] == 4
    assert told["crosspost_vanished_posts", "b"] == 0


def test_flood_waits_are_counted_with_their_seconds(blog: Blog) -> None:
    voice = Voice(load(blog.root / "crosspost.toml"), "sync")
    heard: list[float] = []
    wait = voice.waiting(heard.append)
    for left in (3.0, 2.0, 1.0, 0.0, 10.0, 9.0):
        wait(left)
    voice.end(Report("sync"))
    told = read(blog)
    assert told["crosspost_run_flood_waits",] == 2
    assert told["crosspost_run_flood_wait_seconds",] == 13
    assert heard == [3.0, 2.0, 1.0, 0.0, 10.0, 9.0]


@pytest.mark.parametrize(
    ("asked", "seconds", "code"),
    [("FLOOD_WAIT_900", 0, 7), pytest.param("FLOOD_WAIT_2", 2, 0, marks=pytest.mark.slow)],
)
def test_what_telegram_asks_is_counted_whether_it_is_waited_for_or_not(
    tmp_path: Path, asked: str, seconds: int, code: int
) -> None:
    with TelegramServer() as server:
        LiveChannel(server).post()
        made = live_blog(tmp_path / "blog", server)
        made.tables += "\n[metrics]\ntextfile = 'crosspost.prom'"
        made.configure("@workshop")
        server.fault("GetHistoryRequest", error=asked)
        assert made.sync().code == code
    told = read(made)
    assert told["crosspost_run_flood_waits",] == 1
    assert seconds <= told["crosspost_run_flood_wait_seconds",] <= seconds + 1


def test_a_ledger_that_cannot_be_used_has_figures_of_the_run(blog: Blog) -> None:
    (blog.root / "ledger.db").write_bytes(b"no ledger" * 1000)
    assert blog.sync().code == 6
    told = read(blog)
    assert told["crosspost_run_exit_code",] == 6
    assert not any(name == "crosspost_posts" for name, *_ in told)


def test_the_file_is_replaced_at_one_stroke_and_readable_by_the_collector(blog: Blog) -> None:
    old = os.umask(0o077)
    try:
        blog.sync()
    finally:
        os.umask(old)
    path = blog.root / "crosspost.prom"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    first = path.stat().st_ino
    with path.open() as still_open:
        blog.sync()
        assert path.stat().st_ino != first
        figures(still_open.read())
    assert not list(blog.root.glob(".crosspost.prom*"))


def test_a_folder_that_is_not_there_is_told_and_fails_nothing(tmp_path: Path) -> None:
    made = Blog(tmp_path / "blog", tables="[metrics]\ntextfile = 'none/crosspost.prom'")
    made.write(_post(1, "Открыли лавку"))
    answer = made.sync()
    assert answer.code == 0
    assert "The figures" in answer.text
    assert "cannot be written: No such file or directory" in answer.text


def test_a_rehearsal_writes_no_figures(blog: Blog) -> None:
    blog.run("sync", "--dry-run")
    blog.run("show", "b/1")
    assert not (blog.root / "crosspost.prom").exists()


def test_a_name_that_is_not_collected_is_a_wrong_config(tmp_path: Path) -> None:
    made = Blog(tmp_path / "blog", tables="[metrics]\ntextfile = 'crosspost.txt'")
    with pytest.raises(ConfigError, match=r"the name ends in \.prom"):
        load(made.root / "crosspost.toml")


def test_every_figure_is_explained_and_has_its_unit(blog: Blog) -> None:
    blog.sync()
    text = (blog.root / "crosspost.prom").read_text("utf-8")
    names = {f"crosspost_{name}" for name in metrics._HELP}
    page = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(crosspost_\w+)` ", page, re.MULTILINE)) == names
    assert {family.name for family in as_openmetrics(text)} == names
    for family in as_openmetrics(text):
        assert family.type == "gauge"
        assert family.documentation
        for unit in ("seconds", "posts"):
            if family.name.endswith(f"_{unit}"):
                assert family.unit == unit


# --- Pings ------------------------------------------------------------------------------------


class Check:
    """A service that hears pings."""

    def __init__(self, server: HTTPServer) -> None:
        self.heard: list[tuple[str, str, str]] = []
        self.status, self.pause = 200, 0.0
        self.url = server.url_for("/ping/5a1f0000-0000-0000-0000-00000000c0de")
        server.expect_request(re.compile("/ping/.*")).respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        time.sleep(self.pause)
        what = request.path.rpartition("c0de")[2]
        self.heard.append((what, request.args["rid"], request.get_data(as_text=True)))
        return Response("OK", status=self.status)

    @property
    def what(self) -> list[str]:
        return [what for what, _, _ in self.heard]


@pytest.fixture
def check(httpserver: HTTPServer) -> Check:
    return Check(httpserver)


@pytest.fixture
def pinged(tmp_path: Path, check: Check) -> Blog:
    made = Blog(tmp_path / "pinged", tables=f"[health]\nurl = '{check.url}'\ntimeout = '1s'")
    made.write(_post(1, "Открыли лавку"))
    return made


def test_a_run_pings_at_its_start_and_its_end(pinged: Blog, check: Check) -> None:
    assert pinged.sync().code == 0
    assert check.what == ["/start", ""]
    assert check.heard[0][1] == check.heard[1][1]
    assert check.heard[1][2] == "1 post read, 1 created."
    pinged.sync()
    assert check.heard[2][1] != check.heard[1][1]


def test_a_run_that_fails_pings_so_and_posts_that_wait_do_not(pinged: Blog, check: Check) -> None:
    pinged.write(_post(1, "Открыли лавку"), _post(3, AD))
    assert pinged.sync().code == 1
    (pinged.export / "result.json").unlink()
    assert pinged.sync().code == 3
    assert check.what == ["/start", "", "/start", "/fail"]


def test_a_blog_that_another_run_holds_says_nothing_of_the_end(pinged: Blog, check: Check) -> None:
    from filelock import FileLock

    with FileLock(load(pinged.root / "crosspost.toml").blogs["b"].lock):
        assert pinged.sync().code == 5
    assert check.what == ["/start"]


def test_a_service_that_is_wrong_fails_no_run_and_is_not_shown(pinged: Blog, check: Check) -> None:
    check.status = 500
    answer = pinged.sync()
    assert (answer.code, answer.text.splitlines()[0]) == (0, "1 post read, 1 created.")
    assert "c0de" not in answer.text
    assert check.what == ["/start", "/start", "", ""]


def test_a_service_that_is_away_or_never_answers_holds_nobody_up() -> None:
    with closing(socket()) as listens, closing(socket()) as away:
        for one in (listens, away):
            one.bind(("127.0.0.1", 0))
        listens.listen()
        for one in (listens, away):
            began = time.monotonic()
            health = Health(f"http://127.0.0.1:{one.getsockname()[1]}/x", "run", timeout=0.2)
            health.start()
            health.end(0, "Nothing to do.")
            assert time.monotonic() - began < 1.5


def test_commands_that_a_person_gives_do_not_ping(pinged: Blog, check: Check) -> None:
    pinged.sync()
    for words in (("resolve", "b/1", "--ours"), ("retry",), ("sync", "--dry-run"), ("status",)):
        pinged.run(*words)
    assert len(check.heard) == 2


def test_a_watch_pings_again_and_again(pinged: Blog, check: Check) -> None:
    voice = Voice(load(pinged.root / "crosspost.toml"), "watch")
    voice.begin()
    voice.heard("b", Report("watch"))
    voice.tick(last=True)
    bad = Report("watch")
    bad.fail("b", "local", PublisherError("the disk is full"))
    voice.heard("b", bad)
    voice.tick()  # not yet: one a minute
    voice.tick(last=True)
    assert check.what == ["", "/fail"]


def test_the_address_of_a_start_keeps_what_stands_behind_the_question_mark() -> None:
    assert address("https://c.test/p/x/?key=1", "/fail", "id") == (
        "https://c.test/p/x/fail?key=1&rid=id"
    )
