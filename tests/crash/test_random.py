"""Killed at any moment, again and again; run twice at once; its ledger lost."""

import os
import random
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from crash.world import look, turn

Clean = Program = Any
LOTS: list[Iterable[int]] = (
    [[int(os.environ["CRASH_SEED"])]]
    if os.environ.get("CRASH_SEED")
    else [range(start, start + 10) for start in range(0, 40, 10)]
)


@cache
def lasting(clean: Clean, program: Program) -> float:
    """The seconds that a whole run takes where nothing else holds it up."""
    found = []
    for _ in range(3):
        folder = clean.again(0)
        started = time.monotonic()
        program(folder)
        found.append(time.monotonic() - started)
    return min(found)


def killed_at_random(seed: int, clean: Clean, program: Program) -> int:
    """Kills a handful of runs, between which the channel goes on; how many died. A failure is
    replayed with CRASH_SEED=<seed>, as far as moments can be replayed."""
    chance = random.Random(seed)
    folder, died, long = clean.again(0), 0, lasting(clean, program)
    kills = chance.randint(3, 7)
    change = chance.randrange(kills)
    for number in range(kills):
        if number == change:
            turn(folder, 2)
        after = chance.uniform(0, long)
        died += program(folder, after=after, watch=False)["code"] == -9
    program(folder, watch=False)
    right, now = clean.right(folder), look(folder)
    assert now.public == right.public, f"CRASH_SEED={seed}"
    assert now.left == [], f"CRASH_SEED={seed}"
    assert program(folder)["said"] == "Nothing to do.", f"CRASH_SEED={seed}"
    assert look(folder) == now
    return died


def test_killed_at_a_few_random_moments_it_ends_as_if_it_was_not(
    clean: Clean, program: Program
) -> None:
    assert killed_at_random(int(os.environ.get("CRASH_SEED") or 1), clean, program)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", LOTS)
def test_killed_at_hundreds_of_random_moments_it_ends_as_if_it_was_not(
    clean: Clean, program: Program, seeds: Iterable[int]
) -> None:
    died = sum(killed_at_random(seed, clean, program) for seed in seeds)
    print(f"{died} runs were killed")
    assert died >= len(list(seeds))


@pytest.mark.parametrize("wait", [0, 30], ids=["who-is-late-goes", "who-is-late-waits"])
def test_four_runs_at_once_make_no_double(clean: Clean, program: Program, wait: int) -> None:
    folder = clean.again(0)
    answers = program.many(folder, 4, wait=wait, watch=False)
    codes = sorted(answer["code"] for answer in answers)
    assert set(codes) <= ({1, 0} if wait else {1, 0, 5}), [one["said"] for one in answers]
    assert sum("created" in answer["said"] for answer in answers) == 1
    for answer in answers:
        assert answer["code"] != 5 or "Another run holds the blog" in answer["said"]
    assert program(folder)["said"] == "Nothing to do."
    assert look(folder) == clean.after[0]


def test_two_blogs_at_once_on_one_site_come_out_as_one_after_the_other(
    clean: Clean, program: Program
) -> None:
    def both() -> Path:
        folder: Path = clean.again(0)
        config = folder / "crosspost.toml"
        text = config.read_text("utf-8")
        start, end = text.index("[[blog]]"), text.index("[site.local]")
        second = text[start:end].replace("business", "archive")
        config.write_text(text[:end] + second + text[end:], "utf-8")
        return folder

    folder = both()
    program(folder)
    right = look(folder)
    assert program(folder)["said"] == "Nothing to do."
    folder = both()
    program.many(folder, 4, blogs=["business", "archive"], wait=30, watch=False)
    now = look(folder)
    assert (now.public, now.left, now.waiting) == (right.public, [], set())
    assert program(folder)["said"] == "Nothing to do."


def times(folder: Path) -> dict[str, int]:
    public = folder / "public"
    return {
        str(path): path.stat().st_mtime_ns
        for path in public.rglob("*")
        if path.is_file() and ".crosspost" not in path.parts
    }


def test_a_lost_ledger_makes_no_double_and_rewrites_nothing(clean: Clean, program: Program) -> None:
    folder = clean.again(1)
    turn(folder, 1)
    before = times(folder)
    for path in folder.glob("ledger.db*"):
        path.unlink()
    program(folder)
    assert look(folder) == clean.after[0]
    assert times(folder) == before
    assert program(folder)["said"] == "Nothing to do."


@pytest.mark.slow
def test_killed_with_its_ledger_lost_it_still_makes_no_double(
    clean: Clean, program: Program
) -> None:
    count = len(clean.steps[0])
    for step in range(40, count, count // 4):
        folder = clean.again(0)
        assert program(folder, at=step)["code"] == -9
        for path in folder.glob("ledger.db*"):
            path.unlink()
        program(folder)
        assert look(folder) == clean.after[0], step
