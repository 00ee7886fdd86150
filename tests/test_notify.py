"""Word to a person: once when something fails, once when it works again, a digest, and silence."""

import errno
import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from blogs import Blog
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from crosspost import logs, notify
from crosspost.cli import group
from crosspost.cli._voice import Voice
from crosspost.config import load
from crosspost.errors import ConfigError, PublisherError
from crosspost.notify import Facts, Message, Notifier, Waits, _send
from crosspost.notify._state import State, due, take_in, told
from crosspost.report import Report

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
DOWN = ("https://site.test/ cannot be reached", 4)


@dataclass
class Person:
    """A person who gets messages, and the runs that may send some."""

    folder: Path
    now: float = 1_000_000.0
    got: list[Message] = field(default_factory=list)
    deaf: bool = False
    waiting: bool = True
    retrying: bool = False
    digest: timedelta = timedelta(hours=1)

    def _send(self, urls: Any, message: Message) -> list[str]:
        if self.deaf:
            return list(urls)
        self.got.append(message)
        return []

    def run(
        self,
        *fails: tuple[str, str],
        well: tuple[tuple[str, str], ...] = (("a", "s"), ("b", "s")),
        why: tuple[str, int] = DOWN,
        waits: tuple[Waits, ...] = (),
    ) -> list[Message]:
        """One run; answers what it sent."""
        facts = Facts(waits=list(waits))
        for blog, site in fails:
            facts.fail(blog, site, *why)
        facts.well = set(well) - set(fails)
        before = len(self.got)
        notifier = Notifier(
            urls=["x://y"],
            state=self.folder / ".told",
            digest=self.digest,
            origin="crosspost.toml on host",
            clock=lambda: self.now,
            send=self._send,
        )
        notifier.hear(facts, lambda *_: self.waiting, lambda *_: self.retrying)
        return self.got[before:]


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def held(number: int) -> Waits:
    place = ("a", number, "s")
    return Waits(
        f"a/{number} s ad", f"held: a/{number} → s «Хлеб»: an ad", "To publish it: …", place
    )


# --- Failure and recovery ---------------------------------------------------------------------


def test_a_failure_is_told_once_and_its_end_once(person: Person) -> None:
    (first,) = person.run(("a", "s"))
    assert first.title == "Crosspost: a → s fails"
    assert "a → s: https://site.test/ cannot be reached" in first.body
    assert first.body.endswith("From crosspost.toml on host")
    assert first.kind == "failure"
    for _ in range(100):
        person.now += 5 * MINUTE
        assert person.run(("a", "s")) == []
    person.now += 5 * MINUTE
    (second,) = person.run()
    assert second.title == "Crosspost: a → s works again"
    assert "after 8 hours" in second.body
    assert second.kind == "success"
    person.now += DAY
    assert person.run() == []


def test_what_fails_and_recovers_all_the_time_is_told_at_most_once_an_hour(person: Person) -> None:
    told: list[float] = []
    for step in range(240):
        said = person.run(("a", "s")) if step % 2 else person.run()
        told += [person.now] * len(said)
        person.now += MINUTE
    fails = [m for m in person.got if m.kind == "failure"]
    again = [m for m in person.got if m.kind == "success"]
    assert 2 <= len(fails) <= 4
    assert 2 <= len(again) <= 4
    kinds = [m.kind for m in person.got]
    assert all(one != other for one, other in pairwise(kinds)), kinds


def test_a_failure_that_begins_again_within_the_hour_is_told_after_it(person: Person) -> None:
    assert person.run(("a", "s"))
    person.now += MINUTE
    assert person.run()
    person.now += MINUTE
    assert person.run(("a", "s")) == []
    person.now += HOUR
    assert len(person.run(("a", "s"))) == 1


def test_another_trouble_at_the_same_place_is_told_anew(person: Person) -> None:
    assert person.run(("a", ""), why=("Telegram cannot be read", 3))
    assert len(person.run(("a", ""), why=("The ledger is full", 6))) == 1


def test_a_site_is_not_well_while_something_is_still_tried_again_there(person: Person) -> None:
    assert person.run(("a", "s"))
    person.retrying = True
    person.now += HOUR
    assert person.run() == []
    person.retrying = False
    assert len(person.run()) == 1


