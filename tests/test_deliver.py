"""Exactly once: what is decided for a post, and how it is done whatever the site answers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fake_site import FakeSite
from memory import memory_folder
from msgspec.structs import replace

from crosspost.deliver import GIVE_UP, PATIENCE, Errand, Outcome, decide, deliver, plan
from crosspost.errors import PublisherError, ReaderError
from crosspost.ledger import Delivery, Ledger, StoredPost
from crosspost.model import Article, Author, Channel, Entity, Media, Post, digest
from crosspost.normalize import Style, normalize
from crosspost.readers import Gone, Unsafe
from crosspost.rules import RuleSet, Verdict, judge

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
STYLE = Style(
    blog="b",
    channel=Channel(id=1, title="Мастерская", username="example"),
    author=Author(name="Автор"),
    link="https://t.me/example",
    language="ru",
)
ADVERTISEMENT = "Станки со скидкой. Реклама. erid: 2VtzqxSAMPLE"


def post(number: int, text: str = "", **more: Any) -> Post:
    given: dict[str, Any] = {
        "ids": (number,),
        "date": datetime(2025, 5, 1, tzinfo=UTC) + timedelta(hours=number),
        "text": text or f"Запись номер {number} о хлебе.",
    }
    return Post(id=number, **given | more)


def linked(number: int, target: int) -> Post:
    link = Entity(type="text_link", offset=0, length=6, value=f"https://t.me/example/{target}")
    return post(number, "Запись с ссылкой на другую.", entities=(link,))


def photo(number: int, *names: str, text: str = "Снимок хлеба в печи.") -> Post:
    media = tuple(Media(kind="photo", locator=name, size=1) for name in names)
    return post(number, text, media=media)


# --- Deciding ---------------------------------------------------------------------------------

GO = Verdict(action="publish", reason="", rule="default")
HOLD = Verdict(action="hold", reason="an advertisement", rule="advertisement")
SKIP = Verdict(action="skip", reason="an advertisement", rule="advertisement")
MARK = digest(normalize(post(1), STYLE))
THERE = {"remote_id": "b/1", "url": "u", "version": "1"}
LIVE: dict[str, Any] = {"state": "live", "digest": MARK, **THERE}
CHANGED: dict[str, Any] = LIVE | {"digest": "another"}
YOUNG = post(1, date=NOW - timedelta(seconds=59))

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a new post is created": ({}, {}, "create"),
    "a live article that is the same stays": (LIVE, {}, "unchanged"),
    "a live article that changed is updated": (CHANGED, {}, "update"),
    "an unknown that was new is sent again": ({"state": "sending", "sending": "x"}, {}, "create"),
    "an unknown update is sent again": (LIVE | {"state": "sending", "sending": MARK}, {}, "update"),
    "a refused one is sent again": ({"state": "failed"}, {}, "create"),
    "a post a minute old is ready": (
        {},
        {"post": post(1, date=NOW - timedelta(minutes=1))},
        "create",
    ),
    "a younger one waits": ({}, {"post": YOUNG}, "wait"),
    "a freshly edited one waits": (CHANGED, {"post": post(1, edited=NOW)}, "wait"),
    "a post from the future waits": ({}, {"post": post(1, date=NOW + timedelta(days=9))}, "wait"),
    "a person's word does not hurry it": ({"word": "publish"}, {"post": YOUNG}, "wait"),
    "what a rule holds waits for a person": ({}, {"verdict": HOLD}, "hold"),
    "what a rule leaves out is left out": ({}, {"verdict": SKIP}, "skip"),
    "a person publishes what a rule holds": ({"word": "publish"}, {"verdict": HOLD}, "create"),
    "and what a rule leaves out": ({"word": "publish"}, {"verdict": SKIP}, "create"),
    "a person leaves out what no rule does": ({"word": "skip"}, {}, "skip"),
    "a live one edited into an advertisement is held": (CHANGED, {"verdict": HOLD}, "hold"),
    "a conflict waits for a person": (CHANGED | {"state": "conflict"}, {}, "hold"),
    "ours overwrites theirs": (CHANGED | {"state": "conflict", "word": "ours"}, {}, "update"),
    "ours is said of an advertisement too": (
        CHANGED | {"state": "conflict", "word": "ours"},
        {"verdict": HOLD},
        "update",
    ),
    "theirs stays": (CHANGED | {"state": "conflict", "word": "theirs"}, {}, "adopt"),
    "what a person removed stays away": (CHANGED | {"state": "missing"}, {}, "hold"),
    "until a person wants it back": (CHANGED | {"state": "missing", "word": "ours"}, {}, "update"),
    "a draft of a post that came back is public again": (
        LIVE | {"state": "withdrawn"},
        {},
        "update",
    ),
    "a vanished post waits for a person": (LIVE, {"gone": "asked"}, "wait"),
    "a deleted post is withdrawn": (LIVE, {"gone": "gone"}, "withdraw"),
    "unless the blog keeps it": (LIVE, {"gone": "gone", "on_delete": "keep"}, "unchanged"),
    "even if it is held": (LIVE | {"state": "held"}, {"gone": "gone"}, "withdraw"),
    "one that was never sent is forgotten": ({}, {"gone": "gone"}, "forget"),
    "one of which nobody knows is looked for": (
        {"state": "sending", "sending": "x"},
        {"gone": "gone"},
        "withdraw",
    ),
    "one that was withdrawn stays so": (
        LIVE | {"state": "withdrawn"},
        {"gone": "gone"},
        "unchanged",
    ),
    "one that a person removed stays so": (
        LIVE | {"state": "missing"},
        {"gone": "gone"},
        "unchanged",
    ),
    "one that a person changed is theirs to take off": (
        LIVE | {"state": "conflict"},
        {"gone": "gone"},
        "hold",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_decided(name: str) -> None:
    recorded, now, expected = CASES[name]
    one = now.get("post", post(1))
    step = decide(
        Delivery(blog="b", post_id=1, site="s", **recorded),
        StoredPost(post=one, reader="export", source="x", gone=now.get("gone", "")),
        normalize(post(1), STYLE),
        now.get("verdict", GO),
        now=NOW,
        settle=timedelta(seconds=60),
        on_delete=now.get("on_delete", "draft"),
    )
    assert step.what == expected
    if expected == "hold" and "conflict" not in name and recorded.get("state") is None:
        assert "crosspost resolve b/1 --publish" in step.remedy


# --- Doing ------------------------------------------------------------------------------------


class World:
    """A ledger, a site, and the way between them."""

    def __init__(self, folder: Path, batch: int, *, remembers: bool = True) -> None:
        self.folder, self.time = folder, NOW
        self.site = FakeSite(batch, remembers=remembers)
        self.opened = 0
        self.missing: dict[str, Exception] = {}
        self.more: dict[str, Any] = {}
        self.ledger = self._open()

    def _open(self) -> Ledger:
        ledger = Ledger.open(self.folder / "ledger.db", clock=lambda: self.time)
        ledger.retarget("b", "s", "style")
        return ledger

    def lose_ledger(self) -> None:
        self.ledger.close()
        for path in self.folder.glob("ledger.db*"):
            path.unlink()
        self.ledger = self._open()

    def read(self, *posts: Post) -> None:
        for one in posts:
            self.ledger.store("b", one, "export", "x", ("s",))

    def gone(self, *ids: int) -> None:
        self.ledger.lose("b", ids, "gone")

    def errand(self, **more: Any) -> Errand:
        def publisher() -> FakeSite:
            self.opened += 1
            return self.site

        def article(stored: StoredPost, slug: str, missing: Any) -> Article:
            return normalize(stored.post, STYLE, slug=slug, missing=missing)

        given: dict[str, Any] = {
            "ledger": self.ledger,
            "blog": "b",
            "site": "s",
            "publisher": publisher,
            "normalize": article,
            "judge": lambda stored, article: judge(stored.post, article, RuleSet()),
            "fetch": self.fetch,
            "address": lambda number: f"https://t.me/example/{number}",
            "cache": self.folder / "cache",
        }
        return Errand(**given | self.more | more)

    def fetch(self, _: StoredPost, media: Media) -> Path:
        if media.locator in self.missing:
            raise self.missing[media.locator]
        path = self.folder / media.locator
        if not path.exists():
            from PIL import Image

            shade = sum(media.locator.encode()) % 256
            Image.new("RGB", (8, 8), (shade, shade // 2, 99)).save(path)
        return path

    def deliver(self, **more: Any) -> list[tuple[int, str]]:
        self.said: list[Outcome] = list(deliver(self.errand(**more)))
        return [(one.post_id, one.what) for one in self.said]

    def word(self, number: int, word: str) -> None:
        told = replace(self.at(number), word=word, due=True, not_before="", attempts=0)
        self.ledger.settle(told)

    def at(self, number: int) -> Delivery:
        found = self.ledger.delivery("b", number, "s")
        assert found is not None
        return found

    def body(self, number: int) -> str:
        return self.site.articles[f"b/{number}"].body


@pytest.fixture(params=[1, 5], ids=["one-by-one", "batches"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with memory_folder() as folder:
        made = World(folder, request.param)
        yield made
        made.ledger.close()


def test_new_posts_are_created_once_and_the_site_is_finished(world: World) -> None:
    world.read(*(post(number) for number in range(1, 8)))
    assert world.deliver() == [(number, "created") for number in range(1, 8)]
    assert world.site.live() == [f"b/{number}" for number in range(1, 8)]
    assert (world.site.count("finish"), world.site.unfinished) == (1, False)
    assert world.at(3).state == "live"
    assert world.said[2].url == "https://site.test/" + world.at(3).slug


def test_with_nothing_new_the_site_is_not_opened(world: World) -> None:
    world.read(post(1))
    world.deliver()
    opened = world.opened
    assert world.deliver() == []
    assert world.opened == opened


def test_holding_and_leaving_out_open_no_site(world: World) -> None:
    world.read(post(1, ADVERTISEMENT), post(2))
    world.word(2, "skip")
    assert world.deliver() == [(1, "held"), (2, "skipped")]
    assert world.opened == 0
    assert world.deliver() == []


def test_an_edit_updates_the_article_where_it_stands(world: World) -> None:
    world.read(post(1))
    world.deliver()
    slug = world.at(1).slug
    world.read(post(1, "Совсем другой заголовок.\n\nИ другой текст."))
    assert world.deliver() == [(1, "updated")]
    assert "другой текст" in world.body(1) + world.site.articles["b/1"].lead
    assert world.at(1).slug == world.site.articles["b/1"].slug == slug


def test_what_looks_the_same_is_not_sent(world: World) -> None:
    world.read(post(1))
    world.deliver()
    world.ledger.retarget("b", "s", "another style")
    sent = world.site.count("put")
    assert world.deliver() == [(1, "unchanged")]
    assert world.site.count("put") == sent


def test_a_lost_ledger_makes_no_double(world: World) -> None:
    world.read(post(1), post(2))
    world.deliver()
    world.lose_ledger()
    world.read(post(1), post(2, "Исправлено."))
    puts = world.site.count("put")
    world.deliver()
    assert world.site.live() == ["b/1", "b/2"]
    assert world.site.count("put") == puts + 1, "only what differs is sent"
    assert "Исправлено" in str(world.site.articles["b/2"])
    assert world.at(1).state == world.at(2).state == "live"


def test_a_site_without_memory_for_digests_makes_no_double_either(tmp_path: Path) -> None:
    world = World(tmp_path, 1, remembers=False)
    world.read(post(1))
    world.site.trouble["b/1"] = ["lost after"]
    world.deliver()
    world.deliver()
    world.lose_ledger()
    world.read(post(1))
    world.deliver()
    assert world.site.live() == ["b/1"]
    assert world.at(1).state == "live"
    world.ledger.close()


# --- No clear answer --------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["lost before", "lost after"])
def test_a_creation_without_an_answer_is_settled_by_looking(world: World, trouble: Any) -> None:
    world.read(post(1))
    world.site.trouble["b/1"] = [trouble]
    assert world.deliver() == [(1, "failed")]
    assert "no clear answer" in world.said[0].reason
    assert (world.at(1).state, world.at(1).due) == ("sending", True)
    assert world.deliver() == [(1, "created")]
    assert world.site.live() == ["b/1"]
    assert world.site.count("put") == (2 if trouble == "lost before" else 1)
    assert world.at(1).sending == ""


@pytest.mark.parametrize("trouble", ["lost before", "lost after"])
def test_an_update_without_an_answer_is_settled_by_looking(world: World, trouble: Any) -> None:
    world.read(post(1))
    world.deliver()
    world.read(post(1, "Исправлено."))
    world.site.trouble["b/1"] = [trouble]
    world.deliver()
    assert world.at(1).state == "sending"
    assert world.deliver() == [(1, "updated")]
    assert world.at(1).state == "live"
    assert world.at(1).version == world.site.remotes["b/1"].version == "2"


def test_an_update_that_arrived_and_was_then_changed_by_hand_stays_theirs(world: World) -> None:
    world.read(post(1))
    world.deliver()
    world.read(post(1, "Исправлено."))
    world.site.trouble["b/1"] = ["lost after"]
    world.deliver()
    world.site.edit("b/1", "Рука редактора")
    assert world.deliver() == [(1, "held")]
    assert world.at(1).state == "conflict"
    assert world.body(1) == "Рука редактора"


def test_a_post_edited_while_nobody_knew_arrives_once_in_its_newest_version(world: World) -> None:
    world.read(post(1))
    world.site.trouble["b/1"] = ["lost after"]
    world.deliver()
    world.read(post(1, "Исправлено."))
    world.deliver()
    assert world.site.live() == ["b/1"]
    assert "Исправлено" in str(world.site.articles["b/1"])


def test_one_posts_trouble_does_not_stop_the_others(world: World) -> None:
    world.read(post(1), post(2), post(3))
    world.site.trouble = {"b/1": ["lost before"], "b/2": ["refuse"]}
    assert world.deliver() == [(1, "failed"), (2, "failed"), (3, "created")]


def test_a_site_that_gives_no_clear_answers_is_left_alone_until_the_next_run(world: World) -> None:
    world.read(*(post(number) for number in range(1, 10)))
    world.site.trouble = {f"b/{number}": ["lost before"] for number in range(1, 10)}
    assert world.deliver() == [(number, "failed") for number in range(1, PATIENCE + 1)]
    assert world.site.count("put") == PATIENCE
    world.site.trouble = {}
    assert [what for _, what in world.deliver()] == ["created"] * 9
    assert len(world.site.live()) == 9


def test_after_many_runs_without_an_answer_a_person_is_asked(world: World) -> None:
    world.read(post(1))
    world.site.trouble["b/1"] = ["lost before"] * GIVE_UP
    runs = 0
    while world.at(1).due:
        world.time += timedelta(days=1)
        runs += bool(world.deliver())
        assert runs <= GIVE_UP
    assert runs == GIVE_UP
    assert world.at(1).state == "failed"
    assert [one.post_id for one in world.ledger.waiting("b", "s")] == [1]
    world.word(1, "publish")
    assert world.deliver() == [(1, "created")]


def test_the_pause_between_tries_grows(world: World) -> None:
    world.read(post(1))
    world.site.trouble["b/1"] = ["lost before"] * 5
    assert [bool(world.deliver()) for _ in range(4)] == [True, True, True, False]
    world.time += timedelta(minutes=2)
    assert world.deliver() == [(1, "failed")]


# --- A clear no -------------------------------------------------------------------------------


def test_what_was_refused_is_sent_again_only_when_something_changed(world: World) -> None:
    world.read(post(1))
    world.site.trouble["b/1"] = ["refuse"]
    assert world.deliver() == [(1, "failed")]
    assert "«title» is too long" in world.said[0].reason
    assert (world.at(1).state, world.at(1).due) == ("failed", False)
    assert world.deliver() == []
    world.read(post(1, "Короче."))
    assert world.deliver() == [(1, "created")]


def test_a_refused_update_leaves_the_article_as_it_was(world: World) -> None:
    world.read(post(1), linked(2, 1))
    world.deliver()
    world.read(post(1, "Исправлено."))
    world.site.trouble["b/1"] = ["refuse"]
    assert world.deliver() == [(1, "failed")]
    assert world.at(1).remote_id == "b/1"
    world.ledger.retarget("b", "s", "another style")
    told = sorted(world.deliver())
    assert told == [(1, "updated"), (2, "unchanged")], "links to it stay links to it"


# --- A person's hand --------------------------------------------------------------------------


def test_an_article_changed_by_hand_is_never_overwritten(world: World) -> None:
    world.read(post(1))
    world.deliver()
    world.site.edit("b/1", "Рука редактора")
    world.ledger.retarget("b", "s", "style 2")
    assert world.deliver() == [(1, "unchanged")], "while nothing changed in Telegram"
    world.read(post(1, "Исправлено."))
    assert world.deliver() == [(1, "held")]
    assert world.body(1) == "Рука редактора"
    told = "Запись номер 1 о хлебе\nРука редактора"
    assert (world.at(1).state, world.at(1).theirs) == ("conflict", told)
    assert "--ours" in world.said[0].remedy
    world.read(post(1, "Исправлено ещё раз."))
    assert world.deliver() == [(1, "held")]
    assert world.body(1) == "Рука редактора"


def test_a_person_says_ours(world: World) -> None:
    test_an_article_changed_by_hand_is_never_overwritten(world)
    world.word(1, "ours")
    assert world.deliver() == [(1, "updated")]
    assert "ещё раз" in str(world.site.articles["b/1"])
    assert (world.at(1).state, world.at(1).word, world.at(1).theirs) == ("live", "", "")
    world.read(post(1, "И опять."))
    assert world.deliver() == [(1, "updated")]


def test_a_person_says_theirs(world: World) -> None:
    test_an_article_changed_by_hand_is_never_overwritten(world)
    world.word(1, "theirs")
    assert world.deliver() == [(1, "unchanged")]
    assert world.body(1) == "Рука редактора"
    assert (world.at(1).state, world.at(1).word) == ("live", "")
    world.read(post(1, "И опять."))
    assert world.deliver() == [(1, "held")], "the next edit asks again"


@pytest.fixture
def disputed(world: World) -> World:
    """A post that changed, whose article has an editor's headline."""
    world.read(post(1, "Заголовок автора\n\nО хлебе и о соли, подробно."))
    world.deliver()
    world.site.change("b/1", title="Заголовок редактора")
    world.read(post(1, "Заголовок автора\n\nО хлебе и о соли, кратко."))
    assert world.deliver() == [(1, "held")]
    assert "--merge" in world.said[0].remedy
    world.word(1, "merge")
    return world


