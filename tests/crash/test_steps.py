"""A run that dies before any of its steps is made good by the next one, to the byte."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from crash.world import Seen, look, turn

Clean = Program = Any
SAMPLE = 40
"""In the default run every so many steps, from another first one each day; all of them when
slow tests run."""
SEED = int(os.environ.get("CRASH_SEED") or date.today().toordinal())  # noqa: DTZ011


def mended(folder: Path, program: Program, right: Seen, *, rests: bool = True) -> None:
    """The next run makes it good, and the one after it ``rests``: it has nothing to do."""
    told = program(folder)
    assert told["code"] in (0, 1), told["said"]
    assert look(folder) == right
    if not rests:
        return
    assert program(folder)["said"] == "Nothing to do."
    assert look(folder) == right


def killed(clean: "Clean", run: int, program: Program, step: int) -> Path:
    folder = clean.again(run)
    assert program(folder, at=step)["code"] == -9, "it died where it was told"
    return folder


def test_the_clean_run_is_what_it_should_be(clean: Clean) -> None:
    """Else all the rest would compare wrong with wrong."""
    first, second = clean.after
    states = {row[0]: row[1] for row in first.ledger[:-1]}
    assert states == dict.fromkeys((1, 2, 3, 6, 7, 9), "live") | {8: "held"}
    states = {row[0]: row[1] for row in second.ledger[:-1]}
    assert states == dict.fromkeys((1, 2, 3, 6, 9, 10), "live") | {7: "withdrawn", 8: "held"}
    assert first.left == second.left == []
    assert first.waiting == second.waiting == set(), "what no article shows is not kept"
    assert first.ledger[-1] == second.ledger[-1] == (1, 0)
    pages = {
        name.partition("-")[0]: data.decode(errors="replace") for name, data in first.public.items()
    }
    assert 'href="7-zapis' in pages["business/2"], "a link to a later post leads to its page"
    assert 'href="1-pervaia' in pages["business/7"], "and one to an earlier post"
    assert 'href="3-albom' in pages["business/9"], "and one to an album's second photo"
    pages = {
        name.partition("-")[0]: data.decode(errors="replace")
        for name, data in second.public.items()
    }
    assert "business/7" not in pages
    assert "https://t.me/example/7" in pages["business/2"], "which goes back when that is gone"
    assert 'href="6-snimok' in pages["business/10"]
    assert "Исправлено" in pages["business/1"]
    assert sum(name.startswith("media/") and "-320" in name for name in first.public) == 4


def steps(clean: Clean, run: int, offset: int, pace: int) -> range:
    count = len(clean.steps[run])
    assert count > 100, "the steps are seen"
    return range(offset % pace, count, pace)


@pytest.mark.parametrize("run", [0, 1], ids=["first-day", "second-day"])
def test_killed_at_some_steps_it_ends_as_if_it_was_not(
    run: int, clean: Clean, program: Program
) -> None:
    for step in steps(clean, run, SEED, SAMPLE):
        folder = killed(clean, run, program, step)
        mended(folder, program, clean.after[run])


@pytest.mark.slow
@pytest.mark.parametrize("lot", range(4))
@pytest.mark.parametrize("run", [0, 1], ids=["first-day", "second-day"])
def test_killed_at_every_step_it_ends_as_if_it_was_not(
    run: int, lot: int, clean: Clean, program: Program
) -> None:
    wrong = []
    for step in steps(clean, run, lot, 4):
        folder = killed(clean, run, program, step)
        try:
            mended(folder, program, clean.after[run], rests=step // 4 % 3 == SEED % 3)
        except AssertionError as error:
            wrong.append((step, clean.steps[run][step], str(error)[:1500]))
    assert wrong == []


@pytest.mark.slow
def test_killed_at_every_seventh_step_and_written_on_meanwhile(
    clean: Clean, program: Program
) -> None:
    for step in steps(clean, 0, SEED, 7):
        folder = killed(clean, 0, program, step)
        turn(folder, 2)
        told = program(folder)
        assert told["code"] in (0, 1), told["said"]
        now, right = look(folder), clean.right(folder)
        assert (now.public, now.left) == (right.public, [])
        assert program(folder)["said"] == "Nothing to do."
