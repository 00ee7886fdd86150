"""The README tells the truth: its commands run, its tables are the code's."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from crosspost import errors
from crosspost.cli import COMMANDS, group

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(?:sh)?\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    """Every line of the README that calls crosspost, from the word on."""
    lines = (line.split("#")[0] for block in BLOCKS for line in block.splitlines())
    return [
        line[line.index("crosspost -") if "*" in line else 0 :].strip()
        for line in lines
        if line.startswith("crosspost ") or "* * * *   crosspost" in line
    ]


def test_the_test_command_is_what_ci_runs() -> None:
    """The second command of the README is the whole of .ci/run."""
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert BLOCKS[1].strip() == ci[-1]


def test_every_recipe_installs_where_it_calls() -> None:
    """A plain `pip` or `crosspost` comes after the step that makes it the clone's own."""
    for block in BLOCKS:
        plain = re.search(r"(?<![\w/.])pip install", block)
        assert not plain or ". .venv/bin/activate" in block[: plain.start()]


def test_there_are_commands_to_check() -> None:
    """The README shows the main commands."""
    shown = {word for line in commands() for word in shlex.split(line) if word in COMMANDS}
    assert shown >= {"init", "preview", "sync", "backfill", "show", "status", "resolve"}


@pytest.mark.parametrize("line", commands())
def test_every_command_shown_is_understood(line: str) -> None:
    """Each crosspost line of the README has options and arguments that exist."""
    words = shlex.split(line)[1:]
    at = next(number for number, word in enumerate(words) if word in COMMANDS)
    context = click.Context(group, info_name="crosspost")
    group.make_parser(context).parse_args(words[:at])
    command = group.get_command(context, words[at])
    assert command is not None
    command.make_parser(click.Context(command)).parse_args(words[at + 1 :])


def test_the_exit_codes_are_those_of_the_errors() -> None:
    """The table of exit codes names each code of the error tree."""
    table = {int(code) for code in re.findall(r"^\| (\d) \|", README, re.MULTILINE)}
    raised = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.CrosspostError)
    }
    assert table == {0, *raised}


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!https?:)[^)#]+)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    """What the README links to is in the repository."""
    assert (ROOT / link).exists()


@pytest.mark.slow
def test_the_first_command_shows_the_blog(tmp_path: Path) -> None:
    """In a copy of what is committed, the first command installs, mirrors the example channel and
    exits well; its last part, again, has nothing to do and touches no file of the site."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("VIRTUAL_ENV", "PYTHONPATH") and not name.startswith("CROSSPOST_")
    }
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "BROWSER": "true"}
    command = BLOCKS[0].strip()
    first = subprocess.run(
        ["bash", "-c", command], cwd=clone, env=environment, capture_output=True, text=True
    )
    assert first.returncode == 0, first.stdout + first.stderr
    assert "69 posts read" in first.stdout
    index = (clone / "public" / "index.html").read_text(encoding="utf-8")
    assert "Павел Сомов" in index
    before = {path: path.stat().st_mtime_ns for path in (clone / "public").rglob("*")}
    again = subprocess.run(
        ["bash", "-c", command.split("&&")[-1].replace("--open", "")],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0
    assert again.stdout == "Nothing to do.\n"
    assert {path: path.stat().st_mtime_ns for path in (clone / "public").rglob("*")} == before
    shutil.rmtree(clone)