def both_stand(world: World) -> bool:
    shown = world.site.articles["b/1"]
    return shown.title == "Заголовок редактора" and "кратко" in shown.body + shown.lead


def test_a_person_says_merge(disputed: World) -> None:
    assert disputed.deliver() == [(1, "updated")]
    assert both_stand(disputed)
    assert (disputed.at(1).state, disputed.at(1).keep) == ("live", "title")
    assert disputed.deliver() == []


def test_an_article_that_is_made_anew_keeps_nothing_of_the_old_one(disputed: World) -> None:
    disputed.deliver()
    disputed.more["on_delete"] = "remove"
    disputed.ledger.lose("b", [1], "gone")
    assert disputed.deliver() == [(1, "withdrawn")]
    disputed.read(post(1, "Заголовок автора\n\nО хлебе и о соли, снова."))
    assert disputed.deliver() == [(1, "created")]
    assert disputed.site.articles["b/1"].title == "Заголовок автора"
    assert disputed.at(1).keep == ""


@pytest.mark.parametrize("trouble", ["lost before", "lost after"])
def test_a_merge_without_an_answer_is_settled_by_looking(disputed: World, trouble: Any) -> None:
    disputed.site.trouble["b/1"] = [trouble]
    assert disputed.deliver() == [(1, "failed")]
    disputed.deliver()
    assert both_stand(disputed)
    assert disputed.at(1).state == "live"


