"""Schedules that hold: cron with its bare environment, systemd's units, runs that overlap, run out
of time, were missed, or meet a clock that jumps."""

import ctypes
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from blogs import Blog, Message
from click.testing import CliRunner, Result
from filelock import FileLock
from memory import memory_folder
from telegram_server import TelegramServer

from crosspost import pipeline
from crosspost.cli import COMMANDS, group
from crosspost.config import load
from crosspost.ledger import Ledger
from crosspost.report import Report
from crosspost.schedule import Plan, every, units, word

pytest.register_assert_rewrite("live_channel")
from live_channel import LiveChannel, live_blog  # noqa: E402

EXAMPLES = Path(__file__).parents[1] / "examples"


def message(number: int, text: str, **more: Any) -> Message:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_746_000_000 + 3600 * number),
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
    } | more


@pytest.fixture
def blog() -> Iterator[Blog]:
    """A blog of three posts, in a folder whose name cron and systemd would misread."""
    with memory_folder() as folder:
        made = Blog(folder / "Блог 100% \"$HOME\" 'x'")
        made.write(*(message(n, f"Пост {n}\n\nТекст поста {n}.") for n in (1, 2, 3)))
        yield made


def run(blog: Blog, *words: str, code: int = 0) -> Result:
    config = str(blog.root / "crosspost.toml")
    result = CliRunner().invoke(group, ["--config", config, *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


# --- How often ---


@pytest.mark.parametrize(
    ("seconds", "cron", "calendar", "max_time"),
    [
        (60, "* * * * *", "*:0/1", 48),
        (300, "*/5 * * * *", "*:0/5", 240),
        (1800, "*/30 * * * *", "*:0/30", 1440),
        (3600, "7 * * * *", "0/1:07", 2880),
        (21600, "7 */6 * * *", "0/6:07", 3600),
        (86400, "7 4 * * *", "*-*-* 04:07", 3600),
    ],
)
def test_a_rhythm_is_the_same_to_cron_and_to_systemd(
    seconds: int, cron: str, calendar: str, max_time: int
) -> None:
    rhythm = every(seconds)
    assert (rhythm.cron, rhythm.calendar, rhythm.max_time) == (cron, calendar, max_time)
    assert rhythm.jitter < rhythm.max_time <= seconds * 4 / 5


@pytest.mark.parametrize("interval", ["7m", "90m", "30s", "5h", "2d", "0s"])
def test_a_rhythm_that_neither_can_keep_is_refused_with_those_they_can(
    blog: Blog, interval: str
) -> None:
    told = run(blog, "cron-line", "--interval", interval, code=2).output
    assert "1m, 2m, 5m, 10m" in told.replace("\n", " ")


# --- cron ---

FIELDS = re.compile(r"((?:\S+ ){5})(.*)")


def mailed(line: str, home: Path) -> tuple[int, str]:
    """Runs the line as cron does: forked, without a terminal, in the home folder, with an
    environment of four variables and /bin/sh, and answers the exit code and what would be mailed.
    crontab(5): the command ends at the first ``%`` that has no ``\\`` before it."""
    found = FIELDS.fullmatch(line)
    assert found
    command = re.split(r"(?<!\\)%", found[2])[0].replace("\\%", "%")
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"HOME": str(home), "LOGNAME": "u", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"},
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def cron_line(blog: Blog, *words: str) -> str:
    """The line, without the pause."""
    lines = run(blog, "cron-line", *words).stdout.splitlines()
    (line,) = [one for one in lines if not one.startswith("#")]
    assert line.endswith(" --jitter 30s")
    return line.replace(" --jitter 30s", "")


def test_cron_mirrors_a_channel_and_mails_nothing(blog: Blog, tmp_path: Path) -> None:
    assert mailed(cron_line(blog), tmp_path) == (0, "")
    assert blog.posts == [1, 2, 3]
    blog.write(message(1, "Пост 1\n\nИсправлен."), message(4, "Реклама. erid: 2VtzqwErTy5"))
    code, told = mailed(cron_line(blog), tmp_path)
    assert code == 1
    assert "held: b/4" in told


def test_the_line_is_whole_paths_and_says_who_runs_it(blog: Blog) -> None:
    line = cron_line(blog, "--run-as", "crosspost")
    assert line.startswith("*/5 * * * * crosspost /")
    assert "flock" not in line
    words = shlex.split(line.replace("\\%", "%"))[6:]
    assert Path(words[0]).is_absolute()
    assert words[words.index("-c") + 1] == str(blog.root / "crosspost.toml")
    told = json.loads(run(blog, "cron-line", "--json").stdout)
    assert set(told) == {"line", "needs"}
    assert not told["needs"]


def test_what_cron_does_not_know_is_told(blog: Blog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TG_HASH", "0123456789abcdef0123456789abcdef")
    blog.tables = '[telegram]\napi_id = 1\napi_hash = {env = "TG_HASH"}\n'
    blog.configure()
    result = run(blog, "cron-line")
    assert "cron does not know TG_HASH" in result.stderr
    assert "0123456789" not in result.output


# --- systemd ---

ANALYZE = shutil.which("systemd-analyze")


def printed(blog: Blog, *words: str) -> dict[str, str]:
    told = json.loads(run(blog, "install-timer", "--print", "--json", *words).stdout)
    return {Path(path).name: text for path, text in told["units"].items()}


def written(folder: Path, texts: dict[str, str]) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return [str(folder / name) for name in texts]


@pytest.mark.servers
@pytest.mark.parametrize("words", [("--system", "--run-as", "daemon"), ()], ids=["system", "user"])
def test_systemd_finds_nothing_wrong_with_the_units(
    blog: Blog, tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert ANALYZE, "systemd-analyze is missing: apt-get install systemd"
    files = written(tmp_path / "units", printed(blog, *words))
    done = subprocess.run(
        [ANALYZE, "verify", "--man=no", *files], capture_output=True, text=True, check=False
    )
    own = [line for line in done.stderr.splitlines() if "crosspost." in line or "units/" in line]
    assert (done.returncode, own) == (0, [])


@pytest.mark.servers
def test_systemd_calls_the_service_safe(blog: Blog, tmp_path: Path) -> None:
    assert ANALYZE, "systemd-analyze is missing: apt-get install systemd"
    files = written(tmp_path / "units", printed(blog, "--system", "--run-as", "daemon"))
    done = subprocess.run(
        [ANALYZE, "security", "--offline=true", "--threshold=20", "--no-pager", files[0]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def command_of(service: str) -> list[str]:
    """ExecStart as systemd takes it apart: systemd.service(5), «Command lines»."""
    (line,) = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line)
    plain = [re.sub(r"\\(.)", r"\1", quoted) or bare for quoted, bare in parts]
    return [part.replace("%%", "%").replace("$$", "$") for part in plain]


def test_the_service_runs_this_program_on_this_config(blog: Blog) -> None:
    service = printed(blog)["crosspost.service"]
    command = command_of(service)
    assert command[1:] == [
        *("-q", "-c", str(blog.root / "crosspost.toml"), "sync", "--max-time", "4m"),
    ]
    assert started(service) == (0, "")
    assert blog.posts == [1, 2, 3]


def forbidden() -> None:
    """What of the service's prohibitions a process can lay upon itself: prctl(2)."""
    libc = ctypes.CDLL(None)
    libc.prctl(38, 1, 0, 0, 0)  # NoNewPrivileges
    libc.prctl(65, 1, 0, 0, 0)  # MemoryDenyWriteExecute
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o022)


def started(service: str) -> tuple[int, str]:
    """Runs the service as systemd does, as far as that goes without it."""
    done = subprocess.run(
        command_of(service),
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8"},
        cwd="/",
        preexec_fn=forbidden,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("way", ["cron", "systemd"])
def test_the_sample_channel_is_mirrored_without_a_person(tmp_path: Path, way: str) -> None:
    blog = Blog(tmp_path / "sample", title="Мастерская")
    shutil.rmtree(blog.export)
    shutil.copytree(EXAMPLES / "channel", blog.export)
    line, service = cron_line(blog), printed(blog)["crosspost.service"]
    code, told = mailed(line, tmp_path) if way == "cron" else started(service)
    assert code in (0, 1), told
    assert len(blog.posts) > 60
    assert mailed(line, tmp_path)[1] == started(service)[1] == ""


def test_the_service_may_write_where_it_must_and_nowhere_else(blog: Blog, tmp_path: Path) -> None:
    site, ledger = tmp_path / "www", tmp_path / "state"
    text = (blog.root / "crosspost.toml").read_text("utf-8")
    text = text.replace("'public'", f"'{site}'").replace("'ledger.db'", f"'{ledger}/l.db'")
    (blog.root / "crosspost.toml").write_text(text, "utf-8")
    service = printed(blog, "--system", "--run-as", "daemon")["crosspost.service"]
    assert "ProtectSystem=strict" in service
    assert "PrivateTmp=yes" in service
    writable = re.findall(r"^ReadWritePaths=(.*)$", service, re.MULTILINE)
    assert {*writable} == {word(str(blog.root / "cache")), str(site), str(ledger)}


def test_a_login_that_is_a_text_is_locked_where_a_run_by_hand_sees_it(tmp_path: Path) -> None:
    with TelegramServer() as server:
        blog = live_blog(tmp_path / "blog", server)
    text = (blog.root / "crosspost.toml").read_text("utf-8")
    assert "session = " in text
    service = printed(blog)["crosspost.service"]
    assert "PrivateTmp" not in service
    writable = [Path(one) for one in re.findall(r"^ReadWritePaths=(.*)$", service, re.MULTILINE)]
    assert any(Path(tempfile.gettempdir()).is_relative_to(one) for one in writable)
    told = run(blog, "install-timer", "--print", "--system", code=1).output
    assert "--run-as USER" in told


def test_the_timer_makes_up_for_what_was_missed(blog: Blog) -> None:
    timer = printed(blog, "--interval", "15m", "--jitter", "20s")["crosspost.timer"]
    assert {"OnCalendar=*:0/15", "Persistent=yes", "RandomizedDelaySec=20"} <= {*timer.splitlines()}


def test_a_secret_of_systemd_is_handed_over_and_a_run_by_hand_finds_it(
    blog: Blog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "config" / "credstore"
    store.mkdir(parents=True)
    (store / "tg-hash").write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    blog.tables = '[telegram]\napi_id = 1\napi_hash = {credential = "tg-hash"}\n'
    blog.configure()
    service = printed(blog)["crosspost.service"]
    assert f"LoadCredential=tg-hash:{store / 'tg-hash'}\n" in service
    assert "0123456789" not in service
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    refused = run(blog, "sync", code=2).output
    assert "systemd gave no credential tg-hash: its unit needs LoadCredential=tg-hash" in refused
    (store / "tg-hash").rename(tmp_path / "tg-hash")
    run(blog, "sync")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert "there is no credential tg-hash in" in run(blog, "sync", code=2).output


@pytest.mark.parametrize("name", ["../hash", "a/b", ".."])
def test_a_credential_is_a_name_and_no_path(blog: Blog, name: str) -> None:
    blog.tables = f'[telegram]\napi_id = 1\napi_hash = {{credential = "{name}"}}\n'
    blog.configure()
    assert "is no credential's name" in run(blog, "sync", code=2).output


def test_a_timer_without_the_variables_it_needs_is_refused(
    blog: Blog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TG_HASH", "0123456789abcdef0123456789abcdef")
    blog.tables = '[telegram]\napi_id = 1\napi_hash = {env = "TG_HASH"}\n'
    blog.configure()
    told = run(blog, "install-timer", "--print", code=2).output
    assert "takes TG_HASH from the environment, which a timer does not have" in told
    file = tmp_path / "environment"
    file.write_text("TG_HASH=0123456789abcdef0123456789abcdef\n")
    texts = printed(blog, "--environment-file", str(file))
    assert f"EnvironmentFile={file}\n" in texts["crosspost.service"]


def test_a_user_that_only_exists_while_it_runs_must_be_able_to(blog: Blog) -> None:
    told = run(blog, "install-timer", "--print", "--system", code=1).output
    assert "Name a user that it is to run as: --run-as USER" in told
    told = run(blog, "install-timer", "--print", "--system", "--run-as", "no-one-x", code=1).output
    assert "adduser --system --group no-one-x" in told
    told = run(blog, "install-timer", "--print", "--run-as", "daemon", code=2).output
    assert "--run-as is for --system" in told
    plan = Plan(name="c", words=["/c"], base=Path("/etc/c"), calendar="*:0/5", jitter=1, longest=9)
    service = units(plan)["c.service"]
    assert "DynamicUser=yes\nStateDirectory=c\n" in service


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A systemctl that writes down what it is told; it fails when there is a file «fails»."""
    folder = tmp_path / "bin"
    folder.mkdir()
    log = folder / "log"
    tool = folder / "systemctl"
    tool.write_text(
        f'#!/bin/sh\necho "$*" >> {log}\n'
        f"[ ! -e {folder}/fails ] || {{ echo no bus >&2; exit 1; }}\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return log


def test_a_timer_is_installed_and_removed_again(
    blog: Blog, tmp_path: Path, systemctl: Path
) -> None:
    folder = tmp_path / "config" / "systemd" / "user"
    told = run(blog, "install-timer").stdout
    assert sorted(one.name for one in folder.iterdir()) == ["crosspost.service", "crosspost.timer"]
    assert "journalctl --user -u crosspost.service" in told
    assert "loginctl enable-linger" in told
    assert systemctl.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now crosspost.timer",
    ]
    assert run(blog, "install-timer", "-q", "--interval", "1h").output == ""
    assert "OnCalendar=0/1:07" in (folder / "crosspost.timer").read_text()
    told = json.loads(run(blog, "install-timer", "--remove", "--json").stdout)
    assert told == {
        "units": [str(folder / "crosspost.timer"), str(folder / "crosspost.service")],
        "removed": True,
    }
    assert not list(folder.iterdir())
    assert "There were none" in run(blog, "install-timer", "--remove").stdout


def test_printing_changes_nothing(blog: Blog, tmp_path: Path, systemctl: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    told = run(blog, "install-timer", "--print").stdout
    assert "[Service]" in told
    assert "[Timer]" in told
    assert sorted(tmp_path.rglob("*")) == before


def test_trouble_with_systemd_is_a_sentence(
    blog: Blog, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (systemctl.parent / "fails").touch()
    told = run(blog, "install-timer", code=1).output
    assert "systemctl --user daemon-reload failed: no bus" in told
    assert "crosspost cron-line" in told
    monkeypatch.setenv("PATH", "")
    assert "There is no systemd on this machine" in run(blog, "install-timer", code=1).output
    refused = run(blog, "install-timer", "--name", "../x", code=2).output
    assert "small Latin letters" in refused


# --- Runs that overlap ---


@pytest.mark.parametrize("overlap", ["fail", "skip", "wait"])
def test_what_a_second_run_does_is_the_blogs_setting(blog: Blog, overlap: str) -> None:
    blog.settings = f"overlap = '{overlap}'"
    blog.configure()
    lock = FileLock(blog.root / ".ledger.db.b.lock")
    with lock:
        if overlap == "fail":
            assert "Another run holds the blog «b»" in run(blog, "sync", code=5).output
        elif overlap == "skip":
            assert "note: b: Left out: Another run holds" in run(blog, "sync").output
            assert run(blog, "sync", "-q").output == ""
        else:
            config = str(blog.root / "crosspost.toml")
            second = subprocess.Popen([sys.executable, "-m", "crosspost", "-c", config, "sync"])
            time.sleep(0.8)
            assert second.poll() is None
            lock.release()
            assert second.wait(30) == 0
            assert blog.posts == [1, 2, 3]


def test_one_blog_that_is_held_does_not_hold_up_the_others(blog: Blog) -> None:
    text = (blog.root / "crosspost.toml").read_text("utf-8")
    other = text[text.index("[[blog]]") : text.index("[site.local]")].replace("'b'", "'other'")
    (blog.root / "crosspost.toml").write_text(text.replace("[site.local]", other + "[site.local]"))
    with FileLock(blog.root / ".ledger.db.b.lock"):
        told = run(blog, "sync", code=5).output
    assert "3 created" in told
    assert blog.posts == []


def test_a_change_of_overlap_makes_nothing_due(blog: Blog) -> None:
    run(blog, "sync")
    blog.settings = "overlap = 'skip'"
    blog.configure()
    blog.unchanged()


# --- Runs that run out of time ---


def test_a_run_whose_time_is_used_up_ends_cleanly_and_the_next_goes_on(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    blog.write(*(message(n, f"Пост {n}\n\nТекст поста {n}.") for n in range(1, 21)))
    past = 0.0
    monotonic = time.monotonic

    def passing() -> float:
        """A clock on which every look takes a second."""
        nonlocal past
        past += 1
        return monotonic() + past

    monkeypatch.setattr("crosspost.cli._common.time.monotonic", passing)
    told = run(blog, "sync", "--max-time", "20s", code=7).output
    assert "The time of this run (--max-time) is used up. The next run goes on" in told
    monkeypatch.undo()
    with Ledger.open(blog.root / "ledger.db") as ledger:
        (target,) = ledger.targets("b")
        (last,) = ledger.runs("b")
    assert last.ended_at
    assert target.due
    assert run(blog, "sync", "-q").output == ""
    assert blog.posts == [*range(1, 21)]
    blog.unchanged()


def test_a_person_who_wants_quiet_does_not_hear_of_a_run_that_goes_on(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = iter(range(0, 10_000, 5))
    monkeypatch.setattr("crosspost.cli._common.time.monotonic", lambda: float(next(past)))
    assert run(blog, "sync", "-q", "--max-time", "10s", code=7).output == ""


def test_a_wait_that_telegram_asks_for_does_not_outlast_the_run(tmp_path: Path) -> None:
    with TelegramServer() as server:
        author = LiveChannel(server)
        author.post()
        blog = live_blog(tmp_path / "blog", server)
        server.fault("GetHistoryRequest", error="FLOOD_WAIT_60")
        begun = time.monotonic()
        told = run(blog, "sync", "--max-time", "20s", code=7).output
        assert time.monotonic() - begun < 10
        assert "The time of this run (--max-time) is used up" in told
        server.faults.clear()
        run(blog, "sync")
        assert len(blog.posts) == 1


def test_who_had_no_turn_comes_first_the_next_time(blog: Blog) -> None:
    text = (blog.root / "crosspost.toml").read_text("utf-8")
    other = text[text.index("[[blog]]") : text.index("[site.local]")].replace("'b'", "'other'")
    (blog.root / "crosspost.toml").write_text(text.replace("[site.local]", other + "[site.local]"))
    run(blog, "sync", "b")
    blog.write(*(message(n, f"Пост {n}\n\nТекст.") for n in range(1, 5)))
    with Ledger.open(blog.root / "ledger.db") as ledger:
        assert ledger.last_turn("b") > ledger.last_turn("other") == ""
    run(blog, "sync", "--max-time", "10m")
    with Ledger.open(blog.root / "ledger.db") as ledger:
        (mine,), (others,) = ledger.runs("b"), ledger.runs("other")
    assert others.id < mine.id


def listens(pid: int, number: int) -> bool:
    """Whether the process has a handler of its own for the signal: proc(5), SigCgt."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = re.findall(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_a_pause_by_chance_comes_first_and_can_be_ended(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[float, float]] = []

    def chance(_: object, low: float, high: float) -> float:
        asked.append((low, high))
        return 0.4

    monkeypatch.setattr("random.SystemRandom.uniform", chance)
    begun = time.monotonic()
    run(blog, "sync", "--jitter", "1m")
    assert time.monotonic() - begun >= 0.4
    assert asked == [(0, 60)]
    assert "must be shorter" in run(
        blog, "sync", "--jitter", "5m", "--max-time", "4m", code=2
    ).output.replace("\n", " ")
    words = [sys.executable, "-m", "crosspost", "-c", str(blog.root / "crosspost.toml"), "sync"]
    waiting = subprocess.Popen([*words, "--jitter", "1d"], stderr=subprocess.PIPE)
    while not listens(waiting.pid, signal.SIGTERM):
        assert waiting.poll() is None
        time.sleep(0.05)
    waiting.send_signal(signal.SIGTERM)
    assert waiting.wait(10) == 7
    assert waiting.stderr
    waiting.stderr.close()


# --- Runs that were missed, clocks that jump ---


def sync_at(blog: Blog, moment: datetime) -> Report:
    """A run of a machine whose clock shows this."""
    config = load(blog.root / "crosspost.toml")
    report = Report("sync")
    with Ledger.open(config.ledger, clock=lambda: moment) as ledger:
        made = pipeline.Run(ledger=ledger, report=report)
        pipeline.sync(made, config.blogs["b"])
        made.close()
    return report


def posted(number: int, moment: datetime) -> Message:
    return message(number, f"Пост {number}\n\nТекст.") | {
        "date_unixtime": str(int(moment.timestamp()))
    }


NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def test_what_happened_while_no_run_was_made_is_caught_up_with(blog: Blog) -> None:
    sync_at(blog, NOON)
    later = [posted(n, NOON + timedelta(days=n)) for n in range(4, 9)]
    blog.write(message(1, "Пост 1\n\nИсправлен."), message(3, "Пост 3\n\nТекст поста 3."), *later)
    report = sync_at(blog, NOON + timedelta(days=30))
    assert (report.counts["created"], report.counts["updated"]) == (5, 1)
    assert report.counts["withdrawn"] == 1
    assert blog.posts == [1, 3, 4, 5, 6, 7, 8]
    blog.unchanged()


@pytest.mark.parametrize("jump", [timedelta(days=400), -timedelta(days=400)], ids=["on", "back"])
def test_a_clock_that_jumps_loses_and_doubles_nothing(blog: Blog, jump: timedelta) -> None:
    blog.write(posted(1, NOON - timedelta(hours=1)))
    sync_at(blog, NOON)
    blog.write(posted(1, NOON - timedelta(hours=1)), posted(2, NOON))
    sync_at(blog, NOON + jump)
    report = sync_at(blog, NOON + timedelta(minutes=10))
    assert not report.troubles
    assert blog.posts == [1, 2]
    assert sync_at(blog, NOON + timedelta(minutes=11)).idle


def test_a_post_that_waited_by_a_wrong_clock_is_sent_by_the_right_one(blog: Blog) -> None:
    blog.write(posted(1, NOON))
    early = sync_at(blog, NOON - timedelta(days=2))
    assert early.counts["waits"] == 1
    assert sync_at(blog, NOON + timedelta(seconds=30)).idle
    assert sync_at(blog, NOON + timedelta(seconds=90)).counts["created"] == 1


def test_a_retry_set_by_a_clock_that_was_ahead_does_not_wait_for_it(blog: Blog) -> None:
    from msgspec.structs import replace

    ahead = NOON + timedelta(days=400)
    sync_at(blog, NOON)
    with Ledger.open(blog.root / "ledger.db", clock=lambda: ahead) as ledger:
        delivery = ledger.delivery("b", 1, "local")
        assert delivery
        wait = (ahead + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        ledger.settle(replace(delivery, due=True, not_before=wait, digest=""))
    with Ledger.open(blog.root / "ledger.db", clock=lambda: NOON) as ledger:
        assert ledger.has_due("b", "local")
        assert ledger.count_due("b", "local") == 1
        assert [one.post_id for page in ledger.due("b", "local") for one in page] == [1]
    assert sync_at(blog, NOON).counts["updated"] == 1


# --- docs/operators.md ---


def test_the_page_types_only_what_there_is() -> None:
    page = (Path(__file__).parents[1] / "docs" / "operators.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    typed = []
    for words in lines:
        told = [word for word in words if word != "-q"]
        starts = [n for n, word in enumerate(told[:-1]) if word == "crosspost"]
        typed += [told[n + 1 :] for n in starts if told[n + 1] in COMMANDS]
    assert {words[0] for words in typed} >= {"init", "sync", "install-timer", "backup", "notify"}
    for words in typed:
        command = group.get_command(click.Context(group), words[0])
        assert command
        known = {option for one in command.params for option in one.opts}
        assert {word for word in words if word.startswith("-")} <= known, words


@pytest.mark.usefixtures("systemctl")
def test_the_page_leads_from_nothing_to_a_blog_and_a_timer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(EXAMPLES / "channel", tmp_path / "export")
    monkeypatch.chdir(tmp_path)
    steps = [
        ("init", "export", "--name", "business", "--link", "https://t.me/masterskaya", "--path",
         "www", "--url", "https://example.com/"),
        ("sync", "--dry-run"),
        ("install-timer",),
    ]  # fmt: skip
    for words in steps:
        result = CliRunner().invoke(group, words)
        assert result.exit_code in (0, 1), result.output
    folder = tmp_path / "config" / "systemd" / "user"
    command = command_of((folder / "crosspost.service").read_text("utf-8"))
    assert command[-5:-2] == ["-c", str(tmp_path / "crosspost.toml"), "sync"]
