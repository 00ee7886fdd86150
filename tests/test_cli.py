"""The commands, as a person at a terminal, cron and a script meet them."""

import ctypes
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

from crosspost.cli import COMMANDS, group

HEAVY = (
    *("telethon", "lxml", "bs4", "PIL", "jinja2", "babel", "requests", "sqlite_utils", "rich"),
    *("nh3", "slugify", "stamina", "filelock.asyncio", "asyncio"),
)
CONFIG = """\
language = "ru"
timezone = "Asia/Omsk"
cache = "cache"

[[blog]]
name = "business"
channel = "channel"
reader = "export"
site = "local"
link = "https://t.me/Lavka"
[site.local]
type = "static"
path = "public"
"""
PLAIN = "Открыли вторую лавку\n\nНа Ленина, 5. Пирожки те же, очередь короче."
SITE = f"The site: {Path('public') / 'index.html'}\n"
AD = "Реклама. ООО «Мука», erid: 2VtzqwErTy5"


def message(number: int, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_746_000_000 + 3600 * number),
        "from": "Лавка",
        "from_id": "channel1234567890",
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
    } | more


def channel(folder: Path, *messages: dict[str, Any]) -> Path:
    """An export with these messages."""
    path = folder / "channel"
    path.mkdir(exist_ok=True)
    export = {"name": "Лавка", "type": "public_channel", "id": 1234567890}
    text = json.dumps(export | {"messages": messages}, ensure_ascii=False)
    (path / "result.json").write_text(text, "utf-8")
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config and a channel of two posts."""
    (tmp_path / "crosspost.toml").write_text(CONFIG, "utf-8")
    channel(tmp_path, message(1, PLAIN), message(2, "Закрыто на учёт\n\nДо среды."))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CROSSPOST_CONFIG", raising=False)
    return tmp_path


def run(*words: str, code: int = 0, input: str | None = None) -> Result:  # noqa: A002
    """The command in this process. No exception may come out of it."""
    result = CliRunner().invoke(group, words, input=input)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def process(*words: str, code: int = 0, **more: Any) -> subprocess.CompletedProcess[str]:
    """The real program."""
    done = subprocess.run(
        [sys.executable, "-m", "crosspost", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,
    )
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done


# --- sync ---


@pytest.mark.usefixtures("place")
def test_a_channel_becomes_a_blog_and_the_second_time_nothing_happens() -> None:
    assert run("sync").stdout == f"2 posts read, 2 created.\n{SITE}"
    assert Path("public/index.html").is_file()
    again = run("sync")
    assert (again.stdout, again.stderr) == ("Nothing to do.\n", "")


@pytest.mark.usefixtures("place")
def test_options_may_stand_before_or_after_the_command(place: Path) -> None:
    (place / "crosspost.toml").rename(place / "other.toml")
    for words in (
        ("-c", "other.toml", "sync", "--json"),
        ("--json", "sync", "-c", "other.toml"),
        ("-c", "none.toml", "sync", "--json", "-c", "other.toml"),
    ):
        assert json.loads(run(*words).stdout)["command"] == "sync"


def test_the_environment_may_name_the_config(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "crosspost.toml").rename(place / "other.toml")
    monkeypatch.setenv("CROSSPOST_CONFIG", "other.toml")
    run("status")
    assert "no config at none.toml" in run("status", "-c", "none.toml", code=2).stderr


def test_quiet_is_silent_when_nothing_needs_a_person(place: Path) -> None:
    missing = message(3, "Фото пропало", photo="(File not included.)")
    channel(place, message(1, PLAIN), missing)
    for _ in range(2):
        result = run("sync", "-q")
        assert (result.stdout, result.stderr) == ("", "")


def test_quiet_tells_on_stderr_what_needs_a_person(place: Path) -> None:
    channel(place, message(1, PLAIN), message(7, AD))
    result = run("-q", "sync", code=1)
    assert result.stdout == ""
    assert result.stderr.startswith("held: business/7 → local «")
    assert "--publish" in result.stderr


@pytest.mark.usefixtures("place")
def test_verbose_tells_of_every_post() -> None:
    told = run("sync", "-v").stdout
    assert "created: business/1 → local «Открыли вторую лавку»" in told
    assert "created: business/2 → local «Закрыто на учёт»" in told


def test_a_dry_run_tells_of_every_post_and_changes_nothing(place: Path) -> None:
    before = sorted(place.rglob("*"))
    told = run("sync", "--dry-run").stdout
    assert "created: business/1" in told
    assert told.endswith("It would be: 2 posts read, 2 created.\n")
    assert sorted(place.rglob("*")) == before


def test_sync_open_shows_the_blog_in_the_browser(place: Path) -> None:
    browser = place / "bin" / "xdg-open"
    browser.parent.mkdir()
    browser.write_text(f'#!/bin/sh\necho "$1" > {place}/opened\n')
    browser.chmod(0o755)
    path = f"{browser.parent}:{os.environ['PATH']}"
    told = process("sync", "--open", env=os.environ | {"PATH": path}).stdout
    assert told.endswith(SITE)
    for _ in range(100):
        if (place / "opened").exists() and (place / "opened").read_text():
            break
        time.sleep(0.02)
    assert (place / "opened").read_text().strip() == str(place / "public" / "index.html")


def test_a_sync_that_changed_the_site_says_where_it_is(place: Path) -> None:
    (place / "elsewhere").mkdir()
    told = process("-c", str(place / "crosspost.toml"), "sync", cwd=place / "elsewhere").stdout
    assert told.endswith(f"\nThe site: {place / 'public' / 'index.html'}\n")
    channel(place, message(1, "Открыли третью лавку"), message(2, "Закрыто на учёт\n\nДо среды."))
    assert run("sync").stdout.endswith(SITE)
    assert "The site" not in run("sync").output
    channel(place, message(1, "Открыли пятую лавку"), message(2, "Закрыто на учёт\n\nДо среды."))
    for words in (["--dry-run"], ["--json"]):
        assert "The site" not in run("sync", *words).output


@pytest.mark.parametrize("command", [["sync", "--open"], ["preview"]])
def test_a_machine_without_a_browser_makes_no_noise(place: Path, command: list[str]) -> None:
    told = process(*command, env=os.environ | {"PATH": ""})
    assert told.stderr == ""
    browser = place / "bin" / "xdg-open"
    browser.parent.mkdir()
    browser.write_text('#!/bin/sh\necho x-www-browser: not found >&2\n: > "$0.done"\nexit 3\n')
    browser.chmod(0o755)
    told = process(*command, env=os.environ | {"PATH": f"{browser.parent}:/usr/bin:/bin"})
    assert _appears(place / "bin" / "xdg-open.done")
    assert "not found" not in told.stderr + told.stdout


def _appears(path: Path) -> bool:
    for _ in range(100):
        if path.exists():
            return True
        time.sleep(0.02)
    return False


# --- Exit codes ---


def _export_gone(place: Path) -> None:
    (place / "channel" / "result.json").unlink()


def _export_damaged(place: Path) -> None:
    (place / "channel" / "result.json").write_text("{ no export")


def _config_gone(place: Path) -> None:
    (place / "crosspost.toml").unlink()


def _config_is_a_folder(place: Path) -> None:
    _config_gone(place)
    (place / "crosspost.toml").mkdir()


def _site_is_a_file(place: Path) -> None:
    (place / "public").write_text("a file")


def _site_damaged(place: Path) -> None:
    (place / "public" / ".crosspost").mkdir(parents=True)
    (place / "public" / ".crosspost" / "site.db").write_bytes(b"no database at all" * 100)


def _ledger_damaged(place: Path) -> None:
    (place / "crosspost.db").write_bytes(b"no database at all" * 100)


def _ledger_is_a_folder(place: Path) -> None:
    (place / "crosspost.db").mkdir()


def _ledger_under_a_file(place: Path) -> None:
    (place / "crosspost.toml").write_text('ledger = "channel/result.json/x.db"\n' + CONFIG)


def _held(place: Path) -> None:
    channel(place, message(1, AD))


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (_held, 1, "held: business/1"),
        (_config_gone, 2, "There is no config at crosspost.toml. To write one: crosspost init"),
        (_config_is_a_folder, 2, "The config crosspost.toml cannot be read: Is a directory"),
        (_export_gone, 3, "business: "),
        (_export_damaged, 3, "business: "),
        (_site_is_a_file, 4, "business → local: "),
        (_site_damaged, 4, "business → local: "),
        (_ledger_damaged, 6, "crosspost.db"),
        (_ledger_is_a_folder, 6, "crosspost.db"),
        (_ledger_under_a_file, 6, "x.db"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_every_trouble_is_a_line_and_an_exit_code(
    place: Path, spoil: Any, code: int, said: str
) -> None:
    spoil(place)
    result = run("sync", code=code)
    assert said in result.output
    if code > 1:  # a held post is told once; from then on status has it
        told = json.loads(run("sync", "--json", code=code).stdout)
        assert told["exit_code"] == code
        assert all(
            set(one) == {"blog", "site", "message", "exit_code"} and one["exit_code"] == code
            for one in told["errors"]
        )
        assert told["errors"]
        assert run("-q", "sync", code=code).stderr != ""
    for words in (["status"], ["show", "1"], ["preview", "--no-open", "-o", "sheet.html"]):
        result = CliRunner().invoke(group, words)
        assert result.exception is None or isinstance(result.exception, SystemExit), words
        assert result.exit_code in (0, 1, 2, 3, 6)


@pytest.mark.usefixtures("place")
def test_a_blog_that_another_run_holds_is_left_to_it() -> None:
    with FileLock(".crosspost.db.business.lock"):
        assert "Another run holds the blog" in run("sync", code=5).output
        assert run("-q", "sync").output == ""
        assert run("sync", "-q").output == ""
        begun = time.monotonic()
        run("sync", "--wait", "1s", code=5)
        assert time.monotonic() - begun >= 1
    run("sync")


@pytest.mark.parametrize(
    ("path", "mode", "code"),
    [
        ("crosspost.toml", 0o000, 2),
        pytest.param("channel", 0o000, 3, marks=pytest.mark.slow),
        pytest.param("channel/result.json", 0o000, 3, marks=pytest.mark.slow),
        ("public", 0o500, 4),
        (".", 0o500, 6),
    ],
)
def test_what_may_not_be_read_or_written_is_told(
    place: Path, path: str, mode: int, code: int
) -> None:
    """Where the tests are run by root, the program runs without root's right to everything."""
    (place / "public").mkdir()
    (place / path).chmod(mode)
    try:
        for words in (["sync", "--json"], ["preview", "--no-open"]):
            done = subprocess.run(
                [sys.executable, "-m", "crosspost", *words],
                preexec_fn=_without_privilege,
                capture_output=True,
                text=True,
                check=False,
            )
            assert "Traceback" not in done.stderr, done.stderr
            if words[0] == "sync":
                assert done.returncode == code, done.stderr + done.stdout
    finally:
        (place / path).chmod(0o700)