def test_an_editor_who_goes_on_while_it_is_merged_is_respected(disputed: World) -> None:
    def interrupt(request: str) -> None:
        if request == "put b/1":
            disputed.site.before = lambda _: None
            disputed.site.change("b/1", body="И текст редактора")

    disputed.site.before = interrupt
    assert disputed.deliver() == [(1, "held")]
    assert disputed.site.articles["b/1"].body == "И текст редактора"
    assert disputed.at(1).state == "conflict"


def test_what_the_site_never_told_back_cannot_be_merged(disputed: World) -> None:
    disputed.ledger.settle(replace(disputed.at(1), said=""))
    assert disputed.deliver() == [(1, "held")]
    assert "does not know in which words" in disputed.said[0].reason
    assert disputed.site.articles["b/1"].title == "Заголовок редактора"


def test_an_article_that_is_gone_is_not_merged(disputed: World) -> None:
    disputed.site.delete("b/1")
    assert disputed.deliver() == [(1, "held")]
    assert disputed.at(1).state == "missing"


def test_a_removed_article_is_never_resurrected(world: World) -> None:
    world.read(post(1))
    world.deliver()
    world.site.delete("b/1")
    world.read(post(1, "Исправлено."))
    assert world.deliver() == [(1, "held")]
    assert world.at(1).state == "missing"
    world.read(post(1, "Исправлено ещё раз."))
    assert world.deliver() == [(1, "held")]
    assert world.site.live() == []
    slug = world.at(1).slug
    world.word(1, "ours")
    assert world.deliver() == [(1, "updated")]
    assert world.site.live() == ["b/1"]
    assert world.at(1).slug == slug


