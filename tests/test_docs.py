"""Documentation that lies fails here."""

import importlib.util
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import pytest
from click.testing import CliRunner
from pydantic import BaseModel, SecretStr, TypeAdapter

from crosspost.cli import COMMANDS, group
from crosspost.config import PUBLISHERS, READERS, draft, load
from crosspost.config._settings import (
    AuthorSettings,
    BlogSettings,
    ConfigSettings,
    FooterSettings,
    HealthSettings,
    MetricsSettings,
    NotifySettings,
    RuleSettings,
)
from crosspost.deliver import Outcome
from crosspost.errors import ConfigError
from crosspost.ledger import Run, State
from crosspost.markup import text_of
from crosspost.model import Author, Channel, Media, Post, Remote
from crosspost.normalize import Style, normalize
from crosspost.pipeline import Difference
from crosspost.publishers import Context, Publisher
from crosspost.publishers.form import FormPublisher
from crosspost.publishers.ghost import GhostPublisher
from crosspost.publishers.static import StaticPublisher
from crosspost.publishers.wordpress import WordPressPublisher
from crosspost.readers.export import ExportReader
from crosspost.readers.preview import PreviewReader
from crosspost.readers.telegram import TelegramReader
from crosspost.rules import KINDS, LANGUAGES, Rule, RuleSet

pytest.register_assert_rewrite("contract.publisher_contract")
from contract.publisher_contract import PublisherContract, World  # noqa: E402

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"

_ROW = re.compile(r"^\| `(\w+)` \|(.*)\|$", re.MULTILINE)


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def sections(text: str) -> dict[str, str]:
    """The parts of a page by their headings of the second level."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(section: str) -> dict[str, list[str]]:
    """The cells of the table's rows, by the name in the first."""
    found = {}
    for match in _ROW.finditer(section):
        assert match[1] not in found, f"{match[1]} stands there twice"
        found[match[1]] = [cell.strip() for cell in match[2].split("|")]
    return found