def test_several_blogs_that_fail_for_one_reason_are_one_message(person: Person) -> None:
    (message,) = person.run(("a", "s"), ("b", "s"))
    assert message.title == "Crosspost: a, b → s fails"
    assert message.body.count("cannot be reached") == 1
    person.now += HOUR
    (again,) = person.run()
    assert again.title == "Crosspost: 2 work again"
    assert "a → s works again" in again.body
    assert "b → s works again" in again.body


def test_blogs_with_runs_of_their_own_tell_of_a_site_that_is_down_once(person: Person) -> None:
    assert len(person.run(("a", "s"), well=(("a", ""),))) == 1
    assert person.run(("b", "s"), well=(("b", ""),)) == []
    person.now += DAY
    (again,) = person.run(well=(("a", "s"),))
    assert "Still failing:\n• b → s, since 1 day" in again.body
    assert person.run(well=(("b", "s"),)) == []


def test_another_run_that_holds_the_blog_is_told_when_it_lasts(person: Person) -> None:
    busy = ("Another run holds the blog «a»", 5)
    for _ in range(11):
        assert person.run(("a", ""), why=busy) == []
        person.now += 5 * MINUTE
    person.now += 5 * MINUTE
    assert len(person.run(("a", ""), why=busy)) == 1


def test_flood_waits_are_told_after_a_day_of_them(person: Person) -> None:
    later = ("Telegram asks to wait", 7)
    assert person.run(("a", ""), why=later) == []
    person.now += HOUR
    assert person.run(well=(("a", ""),)) == []
    assert person.run(("a", ""), why=later) == []
    person.now += DAY
    assert len(person.run(("a", ""), why=later)) == 1


def test_a_quiet_month_sends_nothing_and_writes_nothing(person: Person) -> None:
    for _ in range(30 * 24):
        person.now += HOUR
        assert person.run() == []
    assert list(person.folder.iterdir()) == []


def test_the_message_on_the_page_is_the_one_that_is_sent(person: Person) -> None:
    page = (Path(__file__).parents[1] / "docs" / "monitoring.md").read_text("utf-8")
    (shown,) = re.findall(r"^```\n(Crosspost: .*?)^```$", page, re.MULTILINE | re.DOTALL)
    why = re.search(r"^• business → site: (.*)$", shown, re.MULTILINE)
    assert why is not None
    (message,) = person.run(("business", "site"), why=(why[1], 4))
    sent = f"{message.title}\n\n{message.body}\n"
    assert sent.replace("on host", "on blog-host") == shown


# --- Digest -----------------------------------------------------------------------------------


def test_posts_that_wait_are_told_together_and_once(person: Person) -> None:
    (message,) = person.run(waits=(held(1), held(2)))
    assert message.title == "Crosspost: 2 posts wait for you"
    assert "held: a/1 → s «Хлеб»: an ad\n    To publish it: …" in message.body
    assert message.kind == "warning"
    person.now += DAY
    assert person.run(waits=(held(1), held(2))) == []


def test_there_is_one_digest_in_its_time(person: Person) -> None:
    person.digest = timedelta(days=1)
    assert len(person.run(waits=(held(1),))) == 1
    for number in range(2, 12):
        person.now += HOUR
        assert person.run(waits=(held(number),)) == []
    person.now += DAY
    (message,) = person.run()
    assert message.title == "Crosspost: 10 posts wait for you"


def test_what_a_person_decided_meanwhile_is_not_told(person: Person) -> None:
    person.run(waits=(held(1),))
    person.run(waits=(held(2),))
    person.waiting = False
    person.now += HOUR
    assert person.run() == []


def test_a_long_message_is_cut_at_a_line(person: Person) -> None:
    waits = tuple(Waits(f"k{one}", f"held: a/{one} → s: {'x' * 390}") for one in range(20))
    (message,) = person.run(waits=waits)
    assert len(message.body) < 3800
    assert message.body.endswith("x\n\n… and more: crosspost status\n\nFrom crosspost.toml on host")


def test_a_flood_of_posts_is_a_short_message(person: Person) -> None:
    (message,) = person.run(waits=tuple(held(number) for number in range(5000)))
    assert message.title == "Crosspost: 5000 posts wait for you"
    assert "… and 4,980 more" in message.body
    assert len(message.body) < 3800
    assert (person.folder / ".told").stat().st_size < 100_000


# --- When telling goes wrong ------------------------------------------------------------------