@pytest.mark.parametrize("word", ["theirs", "skip"])
def test_a_removed_article_that_may_stay_away_is_asked_about_no_more(
    world: World, word: str
) -> None:
    world.read(post(1), linked(2, 1))
    world.deliver()
    world.site.delete("b/1")
    world.read(post(1, "Исправлено."))
    assert (1, "held") in world.deliver()
    assert 'href="https://t.me/example/1"' in world.body(2), "links go to Telegram again"
    world.word(1, word)
    assert world.deliver() == [(1, "skipped")]
    world.read(post(1, "Исправлено ещё раз."))
    assert world.deliver() == [(1, "skipped")]
    assert world.site.live() == ["b/2"]
    assert 'href="https://t.me/example/1"' in world.body(2)
    assert list(world.ledger.waiting("b", "s")) == []


def test_an_advertisement_goes_when_a_person_says_so_and_stays_gone_or_in_step(
    world: World,
) -> None:
    world.read(post(1, ADVERTISEMENT), post(2, ADVERTISEMENT))
    assert world.deliver() == [(1, "held"), (2, "held")]
    world.word(1, "publish")
    world.word(2, "skip")
    assert sorted(world.deliver()) == [(1, "created"), (2, "skipped")]
    world.read(post(1, f"{ADVERTISEMENT}!"), post(2, f"{ADVERTISEMENT}!"))
    assert sorted(world.deliver()) == [(1, "updated"), (2, "skipped")]


