"""The files of one article go to the site together: as many at once as its publisher bears, each
recorded as it arrives, none twice, none lost when another fails."""

import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from fake_site import FakeSite
from memory import memory_folder

pytest.register_assert_rewrite("test_deliver")
from test_deliver import ADVERTISEMENT, World, linked, photo, post  # noqa: E402

from crosspost import images  # noqa: E402
from crosspost.deliver import deliver  # noqa: E402
from crosspost.errors import Later, ReaderError  # noqa: E402
from crosspost.ledger import Ledger  # noqa: E402
from crosspost.model import Article, Figure, Media, Remote, Upload, decode_media  # noqa: E402
from crosspost.publishers import Unknown  # noqa: E402
from crosspost.publishers.wordpress._ahead import Ahead  # noqa: E402
from crosspost.readers import Gone  # noqa: E402

ALBUM = ("a.png", "b.png", "c.png", "d.png", "e.png")


class Wide(FakeSite):
    """A site that takes three files at once. ``most`` is how many it had at once at most;
    with ``meet`` so many uploads wait for each other. ``fail`` is what happens to files."""

    at_once = 3

    def __init__(self, *, meet: int = 1) -> None:
        super().__init__()
        self.fail: dict[str, Exception] = {}
        self.now = self.most = 0
        self.threads: set[str] = set()
        self._lock = threading.Lock()
        self._meeting = threading.Barrier(meet, timeout=10)

    def upload(self, file: Path, media: Media) -> Upload:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.threads.add(threading.current_thread().name)
        try:
            if self._meeting.parties > 1:
                self._meeting.wait()
            if media.locator in self.fail:
                raise self.fail[media.locator]
            with self._lock:
                return super().upload(file, media)
        finally:
            with self._lock:
                self.now -= 1


@pytest.fixture
def world() -> Iterator[World]:
    with memory_folder() as folder:
        made = World(folder, 1)
        made.site = Wide()
        yield made
        made.ledger.close()


def sent(world: World) -> list[str]:
    return sorted(call for call in world.site.calls if call.startswith("upload"))


def test_an_albums_files_go_three_at_a_time_and_never_more(world: World) -> None:
    world.site = site = Wide(meet=3)
    world.read(photo(1, *ALBUM, "f.png"))
    assert world.deliver() == [(1, "created")]
    assert site.most == 3
    assert len(site.files) == 6
    assert site.uses["b/1"] == set(site.files)


def test_the_threads_are_the_same_for_all_articles_of_a_run_and_gone_after_it(
    world: World,
) -> None:
    world.site = site = Wide(meet=2)
    world.read(*(photo(number, f"{number}a.png", f"{number}x.png") for number in range(1, 6)))
    world.deliver()
    assert len(site.threads) == 2
    assert not [one for one in threading.enumerate() if one.name.startswith("uploads")]


def test_a_picture_that_an_album_has_twice_is_known_at_both_places(world: World) -> None:
    """So a later edit needs neither of them from the source again."""
    from PIL import Image

    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8), (90, 60, 30)).save(world.folder / name)
    world.read(photo(1, "a.png", "b.png"))
    world.deliver()
    world.missing = {name: Gone("it is away") for name in ("a.png", "b.png")}
    world.read(photo(1, "a.png", "b.png", text="Тот же снимок, другие слова."))
    assert world.deliver() == [(1, "updated")]
    assert len(world.site.articles["b/1"].figures) == 2
    assert not any(one.media.missing for one in world.site.articles["b/1"].figures)


def test_a_single_file_needs_no_thread(world: World) -> None:
    world.read(photo(1, "a.png"))
    world.deliver()
    assert world.site.threads == {"MainThread"}  # type: ignore[attr-defined]