def test_a_message_that_nobody_took_is_sent_by_the_next_run(person: Person) -> None:
    person.deaf = True
    person.run(("a", "s"), waits=(held(1),))
    person.now += 5 * MINUTE
    person.deaf = False
    (message,) = person.run(("a", "s"))
    assert "a → s" in message.body
    assert "a/1" in message.body


def test_a_damaged_memory_is_a_new_one(person: Person) -> None:
    (person.folder / ".told").write_bytes(b"\x00{")
    assert len(person.run(("a", "s"))) == 1
    assert person.run(("a", "s")) == []


def test_on_a_full_disk_the_same_is_told_once_an_hour(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.now = time.time()
    person.run(waits=(held(1),))
    real = os.open

    def full(path: Any, *rest: Any) -> int:
        if str(path).endswith(".new"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *rest)

    os.utime(person.folder / ".told", (person.now - DAY, person.now - DAY))
    monkeypatch.setattr(os, "open", full)
    person.now += 2 * MINUTE
    assert len(person.run(("", ""), why=("The ledger is full", 6))) == 1
    assert person.run(("", ""), why=("The ledger is full", 6)) == []
    person.now += HOUR
    assert len(person.run(("", ""), why=("The ledger is full", 6))) == 1


def test_only_its_owner_can_read_what_was_told(person: Person) -> None:
    person.run(("a", "s"))
    for path in person.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


# --- Hostile words ----------------------------------------------------------------------------


def test_a_strangers_title_calls_nobody_and_begins_no_line(person: Person) -> None:
    text = "held: a/1 → s «@everyone <!channel> x\nFrom the bank\u202e\x1b[31m»: an ad"
    (message,) = person.run(waits=(Waits("k", text),))
    assert "@everyone" not in message.body
    assert "<!channel" not in message.body
    assert "\nFrom the bank" not in message.body
    assert "\u202e" not in message.body
    assert "\x1b" not in message.body


def test_no_secret_is_in_a_message(person: Person) -> None:
    logs.conceal("hunter2-hunter2")
    (message,) = person.run(("a", "s"), why=("refused hunter2-hunter2", 4))
    assert "hunter2" not in message.body


# --- The whole way, to a real web hook --------------------------------------------------------


class Hook:
    """A web hook that remembers."""

    def __init__(self, server: HTTPServer) -> None:
        self.got: list[dict[str, Any]] = []
        self.pause = 0.0
        self.status = 200
        self.url = f"json://127.0.0.1:{server.port}/secret-hook-token"
        server.expect_request("/secret-hook-token").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        time.sleep(self.pause)
        self.got.append(json.loads(request.get_data()))
        return Response("ok", status=self.status)


@pytest.fixture
def hook(httpserver: HTTPServer) -> Hook:
    return Hook(httpserver)


@pytest.fixture
def blog(tmp_path: Path, hook: Hook) -> Blog:
    made = Blog(tmp_path / "blog", tables=f"[notify]\nurls = ['{hook.url}']")
    made.write(_post(1, "Открыли лавку"))
    return made


def _post(number: int, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_700_000_000 + number),
        "from_id": "channel4900000017",
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
    }


def test_a_channel_that_cannot_be_read_is_told_once_and_then_that_it_can(
    blog: Blog, hook: Hook
) -> None:
    assert blog.sync().code == 0
    assert hook.got == []
    export = blog.export / "result.json"
    export.rename(blog.root / "away.json")
    assert blog.sync().code == 3
    assert blog.sync().code == 3
    (message,) = hook.got
    assert message["title"] == "Crosspost: b fails"
    assert message["type"] == "failure"
    (blog.root / "away.json").rename(export)
    assert blog.sync().code == 0
    assert hook.got[-1]["title"] == "Crosspost: b works again"
    assert blog.sync().code == 0
    assert len(hook.got) == 2


def test_held_posts_are_told_and_a_rehearsal_tells_nothing(blog: Blog, hook: Hook) -> None:
    blog.write(_post(1, "Открыли лавку"), _post(2, "Реклама. ООО «Мука», erid: 2VtzqwErTy5"))
    assert blog.run("sync", "--dry-run").code == 1
    assert hook.got == []
    assert blog.sync().code == 1
    (message,) = hook.got
    assert message["title"] == "Crosspost: 1 post waits for you"
    assert "crosspost resolve b/2 --publish" in message["message"]
    assert blog.run("resolve", "b/2", "--publish").code == 0
    assert len(hook.got) == 1