def test_a_conflict_over_an_advertisement_has_a_way_out(world: World) -> None:
    world.read(post(1, ADVERTISEMENT))
    world.word(1, "publish")
    world.deliver()
    world.site.edit("b/1", "Рука редактора")
    world.read(post(1, f"{ADVERTISEMENT}!"))
    assert world.deliver() == [(1, "held")]
    world.word(1, "ours")
    assert world.deliver() == [(1, "updated")]


@pytest.mark.parametrize("word", ["skip", "remove"])
@pytest.mark.parametrize("trouble", ["lost before", "lost after"])
def test_what_a_person_leaves_out_while_nobody_knew_whether_it_arrived_is_looked_for(
    world: World, trouble: Any, word: str
) -> None:
    world.read(post(1))
    world.site.trouble["b/1"] = [trouble]
    world.deliver()
    world.word(1, word)
    told = world.deliver()
    assert told == ([(1, "withdrawn")] if trouble == "lost after" else [])
    assert world.site.live() == []
    assert (world.at(1).state, world.at(1).word, world.at(1).sending) == ("skipped", "skip", "")


def test_what_arrived_unknown_and_was_edited_goes_when_a_person_says_so_twice(
    world: World,
) -> None:
    world.read(post(1))
    world.site.trouble["b/1"] = ["lost after"]
    world.deliver()
    world.site.edit("b/1", "Рука редактора")
    find = world.site.find  # as sites do that cannot tell what was left
    world.site.find = lambda one: replace(find(one), version="|touched")  # type: ignore[method-assign,type-var]
    world.word(1, "skip")
    assert world.deliver() == [(1, "held")], "it may be an editor's own"
    assert world.site.live() == ["b/1"]
    world.word(1, "skip")
    assert world.deliver() == [(1, "withdrawn")]
    assert (world.site.live(), world.at(1).state) == ([], "skipped")


def test_a_draft_that_may_be_public_again_is_taken_off_when_a_person_says_so(world: World) -> None:
    world.read(post(1))
    world.deliver()
    world.word(1, "skip")
    world.deliver()
    world.site.trouble["b/1"] = ["lost after"]
    world.word(1, "publish")
    world.deliver()
    assert world.site.live() == ["b/1"]
    world.word(1, "skip")
    world.deliver()
    assert world.site.live() == []


# --- Deleted in Telegram ----------------------------------------------------------------------


def test_a_deleted_post_becomes_a_draft_and_comes_back_at_its_address(world: World) -> None:
    world.read(post(1))
    world.deliver()
    url = world.at(1).url
    world.gone(1)
    assert world.deliver() == [(1, "withdrawn")]
    assert (world.site.live(), world.at(1).state) == ([], "withdrawn")
    assert world.deliver() == []
    world.read(post(1))
    assert world.deliver() == [(1, "updated")]
    assert world.site.live() == ["b/1"]
    assert world.at(1).url == url


def test_a_deleted_post_is_removed_where_the_blog_says_so(world: World) -> None:
    world.more["on_delete"] = "remove"
    world.read(post(1, "Первый заголовок."))
    world.deliver()
    slug = world.at(1).slug
    world.gone(1)
    assert world.deliver() == [(1, "withdrawn")]
    assert world.site.remotes == {}
    world.read(post(1, "Второй заголовок."))
    assert world.deliver() == [(1, "created")]
    assert world.at(1).slug == slug, "the slug is made once"


def test_a_deleted_post_is_kept_where_the_blog_says_so(world: World) -> None:
    world.more["on_delete"] = "keep"
    world.read(post(1))
    world.deliver()
    world.gone(1)
    assert world.deliver() == [(1, "unchanged")]
    assert world.site.live() == ["b/1"]


def test_a_post_deleted_before_it_was_sent_never_arrives(world: World) -> None:
    world.read(post(1), post(2))
    world.gone(1)
    assert world.deliver() == [(2, "created")]
    assert world.at(1).state == "gone"
    assert world.deliver() == []


@pytest.mark.parametrize("trouble", ["lost before", "lost after"])
def test_a_post_deleted_while_nobody_knew_is_looked_for(world: World, trouble: Any) -> None:
    world.read(post(1))
    world.site.trouble["b/1"] = [trouble]
    world.deliver()
    world.gone(1)
    told = world.deliver()
    assert told == ([(1, "withdrawn")] if trouble == "lost after" else [])
    assert world.site.live() == []


@pytest.mark.parametrize("how", ["draft", "remove"])
@pytest.mark.parametrize("trouble", ["lost before", "lost after"])
def test_a_withdrawal_without_an_answer_is_tried_again(
    world: World, trouble: Any, how: Any
) -> None:
    world.more["on_delete"] = how
    world.read(post(1))
    world.deliver()
    world.gone(1)
    world.site.trouble["b/1"] = [trouble]
    assert world.deliver() == [(1, "failed")]
    assert world.at(1).due
    world.deliver()
    assert world.site.live() == []
    assert not world.at(1).due
    assert world.at(1).state in ("withdrawn", "gone")


