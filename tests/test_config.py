"""The config says all that is wrong with it at once, and never what is secret."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosspost.config import Config, load
from crosspost.config._places import line_of, places
from crosspost.errors import ConfigError

BLOG = """\
[[blog]]
name = "business"
channel = "channel"
reader = "export"
site = "local"
"""
SITE = """\
[site.local]
type = "static"
path = "public"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "crosspost.toml"
    path.write_text(text, "utf-8")
    return path


def loaded(folder: Path, text: str) -> Config:
    return load(written(folder, text))


def problems(folder: Path, text: str) -> list[str]:
    """The problems, without the folder in front of the file's name."""
    path = written(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.exit_code == 2
    return [problem.replace(str(path), "c") for problem in caught.value.problems]


def only(folder: Path, text: str) -> str:
    found = problems(folder, text)
    assert len(found) == 1, found
    return found[0]


# --- What is well ---


def test_the_example_config_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[1]
    config = load(root / "config.example.toml")
    assert list(config.blogs) == ["business"]
    assert config.timezone == "Asia/Omsk"
    assert config.site_paths == {"local": root / "public"}


def test_defaults_make_most_of_it_optional(tmp_path: Path) -> None:
    config = loaded(tmp_path, BLOG + SITE)
    (blog,) = config.blogs.values()
    assert (config.language, config.timezone) == ("en", "UTC")
    assert config.ledger == tmp_path / "crosspost.db"
    assert (blog.settle, blog.on_delete, blog.max_deletions) == (timedelta(minutes=1), "draft", 5)
    assert (blog.rules.advertisements, blog.rules.empty) == ("hold", "hold")
    assert list(blog.sites) == ["local"]


def test_toml_in_its_other_shapes_means_the_same(tmp_path: Path) -> None:
    text = """\
"language" = 'ru'
site.local = { type = "static", path = "public" }
[[blog]]
name = \"""business\"""
channel = "channel"
reader = "export"
site = [
  "local",  # the only one
]
author.name = "Имя # не комментарий"
rules = { advertisements = "skip" }
since = 2024-05-01
"""
    config = loaded(tmp_path, text)
    (blog,) = config.blogs.values()
    assert blog.rules.advertisements == "skip"
    assert blog.since == datetime(2024, 5, 1, tzinfo=UTC)


def test_a_windows_editor_may_have_saved_it(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (BLOG + SITE).replace("\n", "\r\n").encode())
    assert list(load(path).blogs) == ["business"]
    path.write_bytes(path.read_bytes() + b"paht = 1\r\n")
    with pytest.raises(ConfigError, match=r":9: site\.local\.paht: .*did you mean «path»"):
        load(path)


def test_a_day_starts_in_the_blogs_own_time_zone(tmp_path: Path) -> None:
    text = BLOG + 'since = 2024-05-01\ntimezone = "Asia/Omsk"\n' + SITE
    (blog,) = loaded(tmp_path, text).blogs.values()
    assert blog.since == datetime(2024, 4, 30, 18, tzinfo=UTC)


def test_paths_start_from_the_configs_folder(tmp_path: Path) -> None:
    config = loaded(tmp_path, 'ledger = "state/l.db"\n' + BLOG + SITE)
    assert config.ledger == tmp_path / "state" / "l.db"
    assert config.site_paths["local"] == tmp_path / "public"


def test_every_setting_of_a_look_makes_articles_due_again(tmp_path: Path) -> None:
    def mark(text: str) -> str:
        (blog,) = loaded(tmp_path, text).blogs.values()
        return blog.style_marks["local"]

    plain = mark(BLOG + SITE)
    assert mark(BLOG + "\n# a comment\n" + SITE) == plain
    assert mark(BLOG + 'credit = "из блога"\n' + SITE) != plain
    assert mark('timezone = "Asia/Omsk"\n' + BLOG + SITE) != plain
    assert mark(BLOG + SITE + 'title = "Блоги"\n') != plain


# --- What is wrong ---

WRONG = [
    (
        'langage = "ru"\n' + BLOG + SITE,
        "c:1: langage: there is no such setting; did you mean «lang",
    ),
    ('timezone = "Asia/Osmk"\n' + BLOG + SITE, 'c:1: timezone = "Asia/Osmk": there is no such'),
    ('timezone = "Osmk"\n' + BLOG + SITE, "Moscow; did you mean «Asia/Omsk»?"),
    ('timezone = "../../etc/passwd"\n' + BLOG + SITE, "there is no such time zone"),
    ("ledger = 5\n" + BLOG + SITE, "c:1: ledger = 5: it is a text in quotes"),
    ('ledger = ""\n' + BLOG + SITE, 'c:1: ledger = "": it is empty'),
    ('templates = "nowhere"\n' + BLOG + SITE, "c:1: templates = "),
    ('language = "fr"\n' + BLOG + SITE, "it is one of en, ru, or has a file of your own"),
    ("export = 1\n" + BLOG + SITE, "c:1: export: it is a table: [export]"),
    ("[telegarm]\n" + BLOG + SITE, "c:1: telegarm: there is no such setting; did you mean «teleg"),
    ("[export]\nphones = true\n" + BLOG + SITE, "c:2: export.phones: there is no such setting"),
    ("[preview]\nwindow = 0\n" + BLOG + SITE, "c:2: preview.window = 0: it is at least 1"),
    ("[preview]\nwindw = 9\n" + BLOG + SITE, "c:2: preview.windw: there is no such setting; did"),
    ('[telegram]\npreview = "ftp://x"\n' + BLOG + SITE, "c:2: telegram.preview = "),
    (BLOG.replace("export", "exprot") + SITE, "preview, telegram; did you mean «export»?"),
    (BLOG.replace('reader = "export"', "") + SITE, "c:1: blog[1].reader: it is missing: one of "),
    (BLOG.replace("[[blog]]", "[blog]") + SITE, "c:1: blog: write [[blog]], in two brackets"),
    (BLOG.replace("business", "Бизнес") + SITE, 'c:2: blog[1].name = "Бизнес": a name is of small'),
    (BLOG.replace("business", "../x") + SITE, 'c:2: blog[1].name = "../x": a name is of small'),
    (BLOG.replace('"channel"', '""') + SITE, 'c:3: blog[1].channel = "": it is empty'),
    (
        BLOG.replace('"local"', '"locla"') + SITE,
        "[site.locla]: it is one of local; did you mean «l",
    ),
    (BLOG.replace('"local"', "[]") + SITE, "c:5: blog[1].site: it is empty; at least one is need"),
    (BLOG.replace('"local"', '["local",\n"local"]') + SITE, "c:5: blog[1].site: the same site"),
    (BLOG.replace('"local"', '["local",\n"lo"]') + SITE, 'c:6: blog[1].site[2] = "lo": there is'),
    (
        BLOG + 'on_delete = "drfat"\n' + SITE,
        "it is one of keep, draft, remove; did you mean «draft»",
    ),
    (BLOG + 'settle = "60"\n' + SITE, 'c:6: blog[1].settle = "60": it is a span of time such as'),
    (BLOG + "settle = 60\n" + SITE, "c:6: blog[1].settle = 60: it is a span of time such as"),
    (BLOG + "title_length = 5\n" + SITE, "c:6: blog[1].title_length = 5: it is at least 20"),
    (BLOG + "max_deletions = -1\n" + SITE, "c:6: blog[1].max_deletions = -1: it is at least 0"),
    (BLOG + 'no_tags = "x"\n' + SITE, 'c:6: blog[1].no_tags = "x": it is a list, such as ["one"'),
    (BLOG + 'no_tags = ["a",\n 1]\n' + SITE, "c:7: blog[1].no_tags[2] = 1: it is a text in quotes"),
    (BLOG + 'since = "soon"\n' + SITE, 'c:6: blog[1].since = "soon": it is a day such as 2024-05-'),
    (BLOG + "since = 0001-01-01\n" + SITE, "c:6: blog[1].since = 0001-01-01: it is a day of Tel"),
    (BLOG + f"max_deletions = 0x{'F' * 5000}\n" + SITE, "c:6: blog[1].max_deletions: it is too l"),
    (BLOG + 'credit = "\\u0000"\n' + SITE, "c:6: blog[1].credit: it holds a character that no"),
    ('ledger = "a\\u0000b"\n' + BLOG + SITE, "c:1: ledger: it holds a character that no text"),
    (BLOG + SITE.replace("public", "a\\u0000"), "c:8: site.local.path: it holds a character"),
    (BLOG + 'link = "t.me/x"\n' + SITE, 'c:6: blog[1].link = "t.me/x": it is a public address'),
    (BLOG + 'author = "Имя"\n' + SITE, 'c:6: blog[1].author = "Имя": it is a table'),
    (BLOG + 'author = { nme = "x" }\n' + SITE, "c:6: blog[1].author.nme: there is no such setting"),
    (
        BLOG + '[blog.author]\nphoto = "no.jpg"\n' + SITE,
        'c:7: blog[1].author.photo = "no.jpg": the',
    ),
    (BLOG + "[blog.rules]\nads = 'hold'\n" + SITE, "c:7: blog[1].rules.ads: there is no such rule"),
    (
        BLOG + "rules.empty = 'hod'\n" + SITE,
        "it is one of hold, publish, skip; did you mean «hold»",
    ),
    (BLOG + "rules = 3\n" + SITE, "c:6: blog[1].rules = 3: it is a table"),
    (
        BLOG + SITE.replace("static", "statik"),
        'c:7: site.local.type = "statik": it is one of form, gh',
    ),
    (
        BLOG + SITE.replace('type = "static"', ""),
        "c:6: site.local.type: it is missing: one of form, ghost, stat",
    ),
    (BLOG + SITE.replace('path = "public"', ""), "c:6: site.local.path: it is missing"),
    (
        BLOG + SITE + "path2 = 1\n",
        "c:9: site.local.path2: there is no such setting; did you mean «pa",
    ),
    (BLOG + SITE + 'url = "/blog"\n', 'c:9: site.local.url = "/blog": '),
    (BLOG + SITE.replace(".local", ""), "c:6: site: write [site.NAME]: each site has a name"),
    (BLOG + BLOG + SITE, 'c:7: blog[2].name = "business": another blog has this name'),
    (SITE, "c:1: blog: it is missing"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_a_mistake_is_named_with_its_line_and_what_is_allowed(
    tmp_path: Path, text: str, said: str
) -> None:
    found = problems(tmp_path, text)
    assert any(said in problem for problem in found), found
    assert len(found) <= 2, found


def test_all_mistakes_are_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
timezone = "Asia/Osmk"
[site.local]
type = "static"
pth = "public"
[site.other]
type = "nonsense"
[[blog]]
name = "a"
channel = "@x"
reader = "previw"
site = "locl"
on_delete = "never"
[[blog]]
name = "a"
channel = "@x"
reader = "telegram"
site = "local"
[blog.rules]
empty = "maybe"
""",
    )
    assert [int(problem.split(":")[1]) for problem in found] == sorted(
        int(problem.split(":")[1]) for problem in found
    )
    said = "\n".join(found)
    for part in ("Osmk", "pth", "nonsense", "previw", "locl", "never", "another blog", "maybe"):
        assert part in said
    assert "telegram.api_id: it is missing" in said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'a = "x"\nb = = 2\n', ":2: b: it is not TOML"),
        (b'a = "x\n', ":1: a: it is not TOML"),
        (b"[[blog]]\nname = 'a'\nname = 'b'\n", ":3: name: it is not TOML"),
        (b"[blog\n", ":1: it is not TOML"),
        (b"a = " + b"9" * 5000, ":1: a: it is not TOML"),
        ('a = "x"\nb = "имя"'.encode("cp1251"), ":2: it is not UTF-8 text"),
        (b"\xff\xfea\x00", ":1: it is not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ":1: it is not UTF-8 text"),
        (b"", "blog: it is missing"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a." * 2_000 + b"a = 1", "there is no such setting"),
        (b"#" * 2_000_000, "larger than 1 MB"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_is_no_config_is_told_in_a_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert said in "\n".join(caught.value.problems)
    assert all(len(problem) < 500 + len(str(path)) for problem in caught.value.problems)


def test_a_config_that_cannot_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml", tmp_path / "x\0y"):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert len(caught.value.problems) == 1
    assert "crosspost init" in _said(tmp_path / "none.toml")
    assert "Is a directory" in _said(tmp_path)


def _said(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value)


def test_an_unknown_blog_is_told_with_the_nearest(tmp_path: Path) -> None:
    config = loaded(tmp_path, BLOG + SITE)
    with pytest.raises(ConfigError, match="only business; did you mean «business»"):
        config.chosen(("busines",))
    assert [blog.name for blog in config.chosen(("business", "business"))] == ["business"]


# --- Secrets ---

TELEGRAM = BLOG.replace('"export"', '"telegram"').replace('"channel"', '"@name"') + SITE


def test_a_secret_may_come_from_the_environment_a_file_or_the_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASH", "0123456789abcdef0123456789abcdef")
    (tmp_path / "hash.txt").write_text("0123456789abcdef0123456789abcdef\n")
    for way in ('{env = "HASH"}', '{file = "hash.txt"}', '"0123456789abcdef0123456789abcdef"'):
        text = TELEGRAM + f"[telegram]\napi_id = 1\napi_hash = {way}\n"
        assert list(loaded(tmp_path, text).blogs) == ["business"]


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ('{env = "NO_SUCH_NAME"}', "the environment variable NO_SUCH_NAME is not set"),
        ('{file = "none.txt"}', "cannot be read: No such file"),
        ('{file = "empty.txt"}', "is empty"),
        ('{fiel = "none.txt"}', 'it is a text, {env = "NAME"}, {file = "path"}, {credential'),
        ('{env = ""}', "«env» takes a name"),
        ("{env = 5}", "«env» takes a name"),
        ("7777777777", "it is a text"),
        ('["hunter2"]', "it is a text"),
    ],
)
def test_a_secret_that_cannot_be_had_is_told_where_it_was_looked_for(
    tmp_path: Path, way: str, said: str
) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    found = only(tmp_path, TELEGRAM + f"[telegram]\napi_id = 1\napi_hash = {way}\n")
    assert said in found
    assert found.startswith("c:11: telegram.api_hash: ")
    assert "7777777777" not in found
    assert "hunter2" not in found


def test_no_message_shows_what_may_be_a_secret(tmp_path: Path) -> None:
    text = (
        BLOG
        + SITE
        + """\
pasword = "hunter2"
url = "ftp://me:hunter2@example.com/"
[telegram]
api_id = "hunter2x"
api_hsh = "hunter2"
sesion = 7777777777
api_hash = ["hunter2"]
[site.other]
token = "hunter2"
"""
    )
    said = "\n".join(problems(tmp_path, text))
    assert "hunter2@" not in said
    assert said.count("hunter2") == 1  # api_id is no secret
    assert "7777777777" not in said


# --- Third parties ---


def _shop(folder: Path) -> None:
    """An installed package that brings a publisher ``shop`` and a reader ``rss``."""
    (folder / "shop_for_crosspost.py").write_text(
        """\
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: SecretStr
    shelf: int = 1
    kind: str = Field(default="a", pattern="^[a-z]$", max_length=9)

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.kind == "z" and self.shelf == 1:
            raise ValueError("the shelf 1 takes no z")
        return self

class Shop:
    Settings = Settings

    def __init__(self, settings): self.settings = settings

    @classmethod
    def open(cls, settings, context): return cls(settings)
""",
        "utf-8",
    )
    info = folder / "shop-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[crosspost.publishers]\nshop = shop_for_crosspost:Shop\nbroken = no_such_module:X\n"
        "odd = shop_for_crosspost:Settings\n"
        "[crosspost.readers]\nrss = shop_for_crosspost:Shop\n"
    )


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "packages"
    folder.mkdir()
    _shop(folder)
    monkeypatch.syspath_prepend(str(folder))
    yield
    sys.modules.pop("shop_for_crosspost", None)


@pytest.mark.usefixtures("installed")
def test_a_package_may_bring_its_own_kind_of_site_and_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    text = (
        BLOG.replace('"export"', '"rss"').replace('"local"', '"shelf"')
        + '[site.shelf]\ntype = "shop"\ntoken = {env = "SHOP_TOKEN"}\nshelf = 3\n'
        + '[rss]\ntoken = "x"\n'
    )
    (blog,) = loaded(tmp_path, text).blogs.values()
    made: Any = blog.sites["shelf"]()
    assert made.settings.token.get_secret_value() == "hunter2"
    assert made.settings.shelf == 3


@pytest.mark.usefixtures("installed")
def test_its_settings_are_checked_like_ours(tmp_path: Path) -> None:
    text = BLOG + SITE + '[site.shelf]\ntype = "shop"\ntokn = "hunter2"\nshelf = "three"\n'
    said = problems(tmp_path, text)
    assert said == [
        "c:9: site.shelf.token: it is missing",
        "c:11: site.shelf.tokn: there is no such setting; did you mean «token»?",
        'c:12: site.shelf.shelf = "three": it is a whole number',
    ]
    token = '[site.a]\ntype = "shop"\ntoken = "hunter2"\n'
    for wrong, told in (
        ('kind = "A"', 'c:12: site.a.kind = "A": it has another form: ^[a-z]$'),
        (
            f'kind = "{"a" * 10}"',
            f'c:12: site.a.kind = "{"a" * 10}": it is at most 9 characters long',
        ),
        ("shelf = 1.5", "c:12: site.a.shelf = 1.5: it is a whole number"),
        ("shelf = 1979-05-27", "c:12: site.a.shelf = 1979-05-27: it is a whole number"),
        ('kind = "z"', "c:9: site.a: the shelf 1 takes no z"),
    ):
        assert only(tmp_path, BLOG + SITE + token + wrong) == told
    assert "did you mean «shop»" in only(tmp_path, BLOG + SITE + '[site.a]\ntype = "shopp"\n')


@pytest.mark.usefixtures("installed")
def test_a_broken_package_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    broken = only(tmp_path, BLOG + SITE + '[site.a]\ntype = "broken"\n')
    assert "cannot be loaded: ModuleNotFoundError" in broken
    assert "is no publisher" in only(tmp_path, BLOG + SITE + '[site.a]\ntype = "odd"\n')


# --- Lines ---


def test_every_key_of_a_tortuous_file_has_its_line() -> None:
    text = '''\
# [not.a.table]
top = """
[[neither]] this
key = "nor this"
"""
"quoted key" = 'a # b'
a.b . "c.d" = [ # comment ]
  1, [2,
  3], {x = 1, y = ["]",
  "}"]},
]

[[blog]] # one
name = "x"
  [blog.author]
  name = "y"
[[blog.link]]
to = 1
[[blog.link]]
to = 2
[[blog]]
name = "\\"]"
literal = \'\'\'
[[blog]]
\'\'\'
[site."my site".deep]
k = 1979-05-27T07:32:00Z
'''
    found = places(text)
    assert {path: line for path, line in found.items() if path[-1] != "b"} == {
        ("top",): 2,
        ("quoted key",): 6,
        ("a",): 7,
        ("a", "b", "c.d"): 7,
        ("a", "b", "c.d", 0): 8,
        ("a", "b", "c.d", 1): 8,
        ("a", "b", "c.d", 1, 0): 8,
        ("a", "b", "c.d", 1, 1): 9,
        ("a", "b", "c.d", 2): 9,
        ("a", "b", "c.d", 2, "x"): 9,
        ("a", "b", "c.d", 2, "y"): 9,
        ("a", "b", "c.d", 2, "y", 0): 9,
        ("a", "b", "c.d", 2, "y", 1): 10,
        ("blog",): 13,
        ("blog", 0): 13,
        ("blog", 0, "name"): 14,
        ("blog", 0, "author"): 15,
        ("blog", 0, "author", "name"): 16,
        ("blog", 0, "link"): 17,
        ("blog", 0, "link", 0): 17,
        ("blog", 0, "link", 0, "to"): 18,
        ("blog", 0, "link", 1): 19,
        ("blog", 0, "link", 1, "to"): 20,
        ("blog", 1): 21,
        ("blog", 1, "name"): 22,
        ("blog", 1, "literal"): 23,
        ("site",): 26,
        ("site", "my site"): 26,
        ("site", "my site", "deep"): 26,
        ("site", "my site", "deep", "k"): 27,
    }
    assert line_of(("blog", 1, "none", "deeper"), found) == 21
    assert line_of(("nothing",), found) == 1


# --- Anything at all ---

SETTINGS = (
    *("language", "timezone", "ledger", "templates", "cache", "blog", "site", "telegram", "export"),
    *("blog.name", "blog.channel", "blog.reader", "blog.site", "blog.author", "blog.rules"),
    *("blog.since", "blog.settle", "blog.no_tags", "blog.on_delete", "blog.author.photo"),
    *("site.local", "site.local.type", "site.local.path", "site.local.url", "preview.preview"),
    *("telegram.api_id", "telegram.api_hash", "telegram.server", "nonsense", '"".x', "preview"),
)
VALUES = (
    *('""', '"x"', '"\\u0000"', '"../../x"', '"ё"', "0", "-1", "1e400", "nan", "true", "[]", "{}"),
    *(
        "[[]]",
        '["local"]',
        "[1]",
        '{env = "PATH"}',
        '{env = "NOPE"}',
        "{file = 5}",
        "{x = {y = []}}",
    ),
    *(
        "0001-01-01",
        "9999-12-31T23:59:59-23:59",
        "07:32:00",
        '{keyring = "\\u0000"}',
        '"99999999d"',
    ),
    f"0x{'F' * 4000}",
)


@given(st.lists(st.tuples(st.sampled_from(SETTINGS), st.sampled_from(VALUES)), max_size=4))
@settings(max_examples=150, deadline=None)
def test_whatever_a_config_says_it_is_read_or_explained(said: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        top = "".join(f"{key} = {value}\n" for key, value in said if not key.startswith("blog."))
        blog = "".join(
            f"{key.removeprefix('blog.')} = {value}\n"
            for key, value in said
            if key.startswith("blog.")
        )
        path = written(Path(folder), top + BLOG + blog + SITE)
        told: tuple[str, ...] = ()
        try:
            load(path)
        except ConfigError as error:
            told = error.problems or ("nothing",)
        assert all(problem.startswith(f"{path}:") for problem in told)
        assert all(len(problem) < 1000 for problem in told)
