"""The log: one object a line, one run in all of them, nothing that must not be shown."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from blogs import Blog
from click.testing import CliRunner

from crosspost import logs
from crosspost.cli import group

ROOT = Path(__file__).parents[1]
AD = "Реклама. ООО «Мука», erid: 2VtzqwErTy5"


def _post(number: int, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_700_000_000 + number),
        "from_id": "channel4900000017",
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
    }


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    made = Blog(tmp_path / "blog")
    made.write(_post(1, "Открыли лавку"), _post(2, AD))
    return made


def run(blog: Blog, *words: str) -> tuple[int, str, list[dict[str, Any]]]:
    """A command: its exit code, its stdout, and what it logged, which is all of its stderr."""
    done = CliRunner().invoke(group, ["-c", str(blog.root / "crosspost.toml"), *words])
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    return done.exit_code, done.stdout, lines


def test_a_run_is_a_line_for_everything_that_happened(blog: Blog) -> None:
    code, said, lines = run(blog, "sync", "--log", "json")
    assert code == 1
    assert "\n2 posts read, 1 created, 1 held for a person.\n" in said
    events = [line["event"] for line in lines]
    assert events[0] == "run began"
    assert {"created", "held"} <= set(events)
    assert events[-1] == "run ended"
    (identity,) = {line["run"] for line in lines}
    assert len(identity) == 36
    (created,) = [line for line in lines if line["event"] == "created"]
    assert created["post"] == "b/1"
    assert created["blog"] == "b"
    assert created["site"] == "local"
    assert created["url"] == "http://blog.test/b/1-otkryli-lavku.html"
    assert created["time"].endswith("+00:00")
    assert lines[-1]["exit_code"] == 1
    assert lines[-1]["counts"] == {"created": 1, "held": 1}


def test_a_watch_is_one_run_in_every_line_of_every_blog(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crosspost import pipeline

    real = pipeline.sync

    def once(run: pipeline.Run, chosen: pipeline.Blog) -> None:
        real(run, chosen)
        raise RuntimeError("enough")

    monkeypatch.setattr(pipeline, "sync", once)
    done = CliRunner().invoke(
        group, ["-c", str(blog.root / "crosspost.toml"), "watch", "-q", "--log", "json"]
    )
    assert isinstance(done.exception, RuntimeError)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"run began", "created", "held", "trouble"} <= {line["event"] for line in lines}
    assert len({line.get("run") for line in lines}) == 1


def test_with_json_there_is_nothing_else_on_stderr(blog: Blog) -> None:
    code, said, lines = run(blog, "-q", "--log", "json", "sync")
    assert (code, said) == (1, "")
    assert any("held: b/2" in line["event"] for line in lines)
    (blog.root / "crosspost.toml").write_text("language = 12", "utf-8")
    code, said, lines = run(blog, "sync", "--log", "json")
    assert (code, said) == (2, "")
    assert any("language = 12" in line["event"] for line in lines)
    code, said, lines = run(blog, "sync", "--json", "--log", "json")
    assert json.loads(said)["exit_code"] == code == 2


def test_the_text_for_people_is_one_line_each(blog: Blog) -> None:
    answer = blog.run("sync", "--log", "text")
    lines = [line for line in answer.text.splitlines() if " created  " in line]
    assert len(lines) == 1
    assert " info    created  " in lines[0]
    assert "blog=b site=local post=b/1 title=Открыли лавку" in lines[0]


def test_without_log_nothing_is_said_twice_and_no_traceback_is_shown(
    blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crosspost import editor

    def stumble(*_: Any) -> None:
        raise ValueError("what no rule foresaw")

    monkeypatch.setattr(editor.Editor, "article", stumble)
    answer = blog.sync()
    assert answer.code == 1
    assert answer.text.count("what no rule foresaw") == 2  # two posts
    assert "Traceback" not in answer.text
    logged = blog.run("resolve", "b/1", "--publish", "--log", "json").text.splitlines()
    lines = [json.loads(line) for line in logged if line.startswith("{")]
    (stumbled,) = [line for line in lines if "at" in line]
    assert stumbled["error"] == "ValueError: what no rule foresaw"
    assert stumbled["post"] == "b/1"
    assert any("crosspost.deliver" in place for place in stumbled["at"])
    assert "Traceback" not in "".join(logged)


def test_what_a_library_warns_of_is_a_line_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    with logs.listening():
        logging.getLogger("some.library").warning("it is %s", "odd\nFrom nowhere")
        logging.getLogger("some.library").info("it is well")
        logs.event("not for now", "error")
        logs.choose("json")
        logs.about(run="r", post="b/1")
        logging.getLogger("some.library").warning("it is odd")
        logs.about(post="")
        logs.event("created", site="s", reason="")
    logging.getLogger("some.library").debug("nobody listens")
    plain, library, ours = capsys.readouterr().err.splitlines()
    assert plain == "crosspost: it is odd From nowhere"
    told = json.loads(library)
    assert (told["logger"], told["level"], told["post"]) == ("some.library", "warning", "b/1")
    told = json.loads(ours)
    assert {key: told[key] for key in told if key != "time"} == {
        "level": "info",
        "event": "created",
        "run": "r",
        "site": "s",
    }


def test_a_secret_is_concealed_wherever_it_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_secrets", set())
    logs.conceal("tr0ub4dor&3 ключ")
    logs.conceal("password")  # a word
    with logs.listening():
        logs.choose("json")
        try:
            raise ValueError("no tr0ub4dor&3 ключ here")
        except ValueError as error:
            logs.event("it failed", error=error, more={"deep": ["tr0ub4dor&3 ключ"]})
        logs.event("asked", url="https://s.test/?k=tr0ub4dor%263+%D0%BA%D0%BB%D1%8E%D1%87")
        logs.event("the password is wrong")
    shown = capsys.readouterr().err
    assert "tr0ub4dor" not in shown
    assert "the password is wrong" in shown
    assert shown.count("…") == 3


def test_what_cannot_be_written_down_is_written_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logs.listening():
        logs.choose("json")
        logs.event("odd", title="\ud800 lone", size=2**70, some={1: object}, path=Path("/x"))
    told = json.loads(capsys.readouterr().err)
    assert told["size"] == 2**70
    assert told["path"] == "/x"


def test_a_log_that_nobody_reads_stops_no_run(blog: Blog) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "crosspost", "sync", "--log", "json"],
            cwd=blog.root,
            stdout=subprocess.DEVNULL,
            stderr=write,
            check=False,
            timeout=60,
        )
    finally:
        os.close(write)
    assert done.returncode == 1
    assert blog.posts == [1]


def test_every_key_that_is_written_is_explained(blog: Blog) -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text("utf-8").partition("## A log")[2]
    known = {word for line in page.splitlines() if line.startswith("| `")
             for word in line.split("|")[1].replace("`", "").replace(",", " ").split()}  # fmt: skip
    _, _, lines = run(blog, "sync", "--log", "json")
    assert {key for line in lines for key in line} - known <= {"command", "source_url", "lost"}