def test_a_ledger_that_cannot_be_used_is_told(blog: Blog, hook: Hook) -> None:
    (blog.root / "ledger.db").write_bytes(b"this is no ledger at all, but some other file" * 100)
    assert blog.sync().code == 6
    assert blog.sync().code == 6
    (message,) = hook.got
    assert message["title"] == "Crosspost: the run fails"
    (blog.root / "ledger.db").unlink()
    assert blog.sync().code == 0
    assert hook.got[-1]["title"] == "Crosspost: the run works again"


def test_a_config_that_is_wrong_elsewhere_is_told(blog: Blog, hook: Hook) -> None:
    """A password that cron's environment does not have, say."""
    assert blog.sync().code == 0
    right = blog.tables
    blog.tables += "\n[site.news]\ntype = 'wordpress'\nurl = 'https://example.org'\n"
    blog.tables += "user = 'u'\npassword = {env = 'NOWHERE_TO_BE_FOUND'}\n"
    blog.configure()
    assert blog.run("sync", "--dry-run").code == 2
    assert hook.got == []
    assert blog.run("sync").code == 2
    assert blog.run("sync").code == 2
    (message,) = hook.got
    assert message["title"] == "Crosspost: the run fails"
    assert "the environment variable NOWHERE_TO_BE_FOUND is not set" in message["message"]
    blog.tables = right
    blog.configure()
    assert blog.sync().code == 0
    assert hook.got[-1]["title"] == "Crosspost: the run works again"
    assert blog.run("sync", "strange").code == 2
    assert len(hook.got) == 2, "within the hour of the same trouble"


def test_the_test_arrives(blog: Blog, hook: Hook) -> None:
    answer = blog.run("notify", "--test")
    assert (answer.code, answer.text) == (0, "Sent to 1 of 1 addresses. Look whether it arrived.\n")
    assert hook.got[0]["title"] == "Crosspost: a test"
    assert "From crosspost.toml on " in hook.got[0]["message"]


def test_an_address_that_takes_nothing_is_named_without_its_secret(blog: Blog, hook: Hook) -> None:
    hook.status = 500
    answer = blog.run("notify", "--test")
    assert answer.code == 1
    assert "It could not be sent to address 1 (json://…)" in answer.text
    assert "secret-hook-token" not in answer.text
    blog.export.joinpath("result.json").unlink()
    run = blog.sync()
    assert run.code == 3
    assert "crosspost notify --test" in run.text
    assert "secret-hook-token" not in run.text
    assert "secret-hook-token" not in (blog.root / ".ledger.db.told").read_text()


def test_without_addresses_the_test_says_so(tmp_path: Path) -> None:
    answer = Blog(tmp_path / "blog").run("notify", "--test")
    assert answer.code == 2
    assert "has no [notify]" in answer.text


def test_a_service_that_hangs_holds_nobody_up(
    blog: Blog, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_send, "_PATIENCE", 0.3)
    hook.pause = 0.8
    began = time.monotonic()
    assert blog.run("notify", "--test").code == 1
    assert time.monotonic() - began < 0.8
    time.sleep(0.8)  # the server is done before it is stopped


@pytest.mark.slow
def test_processes_at_once_tell_a_thing_once(blog: Blog, hook: Hook) -> None:
    blog.sync()
    blog.export.joinpath("result.json").unlink()
    words = [sys.executable, "-m", "crosspost", "-c", str(blog.root / "crosspost.toml")]
    runs = [
        subprocess.Popen([*words, "sync", "--wait", "30s"], stdout=subprocess.DEVNULL, stderr=-3)
        for _ in range(3)
    ]
    assert [run.wait(60) for run in runs] == [3, 3, 3]
    assert len(hook.got) == 1


def test_what_happens_to_several_blogs_of_a_watch_is_one_message(blog: Blog, hook: Hook) -> None:
    voice = Voice(load(blog.root / "crosspost.toml"), "watch")
    for name in ("b", "c"):
        report = Report("watch")
        report.fail(name, "local", PublisherError("the disk is full"))
        voice.heard(name, report)
    voice.tick()
    assert hook.got == []
    voice.tick(last=True)
    (message,) = hook.got
    assert message["title"] == "Crosspost: b, c → local fails"