def _without_privilege() -> None:
    """Takes CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH away: capabilities(7), prctl(2)."""
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


@pytest.mark.parametrize("limit", [40_000, pytest.param(120_000, marks=pytest.mark.slow)])
def test_a_full_disk_is_told_and_the_next_run_goes_on(place: Path, limit: int) -> None:
    channel(place, *(message(number, PLAIN * 20) for number in range(1, 12)))

    def little() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-m", "crosspost", "sync"],
        preexec_fn=little,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in (4, 6), done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    run("sync")
    assert len([p for p in (place / "public").glob("*/*.html") if p.name[0].isdigit()]) == 11


def test_an_unknown_command_or_blog_gets_the_nearest(place: Path) -> None:
    assert "Did you mean «status»?" in run("statsu", code=2).stderr
    assert "did you mean «business»?" in run("sync", "busines", code=2).stderr
    assert run("backfill", "nobody", code=2).stderr.startswith("crosspost: crosspost.toml has no")


# --- Stopping ---


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_ends_cleanly_and_the_next_goes_on(place: Path, number: int) -> None:
    channel(place, *(message(one, f"Запись {one}\n\n{PLAIN}") for one in range(1, 61)))
    child = subprocess.Popen(
        [sys.executable, "-m", "crosspost", "sync"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while child.poll() is None and not (place / "public" / ".crosspost" / "site.db").exists():
        time.sleep(0.01)
    child.send_signal(number)
    out, said = child.communicate(timeout=60)
    assert child.returncode == 7, said + out
    assert "finishing the post under way" in said
    assert "The next run goes on from here." in out
    assert "Traceback" not in said
    told = json.loads(run("sync", "--json").stdout)
    assert told["created"] < 60
    states = json.loads(run("status", "--json").stdout)["blogs"][0]["sites"][0]["states"]
    assert states == {"live": 60}


# --- The terminal ---


def _on_terminal(*words: str, **environment: str) -> str:
    """What the program writes to a terminal."""
    ours, theirs = os.openpty()
    env = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"} | environment
    child = subprocess.Popen(
        [sys.executable, "-m", "crosspost", *words], stdout=theirs, stderr=theirs, env=env
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        written += data
    os.close(ours)
    assert child.wait(60) == 0
    return written.decode("utf-8", "replace")


def test_a_bar_moves_on_a_terminal_only(place: Path) -> None:
    channel(place, *(message(one, PLAIN) for one in range(1, 12)))
    shown = _on_terminal("sync", NO_COLOR="1")
    assert "→ local" in shown
    assert "\x1b[3" not in shown  # NO_COLOR is respected
    for database in place.glob("crosspost.db*"):
        database.unlink()
    piped = process("sync")
    assert "\x1b" not in piped.stdout + piped.stderr
    assert piped.stderr == ""


def test_control_characters_of_a_channel_do_not_reach_the_terminal(place: Path) -> None:
    channel(place, message(1, "\x1b[2J\x1b]0;чужое\x07Заголовок\n\nТекст"))
    assert "\x1b" not in run("sync", "-v").output
    assert "\x1b" not in run("show", "1").output


# --- What is loaded ---


def _loaded(place: Path, *words: str) -> set[str]:
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\nLOADED', *sys.modules))\n"
        f"sys.argv = ['crosspost', *{list(words)!r}]\n"
        "from crosspost.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_help_and_a_run_with_nothing_to_do_load_nothing_heavy(place: Path) -> None:
    run("sync")
    assert not _loaded(place, "sync") & set(HEAVY)
    assert not _loaded(place, "--help") & {*HEAVY, "pydantic", "sqlite3", "msgspec"}
    assert not _loaded(place, "sync", "--help") & {*HEAVY, "pydantic", "sqlite3", "msgspec"}


# --- Help and completion ---


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(command: str) -> None:
    told = run(command, "--help").stdout
    assert "Examples:" in told
    assert f"crosspost {command}" in told


def test_the_exit_codes_are_in_the_help() -> None:
    told = " ".join(run("--help").stdout.split())
    assert all(f" {code} " in told for code in range(8))


@pytest.mark.parametrize(
    ("shell", "words", "found"),
    [
        ("bash", "sy", "sync"),
        ("zsh", "sync bu", "business"),
        ("fish", "sync --dr", "--dry-run"),
        ("bash", "-c no sync bu", ""),
    ],
)
@pytest.mark.usefixtures("place")
def test_the_shell_completes_commands_blogs_and_options(shell: str, words: str, found: str) -> None:
    assert "_CROSSPOST_COMPLETE" in run("completion", shell).stdout
    env = {
        "_CROSSPOST_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": f"crosspost {words}",
        "COMP_CWORD": words.split()[-1] if shell == "fish" else str(len(words.split())),
    }
    code = "import sys; sys.argv[0] = 'crosspost'; from crosspost.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    told = done.stdout.replace(",", "\n").split()
    assert found in told if found else not told, done.stdout + done.stderr


# --- status, show, resolve ---


def test_status_says_how_each_blog_stands(place: Path) -> None:
    assert run("status").stdout == "business: never run. Begin with: crosspost sync business\n"
    channel(place, message(1, PLAIN), message(7, AD))
    run("sync", code=1)
    told = run("status").stdout
    assert told.startswith("business → local: last success just now; 1 held, 1 live\n")
    assert "held: business/7 «" in told
    assert "crosspost resolve business/7 --publish" in told
    assert run("status", "-q").stdout.startswith("  held: business/7")


def test_status_says_when_the_last_run_could_not_do_its_work(place: Path) -> None:
    run("sync")
    shutil.rmtree(place / "public")
    _site_is_a_file(place)
    channel(place, message(1, PLAIN + " И ещё."))
    run("sync", code=4)
    told = run("status").stdout
    assert told.startswith("business: the last run ended just now with the exit code 4: ")
    assert "2 due" in told


def test_who_looks_needs_no_secret_of_telegram(place: Path) -> None:
    run("sync")
    live = '[telegram]\napi_id = {env = "NO_ID"}\napi_hash = {file = "nowhere"}\n'
    (place / "crosspost.toml").write_text(CONFIG.replace('"export"', '"telegram"') + live, "utf-8")
    for words in (("status",), ("show", "1")):
        told = run(*words, code=2)
        assert "the environment variable NO_ID is not set" in told.stderr
        assert "live" in told.stdout


def test_who_looks_needs_no_secret_of_the_sites(place: Path) -> None:
    run("sync")
    secret = '[site.local]\ntype = "wordpress"\nurl = "https://example.org"\nuser = "blogger"\n'
    secret += 'password = {env = "NOWHERE_TO_BE_FOUND"}\n'
    (place / "crosspost.toml").write_text(CONFIG.partition("[site.local]")[0] + secret, "utf-8")
    for words in (("status",), ("show", "1")):
        told = run(*words, code=2)
        assert "the environment variable NOWHERE_TO_BE_FOUND is not set" in told.stderr
        assert "live" in told.stdout
    run("sync", code=2)


@pytest.mark.parametrize(
    "word",
    [
        "business/1",
        "1",
        "https://t.me/Lavka/1",
        "t.me/lavka/1?single",
        "https://t.me/s/Lavka/1",
        "https://t.me/c/1234567890/1",
        "",
    ],
)
@pytest.mark.usefixtures("place")
def test_show_finds_a_post_by_any_of_its_names(word: str) -> None:
    run("sync")
    if not word:  # its article's address
        told = json.loads(run("show", "1", "--json").stdout)
        word = told["deliveries"][0]["url"]
        assert word.startswith("http://localhost:8000/business/1-")
    told = run("show", word).stdout
    assert told.startswith("business/1  2025-04-30 ")
    assert "Открыли вторую лавку" in told
    assert "local: live  http://localhost:8000/business/1-" in told
    assert "created on local" in told


@pytest.mark.usefixtures("place")
def test_show_says_when_there_is_no_such_post() -> None:
    for word in ("9", "other/1", "https://example.com/1", "x", "9" * 50, "²"):
        assert "the ledger knows no post" in run("show", word, code=2).stderr
    assert not Path("crosspost.db").exists()


def test_a_person_may_publish_what_was_held(place: Path) -> None:
    channel(place, message(7, AD))
    run("sync", code=1)
    assert "Say one thing to do" in run("resolve", "business/7", code=2).stderr
    assert "1 created" in run("resolve", "business/7", "--publish").stdout
    assert run("sync").stdout == "Nothing to do.\n"


# --- backfill ---


def test_backfill_takes_days_and_ids(place: Path) -> None:
    channel(place, *(message(one, PLAIN) for one in range(1, 100)))
    assert "3 created" in run("backfill", "business", "--ids", "5, 40-41").stdout
    assert "2 created" in run("backfill", "business", "--limit", "2").stdout
    day = run("backfill", "business", "--since", "2025-05-01", "--until", "2025-05-01", "--json")
    assert json.loads(day.stdout)["created"] == 24
    assert "Nothing to do" in run("backfill", "business", "--ids", "5,40-41").stdout


@pytest.mark.parametrize("words", ["", ",", "5,", "a", "9-3", "-3", "1-9999999999", "²", "1 2"])
@pytest.mark.usefixtures("place")
def test_ids_that_are_none_are_refused(words: str) -> None:
    assert "--ids" in run("backfill", "business", "--ids", words, code=2).stderr
    assert not Path("crosspost.db").exists()


@pytest.mark.usefixtures("place")
def test_days_in_the_wrong_order_are_refused() -> None:
    words = ("--since", "2025-05-02", "--until", "2025-05-01")
    assert "before the first" in run("backfill", "business", *words, code=2).stderr


def test_backfill_may_read_another_export(place: Path) -> None:
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    source = channel(elsewhere, message(1, PLAIN), message(50, "Старое\n\nИз архива."))
    assert "2 created" in run("backfill", "business", "--from", str(source)).stdout
    assert "1 created" in run("sync").stdout


# --- preview ---


def test_preview_writes_a_sheet_and_changes_nothing_else(place: Path) -> None:
    before = sorted(place.rglob("*"))
    told = run("preview", "--no-open", "-o", "sheet.html").stdout
    assert told == f"2 articles in {(place / 'sheet.html').as_uri()}\n"
    after = set(place.rglob("*")) - {place / "cache"} - set((place / "cache").rglob("*"))
    assert sorted(after) == sorted([*before, place / "sheet.html"])
    told = json.loads(run("preview", "--json", "-o", "sheet.html", "--no-open").stdout)
    assert (told["articles"], told["sheet"]) == (2, str(place / "sheet.html"))


def test_a_quiet_preview_opens_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("crosspost.cli.look.show_file", opened.append)
    assert run("preview", "-q", "-o", "sheet.html").output == ""
    assert opened == []
    run("preview", "-o", "sheet.html")
    assert opened == [place / "sheet.html"]


def test_a_preview_with_nothing_to_show_says_only_what_is_wrong(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("crosspost.cli.look.show_file", opened.append)
    _export_gone(place)
    told = run("preview", "-o", "sheet.html", code=3)
    assert told.stdout == ""
    assert "channel" in told.stderr
    assert opened == []


def test_preview_says_when_the_sheet_cannot_be_written(place: Path) -> None:
    (place / "file").write_text("")
    assert "file" in run("preview", "--no-open", "-o", "file/sheet.html", code=1).stderr


# --- init ---


@pytest.mark.parametrize("word", ["t.me/s/lavka_1", "@lavka_1", "https://t.me/lavka_1/12"])
def test_init_with_a_channel_asks_nothing(tmp_path: Path, word: str) -> None:
    target = tmp_path / "c.toml"
    told = run("init", word, "-c", str(target)).stdout
    assert f"crosspost sync -c {target}" in told
    text = target.read_text("utf-8")
    assert 'channel = "@lavka_1"' in text
    assert 'reader  = "preview"' in text
    run("status", "-c", str(target))


def test_init_with_an_export_makes_a_config_that_works(place: Path) -> None:
    (place / "crosspost.toml").unlink()
    run("init", "channel", "--language", "ru", "--author", 'Имя "в кавычках" \\ и ещё')
    assert run("sync").stdout == f"2 posts read, 2 created.\n{SITE}"
    assert "is there already" in run("init", "channel", code=2).stderr
    assert json.loads(run("init", "channel", "--force", "--json").stdout) == {
        "config": str(place / "crosspost.toml")
    }


@pytest.mark.parametrize(
    ("text", "language"),
    [("Открыли вторую лавку на Main Street", "ru"), ("We opened a shop in Омск", "en"), ("", "ru")],
)
def test_init_takes_the_language_from_the_posts(
    place: Path, monkeypatch: pytest.MonkeyPatch, text: str, language: str
) -> None:
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8" if not text else "C.UTF-8")
    channel(place, message(1, text), message(2, text))
    run("init", "channel", "--force")
    assert f'language = "{language}"' in (place / "crosspost.toml").read_text("utf-8")
    run("init", "channel", "--force", "--language", "en")
    assert 'language = "en"' in (place / "crosspost.toml").read_text("utf-8")


def test_init_tells_what_an_export_does_not(place: Path) -> None:
    told = run("init", "channel", "--force").stdout
    assert "The blog's name is «lavka», in addresses and in the ledger, for ever." in told
    assert "--name NAME" in told
    assert "set link in crosspost.toml (or use --link)" in told
    line = '\n# link = "https://t.me/…"   # the channel\'s public address, so that articles link to'
    assert line in (place / "crosspost.toml").read_text("utf-8")
    told = run("init", "channel", "--force", "--link", "https://t.me/lavka", "--name", "a").stdout
    assert "link" not in told
    assert "--name" not in told
    told = run("init", "@lavka", "--force").stdout
    assert "«lavka»" in told
    assert "link" not in told


def test_init_takes_the_short_names_that_telegram_sells(place: Path) -> None:
    run("init", "t.me/s/shop", "--force")
    assert 'channel = "@shop"' in (place / "crosspost.toml").read_text("utf-8")


def test_init_asks_again_when_an_answer_will_not_do(place: Path) -> None:
    (place / "crosspost.toml").unlink()
    answers = ["channel", "Лавка", "", "t.me/lavka", "https://t.me/lavka", "fr", "ru"]
    answers += ["Omsk", "Asia/Omsk", "", "", "public", "x", "http://a.ru/"]
    told = run("init", input="\n".join([*answers, ""])).output
    assert "a name is of small Latin letters" in told
    assert "[lavka]" in told
    assert "it is a public address, such as https://t.me/name" in told
    assert "it is en or ru" in told
    assert "did you mean «Asia/Omsk»" in told
    text = (place / "crosspost.toml").read_text("utf-8")
    assert 'timezone = "Asia/Omsk"' in text
    assert 'url  = "http://a.ru/"' in text
    run("sync")


def test_init_takes_one_channel_of_many(place: Path) -> None:
    (place / "crosspost.toml").unlink()
    export = json.loads((place / "channel" / "result.json").read_text("utf-8"))
    second = {**export, "id": 77, "name": "Вторая"}
    whole = {"about": "", "chats": {"list": [export, second]}}
    (place / "channel" / "result.json").write_text(json.dumps(whole), "utf-8")
    assert "#77" in run("init", "channel", code=3).output
    assert not (place / "crosspost.toml").exists()
    run("init", "channel#77")
    assert 'name    = "vtoraia"' in (place / "crosspost.toml").read_text("utf-8")
    assert "2 created" in run("sync").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["./no/such/folder"], "is neither a file or folder here nor a public channel"),
        (["https://t.me/+AbCdEf"], "is a private channel, which has no public page"),
        (["https://t.me/c/1234567890/5"], "or follow it live with an account"),
        (["-1001234567890"], "--help"),
        (["@lavka", "--timezone", "Omsk"], "did you mean «Asia/Omsk»"),
        (["@lavka", "--url", "x"], "site.local.url"),
        (["t.me/s/foo"], "four to thirty-two"),
        (["@" + "x" * 33], "four to thirty-two"),
    ],
)
def test_init_says_what_will_not_do_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in run("init", *words, code=2).output
    assert list(tmp_path.iterdir()) == []


def test_init_stops_at_ctrl_d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for answers in ("", "@lavka\n", "@lavka\nlavka\n"):
        told = run("init", input=answers, code=2)
        assert "\ncrosspost: Stopped before the last answer: nothing was written." in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_of_a_newer_version_is_refused(place: Path) -> None:
    run("sync")
    with sqlite3.connect(place / "crosspost.db") as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    run("sync", code=6)


def test_the_list_of_commands_says_whole_sentences() -> None:
    told = CliRunner().invoke(group, ["--help"]).output
    assert "touch nothing that is there." in " ".join(told.split())
    assert told.count("...") == 1, "the usage line alone has dots"