def blocks(text: str, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [inside for name, inside in found if name == language]


# --- docs/configuration.md ---

MODELS: dict[str, type[BaseModel]] = {
    "The top of the file": ConfigSettings,
    "`[[blog]]`": BlogSettings,
    "`[blog.author]`": AuthorSettings,
    "`[blog.footer]`": FooterSettings,
    "`[[blog.rule]]`": RuleSettings,
    "`[site.NAME]` of type `static`": StaticPublisher.Settings,
    "`[site.NAME]` of type `wordpress`": WordPressPublisher.Settings,
    "`[site.NAME]` of type `ghost`": GhostPublisher.Settings,
    "`[site.NAME]` of type `form`": FormPublisher.Settings,
    "`[notify]`": NotifySettings,
    "`[metrics]`": MetricsSettings,
    "`[health]`": HealthSettings,
    "`[export]`": ExportReader.Settings,
    "`[preview]`": PreviewReader.Settings,
    "`[telegram]`": TelegramReader.Settings,
}
RULES = "`[blog.rules]`"


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@pytest.mark.parametrize("heading", MODELS)
def test_every_setting_is_explained_and_none_is_made_up(heading: str) -> None:
    found = rows(sections(page("configuration.md"))[heading])
    found.pop("type", None)
    assert sorted(found) == sorted(MODELS[heading].model_fields)


def test_every_table_of_settings_is_known_here() -> None:
    headings = {name for name in sections(page("configuration.md")) if name.startswith("`")}
    assert headings == {*MODELS, RULES} - {"The top of the file"}
    assert {f"`[{kind}]`" for kind in READERS} <= headings
    assert {f"`[site.NAME]` of type `{kind}`" for kind in PUBLISHERS} <= headings


def _described() -> Iterator[tuple[str, str]]:
    for heading, model in MODELS.items():
        for name in model.model_fields:
            yield heading, name


@pytest.mark.parametrize(("heading", "name"), list(_described()))
def test_a_settings_default_and_example_are_true(heading: str, name: str) -> None:
    field = MODELS[heading].model_fields[name]
    kind, default, what, example = rows(sections(page("configuration.md"))[heading])[name]
    assert kind
    assert len(what) > 10
    typed: Any = field.annotation
    typed = Annotated[typed, *field.metadata] if field.metadata else typed
    adapter: TypeAdapter[Any] = TypeAdapter(typed)
    if default:
        told = tomllib.loads(f"x = {default.strip('`')}")["x"]
        assert _plain(adapter.validate_python(told)) == _plain(field.default)
    else:
        empty = field.default in ("", None, {}) or isinstance(field.default, BaseModel)
        assert field.is_required() or empty
    if example:
        (given,) = tomllib.loads(example.strip("`")).items()
        assert given[0] == name
        if not isinstance(given[1], dict) or "env" not in given[1]:
            adapter.validate_python(given[1])
        assert given[1] != field.default or name == "preview"
    if field.annotation and get_args(field.annotation) and "keep" in get_args(field.annotation):
        assert all(f"`{word}`" in what for word in get_args(field.annotation))


def test_every_rule_is_explained() -> None:
    found = rows(sections(page("configuration.md"))[RULES])
    assert list(found) == list(RuleSet.__struct_fields__)
    for name, (_, default, _, example) in found.items():
        assert default == f'`"{getattr(RuleSet(), name)}"`'
        msgspec.convert(tomllib.loads(example.strip("`")), RuleSet)


def test_the_kinds_days_and_languages_a_rule_may_ask_for_are_named() -> None:
    found = rows(sections(page("configuration.md"))["`[[blog.rule]]`"])
    assert re.findall(r"`(\w+)`", found["kind"][2]) == list(KINDS)
    assert re.findall(r"`(\w+)`", found["language"][2]) == list(LANGUAGES)
    assert list(found) == list(Rule.__struct_fields__)


def test_the_rules_on_the_page_do_what_the_page_says(place: Path) -> None:
    example, hold = blocks(page("rules.md"), "toml")
    RuleSettings(**tomllib.loads(hold)["rule"][0])
    (place / "crosspost.toml").write_text(
        example.replace("@masterskaya", "channel").replace('"preview"', '"export"'), "utf-8"
    )
    export = json.loads((place / "channel" / "result.json").read_text("utf-8"))
    export["messages"] = [
        _message(12, "Отпуск\n\nЯ на две недели в горы.\n\n#личное"),
        _message(15, "Ярмарка переехала\n\nНа Ленина, 5.", forwarded_from="Город"),
        _message(17, "Вакансия\n\nИщем столяра."),
        _message(18, "Без воды до вторника\n\nНе будет.", forwarded_from="Водоканал"),
    ]
    (place / "channel" / "result.json").write_text(json.dumps(export, ensure_ascii=False))
    config = (place / "crosspost.toml").read_text("utf-8")
    before = config.replace('hashtag = "личное"', 'hashtag = "другое"')
    (place / "crosspost.toml").write_text(before, "utf-8")
    answer("sync")
    (place / "crosspost.toml").write_text(config, "utf-8")
    result = CliRunner().invoke(group, ["rules", "try", "business"])
    (session,) = [one for one in blocks(page("rules.md"), "") if "rules try" in one]
    assert "$ crosspost rules try business\n" + result.stdout == session


@pytest.mark.usefixtures("place")
def test_rules_try_is_the_documented_object() -> None:
    answer("sync")
    tried = answer("rules", "try")
    assert set(tried) == keys("The object of `rules`")
    (blog,) = tried["blogs"]
    assert set(blog) == {"blog", "posts"}
    assert all(set(post) == keys("A post in `posts` of `rules`") for post in blog["posts"])
    assert [post["action"] for post in blog["posts"]] == ["publish", "publish", "hold"]


def test_the_config_on_the_page_works(tmp_path: Path) -> None:
    (example,) = blocks(page("configuration.md"), "toml")
    path = tmp_path / "crosspost.toml"
    path.write_text(example, "utf-8")
    assert list(load(path).blogs) == ["business"]


def test_the_problems_on_the_page_are_told_so(tmp_path: Path) -> None:
    (example,) = blocks(page("configuration.md"), "toml")
    wrong = example.replace("Asia/Omsk", "Asia/Osmk").replace(
        'credit  = "из блога автора"', 'on_delete = "drfat"'
    )
    path = tmp_path / "crosspost.toml"
    path.write_text(wrong, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    told = [p.replace(str(path), "crosspost: crosspost.toml") for p in caught.value.problems]
    assert blocks(page("configuration.md"), "")[0].splitlines() == told


def test_the_example_config_names_only_settings_that_exist() -> None:
    load(ROOT / "config.example.toml")


def test_the_page_says_which_settings_must_be_there() -> None:
    paragraph = page("configuration.md").partition("These must be there:")[2].partition("\n\n")[0]
    told = re.findall(r"`(\w+)`", paragraph)
    models = (
        BlogSettings,
        StaticPublisher.Settings,
        WordPressPublisher.Settings,
        GhostPublisher.Settings,
        FormPublisher.Settings,
    )
    needed = {n for one in models for n, field in one.model_fields.items() if field.is_required()}
    kinds = {"static", "wordpress", "ghost", "form", "type"}
    assert {*told} == needed | kinds | {"api_id", "api_hash"}


def test_the_example_config_names_every_reader() -> None:
    line = re.search(r"^reader .*# (.*)$", (ROOT / "config.example.toml").read_text("utf-8"), re.M)
    assert line is not None
    assert line[1].split(" | ") == [*READERS]


# --- docs/commands.md ---


def _help(*words: str) -> str:
    result = CliRunner().invoke(group, [*words, "--help"], prog_name="crosspost", terminal_width=80)
    assert result.exit_code == 0
    return result.output


def test_the_help_of_every_command_stands_in_the_docs_word_for_word() -> None:
    text = page("commands.md")
    for command in ("", *COMMANDS):
        told = _help(*command.split())
        heading = f"## `crosspost {command}`" if command else "## `crosspost`"
        pattern = re.compile(rf"({re.escape(heading)}\n.*?```\n).*?(```)", re.DOTALL)
        assert pattern.search(text), f"{heading} is missing"
        text = pattern.sub(lambda match, told=told: f"{match[1]}{told}{match[2]}", text, count=1)
    if UPDATE:
        (DOCS / "commands.md").write_text(text, "utf-8")
    assert text == page("commands.md"), "run UPDATE_GOLDEN=1 pytest tests/test_docs.py"
    assert [name for name in sections(text) if name.startswith("`crosspost ")] == [
        f"`crosspost {command}`" for command in COMMANDS
    ]


def test_every_exit_code_is_explained() -> None:
    codes = {match[1] for match in re.finditer(r"^\| (\d) \|", page("commands.md"), re.MULTILINE)}
    assert codes == {str(code) for code in range(8)}


# --- docs/reports.md ---

CONFIG = """\
language = "ru"
timezone = "Asia/Omsk"
cache = "cache"
[[blog]]
name = "business"
channel = "channel"
reader = "export"
site = "local"
[site.local]
type = "static"
path = "public"
"""
AD = "Реклама. ООО «Мука», erid: 2VtzqwErTy5"


def _message(number: int, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(1_746_000_000 + 3600 * number),
        "from": "Лавка",
        "from_id": "channel77",
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
    } | more


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config and a channel with a post, one without its photo, and an advertisement."""
    (tmp_path / "crosspost.toml").write_text(CONFIG, "utf-8")
    (tmp_path / "channel").mkdir()
    export = {
        "name": "Лавка",
        "type": "public_channel",
        "id": 77,
        "messages": [
            _message(1, "Открыли лавку\n\nНа Ленина, 5."),
            _message(2, "Витрина", photo="(File not included. Change data exporting settings)"),
            _message(3, AD),
        ],
    }
    (tmp_path / "channel" / "result.json").write_text(json.dumps(export, ensure_ascii=False))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(group, [*words, "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def keys(heading: str) -> set[str]:
    return set(rows(sections(page("reports.md"))[heading]))


@pytest.mark.usefixtures("place")
def test_the_report_is_the_documented_object() -> None:
    report = answer("sync")
    documented = keys("The report of `sync`, `backfill`, `resolve` and `edit`")
    assert set(report) == documented
    assert set(answer("backfill", "business")) == documented
    assert set(answer("resolve", "3", "--publish")) == documented
    assert set(answer("edit", "1", "--headline", "Лавка")) == documented
    assert {one["what"] for one in report["posts"]["created"]} == {"created"}
    post = "A post in `posts` (sparse)"
    assert keys(post) == set(Outcome.__struct_fields__)
    assert set(report["posts"]["held"][0]) <= keys(post)
    assert report["notes"]
    assert all(set(note) == keys("A note in `notes`") for note in report["notes"])


def test_errors_are_the_documented_objects(place: Path) -> None:
    (place / "channel" / "result.json").unlink()
    (error,) = answer("sync")["errors"]
    assert set(error) == keys("An error in `errors`")
    refused = answer("sync", "-c", "none.toml")
    assert set(refused) == keys("What could not begin")
    assert set(refused["errors"][0]) == keys("An error in `errors`")


@pytest.mark.usefixtures("place")
def test_status_is_the_documented_object() -> None:
    for _ in range(2):
        status = answer("status")
        assert set(status) == keys("The object of `status`")
        (blog,) = status["blogs"]
        assert set(blog) == keys("A blog in `blogs`")
        answer("sync")
    assert keys("A run in `run` (sparse)") == set(Run.__struct_fields__)
    assert set(blog["run"]) <= keys("A run in `run` (sparse)")
    (site,) = blog["sites"]
    assert set(site) == keys("A site in `sites`")
    (waiting,) = site["waiting"]
    assert set(waiting) == keys("A post in `waiting`")
    states = rows(sections(page("reports.md"))["A site in `sites`"])["states"][1]
    assert {*re.findall(r"`(\w+)`", states)} == {*get_args(State)}


@pytest.mark.usefixtures("place")
def test_show_preview_and_init_are_the_documented_objects() -> None:
    report = answer("sync")
    shown = answer("show", "1")
    assert set(shown) == keys("The object of `show`")
    assert set(shown["verdict"]) == {"action", "reason", "rule"}
    preview = answer("preview", "--no-open", "-o", "sheet.html")
    assert set(preview) - set(report) == keys("The object of `preview`")
    assert set(answer("init", "channel", "-c", "other.toml")) == keys("The object of `init`")


@pytest.mark.usefixtures("place")
def test_verify_and_undo_are_the_documented_objects() -> None:
    answer("sync")
    (run,) = answer("undo")["runs"]
    assert set(run) == keys("A run in `runs` of `undo`") | set(Run.__struct_fields__)
    for page_of_post in Path("public").glob("*/1-*.html"):
        page_of_post.unlink()
    (found,) = answer("verify")["differences"]
    assert set(found) == keys("A difference in `differences`")
    kinds = rows(sections(page("reports.md"))["A difference in `differences`"])["what"][1]
    assert {*re.findall(r"`(\w+)`", kinds)} == {*get_args(Difference.__annotations__["what"])}


@pytest.mark.usefixtures("place")
def test_doctor_answers_the_documented_object() -> None:
    told = answer("doctor")
    assert set(told) == keys("The object of `doctor`")
    assert all(set(step) == keys("A step in `steps`") for step in told["steps"])


def test_every_command_that_answers_in_json_is_documented() -> None:
    text = page("reports.md")
    assert [name for name in COMMANDS if f"`{name}`" not in text] == ["completion"]


# --- docs/templates.md ---


def _templates() -> set[str]:
    folder = ROOT / "crosspost" / "templates"
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    return {name for name in found if not name.startswith(("sheet/", "systemd/"))}


def test_every_template_is_named() -> None:
    section = sections(page("templates.md"))["Which there are"]
    named = {name for line in section.splitlines() if line.startswith("|")
             for name in re.findall(r"`([a-z]+/[a-z]+\.\w+)`", line)}  # fmt: skip
    assert named == _templates()


def test_the_examples_of_templates_do_what_the_page_says(place: Path) -> None:
    answer("sync")
    (macro,), (rule,) = (blocks(page("templates.md"), name) for name in ("jinja", "css"))
    for name in ("article/ru.html", "static/style.css"):
        text = (ROOT / "crosspost" / "templates" / name).read_text("utf-8")
        if name.startswith("article"):
            ours = re.search(r"^{% macro attribution\(url\) %}.*$", text, re.MULTILINE)
            assert ours is not None
            text = text.replace(ours[0], macro.rstrip())
        else:
            text += rule
        copy = place / "templates" / name
        copy.parent.mkdir(parents=True)
        copy.write_text(text, "utf-8")
    (setting,) = blocks(page("templates.md"), "toml")
    (place / "crosspost.toml").write_text(setting + CONFIG, "utf-8")
    assert answer("sync")["updated"] == 2
    (article,) = (place / "public" / "business").glob("1-*.html")
    assert "Первоисточник: " in article.read_text("utf-8")
    styles = "".join(path.read_text("utf-8") for path in (place / "public").rglob("*.css"))
    assert rule in styles
    assert answer("sync")["read"] == 0


# --- docs/adding-a-site.md, docs/adding-a-reader.md ---


def _module(name: str, folder: Path) -> Any:
    """The page's complete example, as a package would bring it."""
    (code,) = blocks(page(name), "python")
    stem = re.search(r'= "(\w+):(\w+)"', page(name))
    assert stem is not None
    path = folder / f"{stem[1]}.py"
    path.write_text(code, "utf-8")
    spec = importlib.util.spec_from_file_location(stem[1], path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[stem[1]] = module
    spec.loader.exec_module(module)
    return getattr(module, stem[2])


class FolderWorld:
    """A folder of HTML files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, folder / "site"
        self.kind = _module("adding-a-site.md", folder)

    def make(self) -> Publisher:
        settings = self.kind.Settings(path=Path("site"), url="https://example.com/blog/")
        made: Publisher = self.kind.open(settings, Context(name="local", base=self.folder))
        return made

    def _path(self, remote: Remote) -> Path:
        return self.site / remote.url.rpartition("/")[2]

    def public(self, remote: Remote) -> str | None:
        from bs4 import BeautifulSoup

        path = self._path(remote)
        if not path.exists():
            return None
        found = BeautifulSoup(path.read_text("utf-8"), "lxml")
        assert not found.select("script, [onclick], [onerror]")
        return found.get_text(" ", strip=True)

    def edit(self, remote: Remote, words: str) -> None:
        path = self._path(remote)
        path.write_text(path.read_text("utf-8").replace("<div>", f"<div>{words} "), "utf-8")

    def retitle(self, remote: Remote, title: str) -> None:
        path = self._path(remote)
        page = re.sub("<h1>.*?</h1>", f"<h1>{title}</h1>", path.read_text("utf-8"))
        path.write_text(page, "utf-8")

    def delete(self, remote: Remote) -> None:
        self._path(remote).unlink()

    def articles(self) -> int:
        return len(list(self.site.glob("*.html")))

    def files(self) -> int:
        return len(list((self.site / "media").glob("*")))

    def picture(self, number: int = 0) -> Path:
        from PIL import Image

        path = self.folder / f"photo-{number}.png"
        Image.new("RGB", (40, 30), (90 * number, 60, 30)).save(path)
        return path


class TestTheSiteOnThePage(PublisherContract):
    """The example of docs/adding-a-site.md keeps what all publishers promise."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return FolderWorld(tmp_path)


@pytest.fixture
def installed(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both examples, installed as the pages say."""
    folder = place / "packages"
    info = folder / "examples-1.0.dist-info"
    info.mkdir(parents=True)
    points = ""
    for name in ("adding-a-site.md", "adding-a-reader.md"):
        _module(name, folder)
        lines = page(name).partition("```toml\n")[2].partition("```")[0].splitlines()
        points += "\n".join(line.strip() for line in lines).replace('"', "") + "\n"
    points = points.replace("[project.entry-points.", "[")
    (info / "entry_points.txt").write_text(points)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: examples\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(folder))
    return place


def test_the_reader_and_the_site_on_the_pages_work_together(installed: Path) -> None:
    diary = installed / "diary.txt"
    diary.write_text("Открыл лавку\n\nПродал первый пирог", "utf-8")
    config = CONFIG.replace('"export"', '"diary"').replace('"channel"', '"diary.txt"')
    config = config.partition("[site.local]")[0] + "[diary]\nyear = 2024\n"
    site = '[site.local]\ntype = "folder"\npath = "site"\nurl = "https://example.com/"\n'
    (installed / "crosspost.toml").write_text(config + site, "utf-8")
    assert answer("sync")["created"] == 2
    assert answer("sync")["read"] == 0
    diary.write_text("Открыл лавку и угощаю\n\nПродал первый пирог\n\nЗакрыл лавку", "utf-8")
    report = answer("sync")
    assert (report["created"], report["updated"]) == (1, 1)
    diary.write_text("Открыл лавку и угощаю", "utf-8")
    assert answer("sync")["withdrawn"] == 2
    assert len(list((installed / "site").glob("*.html"))) == 1


# --- docs/articles.md ---


def test_the_post_on_the_page_becomes_the_article_on_the_page() -> None:
    (text,) = (block.rstrip("\n") for block in blocks(page("articles.md"), "text"))
    post = Post(
        id=12,
        ids=(12,),
        date=datetime(2025, 5, 1, 9, tzinfo=UTC),
        text=text,
        media=(Media(kind="photo", locator="12/0"),),
    )
    channel = Channel(id=1, username="masterskaya", title="Мастерская")
    author = Author(name="Павел Сомов")
    style = Style(blog="business", channel=channel, author=author, language="ru")
    made = normalize(post, style)
    removed = [
        text[s.start : s.end] for s in made.spans if s.reason == "only leads to this channel"
    ]
    table = sections(page("articles.md"))["An example"].rpartition("|---|---|\n")[2].strip()
    told = dict(line.strip("| ").split(" | ") for line in table.splitlines())
    assert told == {
        "headline": made.title,
        "lead": made.lead,
        "body": text_of(made.body),
        "caption": made.figures[0].caption,
        "attribution": text_of(made.attribution),
        "credit": made.credit,
        "tags": ", ".join(made.tags),
        "removed": removed[0],
    }


def test_the_shortest_name_of_a_channel_is_the_one_on_the_page() -> None:
    row = re.search(r"no name that a channel can have \|.*", page("telegram.md"))
    assert row is not None
    assert "four or more" in row[0]
    assert draft.guess("@shop", ROOT).channel == "@shop"
    with pytest.raises(ConfigError, match="four"):
        draft.guess("@sho", ROOT)


def test_pages_lead_somewhere() -> None:
    for path in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            assert (DOCS / target).exists(), f"{path.name} leads to {target}"
