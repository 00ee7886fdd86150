"""Documentation that lies fails here."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import pytest
from click.testing import CliRunner
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from crosspost.cli import COMMANDS, group
from crosspost.config import READERS, load
from crosspost.config._settings import AuthorSettings, BlogSettings, ConfigSettings
from crosspost.deliver import Outcome
from crosspost.errors import ConfigError
from crosspost.publishers import Context, Publisher
from crosspost.publishers.static import StaticPublisher
from crosspost.readers.export import ExportReader
from crosspost.readers.preview import PreviewReader
from crosspost.readers.telegram import TelegramReader
from crosspost.rules import RuleSet

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
    "`[site.NAME]` of type `static`": StaticPublisher.Settings,
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