def test_what_ends_a_watch_is_told(blog: Blog, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("what nobody foresaw")

    monkeypatch.setattr("crosspost.pipeline.sync", broken)
    words = ["-c", str(blog.root / "crosspost.toml"), "watch"]
    result = CliRunner().invoke(group, words)
    assert isinstance(result.exception, RuntimeError)
    (message,) = hook.got
    assert message["title"] == "Crosspost: the run fails"
    assert "RuntimeError: what nobody foresaw" in message["message"]


def test_what_nobody_foresaw_in_a_run_is_told(
    blog: Blog, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("what nobody foresaw")

    monkeypatch.setattr("crosspost.pipeline.sync", broken)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            blog.sync()
    (message,) = hook.got
    assert "Crosspost itself failed (RuntimeError: what nobody foresaw)" in message["message"]


# --- Settings ---------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _nothing_concealed() -> Iterator[None]:
    before = set(logs._secrets)
    yield
    logs._secrets.clear()
    logs._secrets.update(before)


@pytest.mark.parametrize(
    ("urls", "told"),
    [
        ("'hunter2-no-address'", "it is an address of Apprise's"),
        ("[]", "at least one"),
        ("{env = 'CROSSPOST_NOT_SET'}", "the environment variable CROSSPOST_NOT_SET is not set"),
        ("12", "it is a list"),
    ],
)
def test_a_wrong_address_is_told_without_being_shown(tmp_path: Path, urls: str, told: str) -> None:
    made = Blog(tmp_path / "blog", tables=f"[notify]\nurls = {urls}")
    with pytest.raises(ConfigError) as caught:
        load(made.root / "crosspost.toml")
    assert "notify.urls" in str(caught.value)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_address_may_be_kept_in_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSPOST_NOTIFY", "json://one.test")
    urls = "[{env = 'CROSSPOST_NOTIFY'}, {file = 'address'}]"
    made = Blog(tmp_path / "blog", tables=f"[notify]\nurls = {urls}")
    (made.root / "address").write_text("json://two.test\n")
    given = load(made.root / "crosspost.toml").notify
    assert given is not None
    assert [url.get_secret_value() for url in given.urls] == ["json://one.test", "json://two.test"]


def test_facts_of_a_run_that_was_stopped_are_no_failure() -> None:
    from crosspost.errors import Later

    report = Report("sync")
    report.fail("sync", "", Later("Stopped. The next run goes on from here."))
    assert notify.facts(report).failing == {}


# --- Whatever happens -------------------------------------------------------------------------

SUBJECTS = [("a", ""), ("a", "s"), ("b", "s"), ("c", "t")]
STEPS = st.lists(
    st.tuples(
        st.integers(1, 90),  # minutes since the run before
        st.sets(st.sampled_from(SUBJECTS)),  # what fails
        st.sets(st.integers(1, 9)),  # what waits
        st.booleans(),  # whether the message is taken
    ),
    max_size=40,
)


@given(STEPS)
def test_nothing_is_told_twice_in_an_hour_and_everything_in_the_end(steps: Any) -> None:
    state, now = State(), 1_000_000.0
    said: dict[Any, list[float]] = {}

    def run(fails: set[Any], waits: set[int], taken: bool) -> None:
        facts = Facts(waits=[held(number) for number in waits])
        for subject in fails:
            facts.fail(*subject, *DOWN)
        facts.well = set(SUBJECTS) - fails
        take_in(state, facts, now, lambda *_: False)
        tells = due(state, now, HOUR, lambda *_: True)
        if tells and taken:
            for kind, some in (("fails", tells.fails), ("well", tells.well)):
                for one in some:
                    said.setdefault((one.blog, one.site, kind), []).append(now)
            for wait in tells.waiting:
                said.setdefault(wait.key, []).append(now)
            told(state, tells, now)

    for minutes, fails, waits, taken in steps:
        now += minutes * MINUTE
        run(fails, waits, taken)
    for _ in range(3):  # then all is well, and stays so
        now += 2 * HOUR
        run(set(), set(), True)
    for subject, times in said.items():
        assert all(later - earlier >= HOUR for earlier, later in pairwise(times)), subject
        assert isinstance(subject, tuple) or len(times) == 1, "a post is told of once"
    for subject in SUBJECTS:
        fell, rose = (len(said.get((*subject, kind), [])) for kind in ("fails", "well"))
        assert fell == rose, f"{subject}: whoever heard that it fails hears that it is well"
    assert state.failing == []
    assert state.waiting == []
    expected = {held(number).key for _, _, waits, _ in steps for number in waits}
    assert expected <= set(said)
