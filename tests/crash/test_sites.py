"""Killed at every step of delivering to a real site, at hundreds of random moments, four times at
once and with its ledger lost: each post and each picture is there exactly once."""

import os
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from memory import memory_folder

from crash.conftest import Program
from crash.places import PLACES, Channel, Place

pytestmark = [pytest.mark.servers, pytest.mark.slow]

DYING = "../sites/dying.py"
EACH = 5
"""Every so many steps are tried in one run of the tests."""
KILLS = 10
"""So many runs are killed in one life."""
SEEDS: Iterable[int] = (
    [int(os.environ["CRASH_SEED"])] if os.environ.get("CRASH_SEED") else range(31)
)


@pytest.fixture(scope="module")
def dying() -> Iterator[Program]:
    program = Program(DYING)
    yield program
    program.close()


@pytest.fixture(scope="module", params=PLACES)
def started(request: pytest.FixtureRequest) -> Iterator[Place]:
    with memory_folder() as folder, PLACES[request.param](folder) as place:
        yield place


@pytest.fixture
def place(started: Place) -> Place:
    started.reset()
    return started


@pytest.fixture
def channel(place: Place) -> Iterator[Channel]:
    with memory_folder() as folder:
        yield Channel(folder, place)


def at_rest(place: Place, channel: Channel, dying: Program) -> None:
    """A run that nobody kills makes all good, and the one after it asks the site nothing."""
    said = dying(channel.folder)["said"]
    channel.check(place, said)
    done = dying(channel.folder)
    assert done["said"] == "Nothing to do."
    assert not any("sent" in step for step in done["steps"])


def day(channel: Channel, number: int) -> None:
    """A post with pictures comes, another changes, one before is deleted."""
    channel.write(number, 0, channel.picture(), channel.picture())
    if number > 1:
        channel.write(number - 1, 1, channel.picture(), link=number)
    if number > 3:
        channel.delete(number - 2)
    channel.export()


def test_killed_at_every_step_it_ends_as_if_it_was_not(
    place: Place, channel: Channel, dying: Program
) -> None:
    """Every day's run dies a few steps later than the day before."""
    for number in range(1, 4):
        day(channel, number)
        steps = dying(channel.folder)["steps"]
    first = next(at for at, step in enumerate(steps) if "GET" in step)
    for at in range(first, 400, EACH):
        number += 1
        day(channel, number)
        if dying(channel.folder, at=at)["code"] != -9:
            break
        dying(channel.folder)
    assert at - first > 30, steps
    at_rest(place, channel, dying)


def test_killed_at_every_step_and_its_ledger_lost_it_makes_no_double(
    place: Place, channel: Channel, dying: Program
) -> None:
    """Only the newest post is in the channel's export, as nothing else is needed for it."""
    for at in range(0, 400, EACH):
        channel.write(at + 1, 0, channel.picture(), channel.picture())
        channel.export(at + 1)
        died = dying(channel.folder, at=at)["code"] == -9
        if not died:
            break
        channel.lose_ledger()
        dying(channel.folder)
        channel.lose_ledger()
    assert at > 20
    channel.lose_ledger()
    channel.export()
    done = dying(channel.folder)
    channel.check(place, done["said"])
    changes = [step for step in done["steps"] if step.startswith("POST") and "login" not in step]
    assert changes == [], done["said"]


class Life:
    """What happens to a channel between the kills. A ``forgetful`` one loses its ledger, and what
    only that knew of (articles of deleted posts, pictures that left) is out of its reach."""

    def __init__(self, channel: Channel, seed: int) -> None:
        self.chance = random.Random(seed)
        self.channel, self.version = channel, 0
        self.forgetful = self.chance.random() < 0.3
        for edge in (1, 9):  # an export's ends say nothing of what was before and after
            channel.write(edge, 0)

    def step(self) -> None:
        chance, channel = self.chance, self.channel
        number = chance.randint(2, 7)
        known = channel.posts.get(number)
        if known and chance.random() < 0.3 and not self.forgetful:
            channel.delete(number)
            return
        self.version += 1
        pictures = list(known[1]) if known else []
        if pictures and chance.random() < 0.3 and not self.forgetful:
            pictures.pop()
        while len(pictures) < chance.randint(0, 3):
            again = chance.random() < 0.3 and channel.drawn
            pictures.append(chance.randint(1, channel.drawn) if again else channel.picture())
        link = chance.choice([0, 0, *channel.posts])
        channel.write(number, self.version, *pictures, link=link)

    def go_on(self) -> None:
        for _ in range(self.chance.randint(1, 3)):
            self.step()
        self.channel.export()
        if self.forgetful and self.chance.random() < 0.5:
            self.channel.lose_ledger()


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_random_moments_each_is_there_once(
    place: Place, channel: Channel, dying: Program, seed: int
) -> None:
    """A failure is replayed with CRASH_SEED=<seed>, as far as moments can be replayed."""
    life = Life(channel, seed)
    killed = 0
    while killed < KILLS:
        life.go_on()
        for _ in range(life.chance.randint(1, 3)):
            if life.chance.random() < 0.5:
                died = dying(channel.folder, after=life.chance.uniform(0.05, 0.5), watch=False)
            else:
                died = dying(channel.folder, at=life.chance.randint(0, 60))
            killed += died["code"] == -9
    at_rest(place, channel, dying)


def test_four_runs_at_once_make_no_double(place: Place, channel: Channel, dying: Program) -> None:
    for number in range(1, 6):
        channel.write(number, 0, channel.picture())
    channel.export()
    answers = dying.many(channel.folder, 4, wait=60, watch=False)
    assert sum("created" in answer["said"] for answer in answers) == 1
    at_rest(place, channel, dying)


def test_two_machines_at_once_make_no_double(place: Place, dying: Program) -> None:
    """Each has a ledger of its own."""
    with memory_folder() as folder, closing(Program(DYING)) as other:
        channels = [Channel(folder / name, place) for name in ("one", "two")]
        for channel in channels:
            for number in range(1, 5):
                channel.write(number, 0, channel.picture())
            channel.export()
        with ThreadPoolExecutor() as pool:
            runs = [
                pool.submit(program, channel.folder, watch=False)
                for program, channel in zip((dying, other), channels, strict=True)
            ]
            said = [run.result()["said"] for run in runs]
        for channel in channels:
            dying(channel.folder)
        channels[0].check(place, "\n".join(said), machines=2)
        assert [dying(one.folder)["said"] for one in channels] == ["Nothing to do."] * 2