def test_pictures_that_are_the_same_once_cleaned_are_there_once(world: World) -> None:
    """They differ by what a camera wrote beside the picture."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    for name in ALBUM:
        told = PngInfo()
        told.add_text("Comment", name)
        Image.new("RGB", (8, 8), (90, 60, 30)).save(world.folder / name, pnginfo=told)
    world.read(photo(1, *ALBUM))
    assert world.deliver() == [(1, "created")]
    assert len(world.site.files) == 1
    assert world.site.most == 1  # type: ignore[attr-defined]


def test_one_that_fails_leaves_the_others_recorded_and_the_next_run_sends_the_rest(
    world: World,
) -> None:
    world.site.fail = {"b.png": Unknown("no answer in time")}  # type: ignore[attr-defined]
    world.read(photo(1, *ALBUM))
    assert world.deliver() == [(1, "failed")]
    before = sent(world)
    recorded = {one.id for _, one in world.ledger.spare("s")} | world.ledger.holds("s")
    assert recorded == set(world.site.files)
    world.site.fail = {}  # type: ignore[attr-defined]
    assert world.deliver() == [(1, "created")]
    assert len(world.site.files) == 5
    assert len(sent(world)) == 5, "each was sent once"
    assert set(before) < set(sent(world))


@pytest.mark.parametrize("trouble", ["refuse", "lost before", "lost after"])
def test_nothing_is_left_over_when_the_post_goes_on_without_files(
    world: World, trouble: Any
) -> None:
    world.site.trouble["c.png"] = [trouble]
    world.read(photo(1, *ALBUM))
    assert world.deliver()[0][1] in ("held", "failed")
    world.read(post(1, "Без снимков."))
    assert world.deliver() == [(1, "created")]
    assert world.site.files == {}
    assert not world.ledger.has_spare("s")


def test_a_site_that_asks_to_come_back_later_is_sent_no_other_file(world: World) -> None:
    world.site.fail = {name: Later("come back in 600 seconds") for name in ALBUM[:3]}  # type: ignore[attr-defined]
    world.read(photo(1, *ALBUM))
    with pytest.raises(Later):
        world.deliver()
    assert len(sent(world)) <= 2, "none was begun after the first answer"
    world.site.fail = {}  # type: ignore[attr-defined]
    assert world.deliver() == [(1, "created")]
    assert len(world.site.files) == 5


def test_each_files_intent_is_on_the_disk_before_it_leaves(world: World) -> None:
    intents: dict[str, set[str]] = {}

    def look(what: str) -> None:
        if what.startswith("upload"):
            with Ledger.open(world.folder / "ledger.db") as other:
                rows = other._all("SELECT media FROM arriving")
            intents[what[7:]] = {decode_media(row[0]).locator for row in rows}

    world.site.before = look
    world.read(photo(1, *ALBUM))
    world.deliver()
    assert set(intents) == set(ALBUM)
    assert all(name in there for name, there in intents.items())


def test_an_intent_of_an_earlier_run_outlives_one_that_failed_before_its_turn(world: World) -> None:
    """The file arrived, and nobody heard of it; then it was not even tried again."""
    world.site.trouble["d.png"] = ["lost after"]
    world.read(photo(1, "d.png"))
    world.deliver()
    world.site.fail = {"a.png": Unknown("no answer in time")}  # type: ignore[attr-defined]
    world.site.at_once = 1  # type: ignore[attr-defined]
    world.read(photo(1, "a.png", "d.png"))
    assert world.deliver() == [(1, "failed")]
    world.site.fail = {}  # type: ignore[attr-defined]
    world.read(post(1, "Без снимков."))
    assert world.deliver() == [(1, "created")]
    assert world.site.files == {}


def test_killed_in_the_midst_of_an_album_no_file_is_doubled_or_left(world: World) -> None:
    def die(what: str) -> None:
        if what == "upload c.png":
            raise KeyboardInterrupt

    world.site.before = die
    world.read(photo(1, *ALBUM))
    with pytest.raises(KeyboardInterrupt):
        world.deliver()
    world.site.before = lambda _: None
    assert world.deliver() == [(1, "created")]
    assert world.site.uses["b/1"] == set(world.site.files)
    assert len(world.site.files) == 5
    assert not world.ledger.has_spare("s")


# --- While the site works, the next post's pictures are made ready ---


@pytest.fixture
def cleaned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Which picture was cleaned by which thread."""
    seen: list[tuple[str, str]] = []
    clean = images.clean

    def heard(path: Path, *given: Any, **more: Any) -> Path:
        seen.append((path.name, threading.current_thread().name.partition("_")[0]))
        return clean(path, *given, **more)

    monkeypatch.setattr(images, "clean", heard)
    return seen


def test_the_next_posts_pictures_are_cleaned_once_while_the_site_works(
    world: World, cleaned: list[tuple[str, str]]
) -> None:
    world.read(photo(1, "a.png"), photo(2, "b.png", "c.png"), post(3), photo(4, "a.png", "d.png"))
    assert [what for _, what in world.deliver()] == ["created"] * 4
    ahead = [("b.png", "pictures"), ("c.png", "pictures"), ("d.png", "pictures")]
    assert cleaned == [("a.png", "MainThread"), *ahead]
    assert len(world.site.files) == 4