@pytest.mark.parametrize("trouble", ["lost before", "lost after"])
def test_a_post_that_comes_back_while_its_withdrawal_is_unknown_is_public(
    world: World, trouble: Any
) -> None:
    world.read(post(1))
    world.deliver()
    world.gone(1)
    world.site.trouble["b/1"] = [trouble]
    world.deliver()
    world.read(post(1))
    assert world.deliver() == [(1, "updated")]
    assert world.site.live() == ["b/1"]
    assert world.at(1).state == "live"


@pytest.mark.parametrize("how", ["draft", "remove"])
@pytest.mark.parametrize("first", ["lost before", "lost after"])
@pytest.mark.parametrize("second", ["lost before", "lost after"])
def test_two_requests_of_which_nobody_knows_are_no_ones_hand(
    world: World, how: Any, first: Any, second: Any
) -> None:
    world.more["on_delete"] = how
    world.read(post(1), post(2))
    world.deliver()
    world.read(post(1, "Второй текст."))
    world.gone(2)
    world.site.trouble = {"b/1": [first, second], "b/2": [first, second]}
    world.deliver()
    world.read(post(1, "Третий текст."), post(2, "Снова здесь."))
    world.deliver()
    world.read(post(1, "Четвёртый текст."), post(2, "Снова здесь, исправлено."))
    world.deliver()
    world.deliver()
    assert sorted(world.site.live()) == ["b/1", "b/2"]
    assert world.at(1).state == world.at(2).state == "live"
    assert "Четвёртый" in str(world.site.articles["b/1"])
    assert "исправлено" in str(world.site.articles["b/2"])


@pytest.mark.parametrize("how", ["draft", "remove"])
def test_a_run_killed_in_a_withdrawal_is_made_good(world: World, how: Any) -> None:
    world.more["on_delete"] = how
    world.read(post(1))
    world.deliver()
    world.gone(1)
    withdraw = world.site.withdraw

    def die(*asked: Any) -> None:
        withdraw(*asked)
        raise KeyboardInterrupt

    world.site.withdraw = die  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        world.deliver()
    world.site.withdraw = withdraw  # type: ignore[method-assign]
    world.deliver()
    assert world.site.live() == []
    assert world.at(1).state == ("withdrawn" if how == "draft" else "gone")
    assert world.deliver() == []


def test_a_deleted_post_whose_article_a_person_changed_is_theirs(world: World) -> None:
    world.read(post(1))
    world.deliver()
    world.site.edit("b/1", "Рука редактора")
    world.gone(1)
    assert world.deliver() == [(1, "held")]
    assert world.site.live() == ["b/1"]
    assert "crosspost withdraw b/1" in world.at(1).remedy
    assert "--ours" not in world.at(1).remedy
    world.word(1, "skip")
    assert world.deliver() == [(1, "withdrawn")]


def test_a_withdrawal_that_is_never_answered_asks_a_person(world: World) -> None:
    world.read(post(1))
    world.deliver()
    world.gone(1)
    world.site.trouble["b/1"] = ["lost before"] * GIVE_UP
    while world.at(1).due:
        world.time += timedelta(days=1)
        world.deliver()
    assert [one.post_id for one in world.ledger.waiting("b", "s")] == [1]


# --- Links ------------------------------------------------------------------------------------


def test_a_link_leads_to_the_article_whichever_came_first(world: World) -> None:
    world.read(linked(1, 2), post(2), linked(3, 2))
    assert world.deliver() == [(1, "created"), (2, "created"), (3, "created")]
    assert 'href="post:2"' in world.body(1)
    assert 'href="post:2"' in world.body(3)
    assert world.deliver() == [], "and all of it in one run"


def test_a_link_to_a_post_that_is_not_there_leads_to_telegram(world: World) -> None:
    world.read(linked(1, 9))
    world.deliver()
    assert 'href="https://t.me/example/9"' in world.body(1)
    world.read(post(9))
    assert world.deliver() == [(9, "created")]
    assert 'href="post:9"' in world.body(1)


def test_a_link_to_a_later_albums_second_photo_leads_to_its_article(world: World) -> None:
    world.read(linked(1, 6))
    world.deliver()
    world.read(replace(photo(5, "a.png", "b.png"), ids=(5, 6)))
    world.deliver()
    assert 'href="post:5"' in world.body(1)


@pytest.mark.parametrize("first", [1, 9], ids=["link-first", "target-first"])
def test_a_link_to_a_deleted_post_goes_back_to_telegram(world: World, first: int) -> None:
    other = 10 - first
    world.read(linked(first, other), post(other))
    world.deliver()
    assert f'href="post:{other}"' in world.body(first)
    world.gone(other)
    world.read(replace(linked(first, other), text="Запись с ссылкой, исправленная."))
    world.deliver()
    assert f'href="https://t.me/example/{other}"' in world.body(first)
    assert world.deliver() == []
    world.read(post(other))
    world.deliver()
    assert f'href="post:{other}"' in world.body(first)
    assert world.deliver() == []


def test_posts_that_link_to_each_other_come_to_rest(world: World) -> None:
    world.read(linked(1, 2), linked(2, 1))
    world.deliver()
    assert 'href="post:2"' in world.body(1)
    assert 'href="post:1"' in world.body(2)
    assert world.deliver() == []


