"""Random lives of a blog: posts come, change, go and return, the site loses, refuses and cuts, runs
are cut short, people edit and delete by hand. In the end the site has each post once, as it is."""

import os
import random
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from memory import memory_folder
from msgspec.structs import replace
from test_deliver import World, linked, photo, post

from crosspost.model import Post

SEEDS: Iterable[int] = (
    [int(os.environ["CRASH_SEED"])] if os.environ.get("CRASH_SEED") else range(1000)
)
POSTS = range(1, 7)


class Life:
    """One blog's life, and what must be true of it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World(folder, self.chance.choice([1, 3, 50]))
        self.world.more["on_delete"] = self.chance.choice(["draft", "remove"])
        self.hands = self.chance.random() < 0.5
        self.posts: dict[int, Post] = {}
        self.edited: dict[int, str] = {}
        self.deleted: set[int] = set()
        self.unsure: set[int] = set()
        self.count = 0

    def write(self, number: int) -> None:
        self.count += 1
        text = f"Версия {self.count} этой записи."
        kind = self.chance.randrange(3)
        one = post(number, text)
        if kind == 1:
            one = replace(linked(number, self.chance.choice(POSTS)), text=text)
        elif kind == 2:
            names = [f"{self.chance.randrange(4)}.png" for _ in range(self.chance.randint(1, 2))]
            one = photo(number, *names, text=text)
        self.posts[number] = one
        self.world.read(one)

    def step(self) -> None:
        chance, world, number = self.chance, self.world, self.chance.choice(POSTS)
        what = chance.choice(["write", "write", "write", "gone", "back", "trouble", "run", "hand"])
        if what == "write":
            self.write(number)
        elif what == "gone" and number in self.posts:
            world.gone(number)
            del self.posts[number]
            if number in self.deleted:  # then it may come back, or not: who was first?
                self.unsure.add(number)
        elif what == "back" and number not in self.posts:
            self.write(number)
        elif what == "trouble":
            key = chance.choice([f"b/{number}", f"{chance.randrange(4)}.png"])
            troubles = ["lost before", "refuse", "lost after"]
            if key.endswith(".png"):
                troubles.pop()  # a file that arrived unseen is the site's to find again
            trouble = chance.choice(troubles)
            world.site.trouble.setdefault(key, []).append(trouble)  # type: ignore[arg-type]
        elif what == "run":
            self.run()
        elif what == "hand" and self.hands and self.known(number):
            if chance.random() < 0.7:
                self.edited[number] = f"Рука редактора {self.count}"
                world.site.edit(f"b/{number}", self.edited[number])
            else:
                world.site.delete(f"b/{number}")
                self.edited.pop(number, None)
                self.deleted.add(number)
                if number not in self.posts:
                    self.unsure.add(number)

    def known(self, number: int) -> bool:
        """Whether we know that it is there: else nobody can tell a hand from a lost answer."""
        found = self.world.ledger.delivery("b", number, "s")
        live = f"b/{number}" in self.world.site.live()
        return live and found is not None and found.state == "live"

    def run(self) -> None:
        left = self.chance.choice([10**6, self.chance.randint(0, 12)])

        def cut(_: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt

        self.world.site.before = cut
        try:
            self.world.deliver()
        except KeyboardInterrupt:
            self.world.site.before = lambda _: None
        self.world.time += timedelta(minutes=self.chance.choice([1, 600]))

    def end(self) -> None:
        """All trouble is over."""
        world = self.world
        world.site.before = lambda _: None
        world.site.trouble = {}
        for style in ("once", "again"):
            world.time += timedelta(days=1)
            world.ledger.retarget("b", "s", style)
            world.deliver()
        calls = len(world.site.calls)
        assert world.deliver() == []
        assert len(world.site.calls) == calls, "and there is nothing left to do"

    def check(self) -> None:
        world = self.world
        hands = self.edited.keys() | self.deleted
        for number in POSTS:
            key, live = f"b/{number}", f"b/{number}" in world.site.live()
            if number in self.unsure:
                continue
            if number in self.edited:
                assert world.site.articles[key].body == self.edited[number], "a hand is respected"
            elif number in self.deleted:
                assert not live, "what a person removed stays away"
            elif number not in self.posts:
                assert not live
            else:
                assert live, world.at(number)
                assert self.posts[number].text.rstrip(".") in str(world.site.articles[key])
                assert world.at(number).state == "live"
        if not hands:
            used = set[str]().union(*world.site.uses.values())
            drafts = any(world.site.remotes[key].status == "draft" for key in world.site.remotes)
            left = set(world.site.files) - used
            assert used <= set(world.site.files), "no file is lost"
            assert drafts or not left, "nor left over, but for what a draft might show"
            for number in self.posts:
                for target in self.posts:
                    body = world.body(number)
                    assert f'href="https://t.me/example/{target}"' not in body, "links lead there"
        assert not world.site.unfinished


def lived(seed: int) -> None:
    with memory_folder() as folder:
        life = Life(folder, seed)
        try:
            for _ in range(life.chance.randint(5, 40)):
                life.step()
            life.end()
            life.check()
        except AssertionError as error:
            raise AssertionError(f"CRASH_SEED={seed}: {error}") from error
        finally:
            life.world.ledger.close()


@pytest.mark.parametrize("seed", range(12))
def test_a_dozen_lives_end_well(seed: int) -> None:
    lived(seed)


@pytest.mark.slow
def test_a_thousand_lives_end_well() -> None:
    for seed in SEEDS:
        lived(seed)