def test_what_a_rule_holds_is_not_made_ready(world: World, cleaned: list[tuple[str, str]]) -> None:
    world.read(post(1), photo(2, "a.png", text=ADVERTISEMENT), photo(3, "b.png"))
    assert world.deliver() == [(1, "created"), (2, "held"), (3, "created")]
    assert [name for name, _ in cleaned] == ["b.png"]


def test_a_bad_picture_that_was_looked_at_ahead_holds_its_own_post_alone(world: World) -> None:
    (world.folder / "b.png").write_bytes(b"<svg onload=alert(1)>")
    world.missing["c.png"] = ReaderError("The login is gone")
    world.read(post(1), photo(2, "b.png"), photo(3, "a.png"), photo(4, "c.png"))
    said = deliver(world.errand())
    assert [(one.post_id, one.what) for one in islice(said, 3)] == [
        (1, "created"),
        (2, "held"),
        (3, "created"),
    ]
    with pytest.raises(ReaderError):
        next(said)
    assert not [one for one in threading.enumerate() if one.name.startswith("pictures")]


def test_a_site_without_waiting_is_not_worked_ahead_of(
    world: World, cleaned: list[tuple[str, str]]
) -> None:
    world.site = FakeSite()
    world.read(photo(1, "a.png"), photo(2, "b.png"))
    world.deliver()
    assert {thread for _, thread in cleaned} == {"MainThread"}


# --- What comes next is told to a publisher that asks for many at once ---


class Foreseer(FakeSite):
    """Keeps what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def coming(self, blog: str, post_ids: Sequence[int]) -> None:
        self.told.append(list(post_ids))

    def sending(self, files: Sequence[tuple[Path, Figure]]) -> None:
        self.told.append([figure.media.locator for _, figure in files])

    def find(self, article: Article) -> Remote | None:
        self.told.append(article.post_id)
        return super().find(article)


def test_articles_are_told_by_twenty_five_before_they_are_looked_for(world: World) -> None:
    world.site = site = Foreseer()  # type: ignore[assignment]
    world.read(*(post(number) for number in range(1, 31)))
    world.deliver()
    told = [one for one in site.told if isinstance(one, list)]
    assert told == [list(range(1, 26)), list(range(26, 31))]
    assert site.told.index(told[1]) == site.told.index(25) + 1


def test_only_what_is_not_there_yet_is_told(world: World) -> None:
    world.site = site = Foreseer()  # type: ignore[assignment]
    world.read(post(1), post(3))
    world.deliver()
    site.told.clear()
    world.read(post(1, "Исправлено."), post(2), post(3, "Исправлено."), linked(4, 2))
    world.deliver()
    assert site.told == [[2, 4], 2, 4]


def test_an_albums_files_are_told_together(world: World) -> None:
    world.site = site = Foreseer()  # type: ignore[assignment]
    world.read(photo(1, *ALBUM))
    world.deliver()
    assert site.told[0] == list(ALBUM)
    world.read(photo(1, *ALBUM, "f.png"))
    world.deliver()
    assert ["f.png"] in site.told


class Listed:
    """A WordPress of many articles, in none of the slugs that are asked for."""

    def __init__(self, count: int) -> None:
        self.count, self.pages = count, 0

    def rows(self, *_: Any) -> list[dict[str, Any]]:
        return []

    def all(self, *_: Any) -> Iterator[dict[str, Any]]:
        for number in range(self.count):
            self.pages += number % 100 == 0
            words = f'<p class="crosspost--b--{number + 1}--{"0" * 64}--{"0" * 16}">'
            yield {"id": number, "content": {"raw": words}}


def test_a_list_of_more_articles_than_searches_would_cost_is_given_up() -> None:
    for count, known in ((400, True), (401, False)):
        site = Listed(count)
        ahead = Ahead(site, "posts", "publish")  # type: ignore[arg-type]
        for _ in range(2):
            ahead.look("b", (398, 400, 500, 501))
            assert ahead.is_absent("b", 500) is known
            assert not ahead.is_absent("b", 400)
        assert site.pages <= 5, "it is read once"