def test_a_link_stays_while_its_article_is_under_way(world: World) -> None:
    world.read(post(1), linked(2, 1))
    world.deliver()
    world.read(post(1, "Исправлено."), replace(linked(2, 1), text="Запись с ссылкой, новая."))
    world.site.trouble["b/1"] = ["lost before"]
    world.deliver()
    assert 'href="post:1"' in world.body(2)


# --- Files ------------------------------------------------------------------------------------


def test_a_file_is_sent_once_whoever_shows_it(world: World) -> None:
    world.read(photo(1, "a.png"), photo(2, "a.png", "b.png"))
    world.deliver()
    assert world.site.count("upload") == 2
    world.read(photo(1, "a.png", text="Исправлено."))
    world.deliver()
    assert world.site.count("upload") == 2


def test_the_same_bytes_under_another_name_are_not_sent_again(world: World) -> None:
    world.read(photo(1, "a.png"))
    world.deliver()
    (world.folder / "copy.png").write_bytes((world.folder / "a.png").read_bytes())
    world.read(photo(2, "copy.png"))
    world.deliver()
    assert world.site.count("upload") == 1


def test_a_retry_reuses_what_was_uploaded(world: World) -> None:
    world.read(photo(1, "a.png", "b.png"))
    world.site.trouble["b.png"] = ["lost before"]
    assert world.deliver() == [(1, "failed")]
    assert world.at(1).state == "new", "the article was not sent"
    assert world.deliver() == [(1, "created")]
    assert [call for call in world.site.calls if call.startswith("upload")] == [
        "upload a.png",
        "upload b.png",
        "upload b.png",
    ]


def test_a_file_that_the_site_lost_is_sent_again_with_the_next_try(world: World) -> None:
    world.read(photo(1, "a.png"))
    world.deliver()
    world.site.files.clear()
    world.read(photo(1, "a.png", text="Исправлено."))
    assert world.deliver() == [(1, "failed")]
    world.word(1, "publish")
    assert world.deliver() == [(1, "updated")]


def test_a_file_that_cannot_be_had_is_left_out_with_a_note(world: World) -> None:
    world.missing["b.png"] = Gone("it was not exported")
    world.read(photo(1, "a.png", "b.png", "b.png"))
    assert world.deliver() == [(1, "created")]
    assert any("it was not exported" in note for note in world.said[0].notes)
    assert len(world.site.articles["b/1"].figures) == 1


@pytest.mark.parametrize("harm", ["unsafe", "no picture", "unreadable"])
def test_a_harmful_file_holds_the_post_until_a_person_lets_it_go_without(
    world: World, harm: str
) -> None:
    if harm == "unsafe":
        world.missing["b.png"] = Unsafe("its path leaves the export")
    elif harm == "no picture":
        (world.folder / "b.png").write_bytes(b"<svg onload=alert(1)>")
    else:
        (world.folder / "b.png").mkdir()
    world.read(photo(1, "a.png", "b.png", "b.png"), post(2))
    assert world.deliver() == [(1, "held"), (2, "created")]
    assert "b.png" in world.said[0].reason
    assert "without that file" in world.said[0].remedy
    world.word(1, "publish")
    assert world.deliver() == [(1, "created")]
    assert len(world.site.articles["b/1"].figures) == 1


def test_a_refused_file_holds_its_post_alone(world: World) -> None:
    """A person decides whether the post goes without it."""
    world.site.trouble["a.png"] = ["refuse"]
    world.read(photo(1, "a.png"), post(2))
    assert world.deliver() == [(1, "held"), (2, "created")]
    assert not world.at(1).due
    assert "the site refused it" in world.at(1).reason
    assert "without that file" in world.at(1).remedy


def test_a_file_that_no_article_shows_any_more_is_taken_back(world: World) -> None:
    world.read(photo(1, "a.png", "b.png"), photo(2, "b.png"))
    world.deliver()
    assert len(world.site.files) == 2
    world.read(photo(1, "c.png"))
    world.deliver()
    assert set(world.site.files) == world.site.uses["b/1"] | world.site.uses["b/2"]
    assert len(world.site.files) == 2, "what another article shows stays"
    world.read(photo(1, "a.png"))
    world.deliver()
    assert set(world.site.files) == world.site.uses["b/1"] | world.site.uses["b/2"]


@pytest.mark.parametrize(("how", "left"), [("draft", 1), ("remove", 0)])
def test_a_draft_keeps_its_files_and_a_removed_article_does_not(
    world: World, how: Any, left: int
) -> None:
    world.more["on_delete"] = how
    world.read(photo(1, "a.png"), post(2))
    world.deliver()
    world.gone(1)
    world.deliver()
    assert len(world.site.files) == left
    world.read(photo(1, "a.png"))
    world.deliver()
    assert world.site.uses["b/1"] == set(world.site.files)


def test_what_was_uploaded_for_a_post_that_is_still_to_come_is_not_taken_back(world: World) -> None:
    world.read(photo(1, "a.png", "b.png"), post(2))
    world.site.trouble["b.png"] = ["lost before"]
    assert sorted(world.deliver()) == [(1, "failed"), (2, "created")]
    assert len(world.site.files) == 1
    world.deliver()
    assert len(world.site.files) == 2


def test_what_was_uploaded_for_a_post_that_never_came_is_taken_back(world: World) -> None:
    world.missing["b.png"] = Unsafe("its path leaves the export")
    world.read(photo(1, "a.png", "b.png"), post(2))
    assert sorted(world.deliver()) == [(1, "held"), (2, "created")]
    assert world.site.files == {}
    world.word(1, "publish")
    assert world.deliver() == [(1, "created")]


@pytest.mark.parametrize("trouble", ["lost before", "lost after"])
def test_a_file_of_which_nobody_knows_and_that_no_article_wants_any_more_is_taken_back(
    world: World, trouble: Any
) -> None:
    world.site.trouble["a.png"] = [trouble]
    world.read(photo(1, "a.png"))
    assert world.deliver() == [(1, "failed")]
    world.read(post(1, "Без снимка."))
    assert world.deliver() == [(1, "created")]
    assert world.site.files == {}
    assert world.deliver() == []


def test_a_run_killed_while_it_took_files_back_is_made_good(world: World) -> None:
    def die(what: str) -> None:
        if what.startswith("discard"):
            raise KeyboardInterrupt

    world.read(photo(1, "a.png"))
    world.deliver()
    world.read(photo(1, "b.png"))
    world.site.before = die
    with pytest.raises(KeyboardInterrupt):
        world.deliver()
    world.site.before = lambda _: None
    assert world.ledger.has_due("b", "s")
    world.deliver()
    assert set(world.site.files) == world.site.uses["b/1"]
    assert not world.ledger.has_due("b", "s")


# --- The run ----------------------------------------------------------------------------------


def test_a_young_post_waits_its_time(world: World) -> None:
    world.read(post(1, date=NOW - timedelta(seconds=10)))
    assert world.deliver() == [(1, "waits")]
    assert not world.ledger.has_due("b", "s")
    world.time += timedelta(seconds=50)
    assert world.ledger.has_due("b", "s")
    assert world.deliver() == [(1, "created")]


def test_stopped_half_way_the_next_run_goes_on(world: World) -> None:
    world.read(*(post(number) for number in range(1, 8)))
    asked = iter([False] * 3 + [True] * 99)
    first = world.deliver(stop=lambda: next(asked))
    assert 0 < len(first) < 7
    assert not world.site.unfinished, "what was sent is finished"
    assert [*first, *world.deliver()] == [(number, "created") for number in range(1, 8)]


def test_trouble_with_the_whole_site_ends_the_run_and_loses_nothing(world: World) -> None:
    def fail(what: str) -> None:
        if what == "put b/3":
            raise PublisherError("The password is wrong")

    world.site.before = fail
    world.read(*(post(number) for number in range(1, 6)))
    with pytest.raises(PublisherError):
        world.deliver()
    assert world.at(1).state == world.at(2).state == "live"
    assert world.ledger.unfinished("b", "s")
    world.site.before = lambda _: None
    assert world.deliver() == [(number, "created") for number in (3, 4, 5)]
    assert not world.site.unfinished


def test_a_run_killed_before_the_site_was_finished_is_finished_by_the_next(world: World) -> None:
    def die(what: str) -> None:
        if what.startswith("finish"):
            raise KeyboardInterrupt

    world.site.before = die
    world.read(post(1))
    with pytest.raises(KeyboardInterrupt):
        world.deliver()
    world.site.before = lambda _: None
    assert world.ledger.has_due("b", "s")
    assert world.deliver() == []
    assert not world.site.unfinished
    assert not world.ledger.has_due("b", "s")


def test_a_run_killed_after_a_withdrawal_is_finished_by_the_next(world: World) -> None:
    def die(what: str) -> None:
        if what.startswith("finish"):
            raise KeyboardInterrupt

    world.read(post(1))
    world.deliver()
    world.gone(1)
    world.site.before = die
    with pytest.raises(KeyboardInterrupt):
        world.deliver()
    world.site.before = lambda _: None
    assert world.ledger.has_due("b", "s")
    assert world.deliver() == []
    assert not world.site.unfinished


def test_a_post_that_our_rules_stumble_over_stands_in_nobodys_way(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(stored: StoredPost, slug: str, missing: Any) -> Article:
        if stored.post.id == 2:
            raise IndexError("list index out of range")
        return normalize(stored.post, STYLE, slug=slug, missing=missing)

    world.read(post(1), post(2), post(3))
    told = world.deliver(normalize=stumble)
    assert sorted(told) == [(1, "created"), (2, "failed"), (3, "created")]
    assert "list index out of range" in caplog.text
    assert world.at(2).state == "failed"
    world.word(2, "publish")
    assert world.deliver() == [(2, "created")]


def test_trouble_with_the_channel_is_no_ones_post(world: World) -> None:
    def fetch(_: StoredPost, media: Media) -> Path:
        raise ReaderError("The login is gone")

    world.read(photo(1, "a.png"))
    with pytest.raises(ReaderError):
        world.deliver(fetch=fetch)
    assert world.deliver() == [(1, "created")]


def test_a_plan_asks_nobody_and_says_what_would_be_done(world: World) -> None:
    world.read(post(1), post(2, ADVERTISEMENT), post(3))
    world.gone(3)
    steps = [(delivery.post_id, step.what) for step, delivery, _, _ in plan(world.errand())]
    assert steps == [(1, "create"), (2, "hold"), (3, "forget")]
    assert (world.opened, world.site.calls) == (0, [])
    assert world.at(1).state == "new"


def test_each_request_has_its_intent_on_the_disk_before_it_leaves(world: World) -> None:
    """Another process, which sees only what is committed, looks at that very moment."""
    seen: dict[str, tuple[str, bool]] = {}

    def look(what: str) -> None:
        if what.startswith("put"):
            with Ledger.open(world.folder / "ledger.db") as other:
                found = other.delivery("b", int(what.rpartition("/")[2]), "s")
                assert found is not None
                seen[what] = (found.state, bool(found.sending and found.slug))
                assert other.unfinished("b", "s")

    world.site.before = look
    world.read(*(post(number) for number in range(1, 7)))
    world.deliver()
    assert seen == {f"put b/{number}": ("sending", True) for number in range(1, 7)}
