"""``crosspost init --site`` proposes a map of a form from what its labels say."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crosspost.cli import group
from crosspost.publishers import Context
from crosspost.publishers.form import FormPublisher, FormSettings

pytest.register_assert_rewrite(
    "contract.publisher_contract", "sites.desk", "sites.news", "sites.classic", "sites.plain"
)
from contract.publisher_contract import PHOTO, article  # noqa: E402
from sites.classic import Classic  # noqa: E402
from sites.desk import Desk  # noqa: E402
from sites.newsroom import PEOPLE  # noqa: E402
from sites.plain import Plain  # noqa: E402

pytest_plugins = ("sites.desk", "sites.news", "sites.classic", "sites.plain")
pytestmark = pytest.mark.servers

GOLDEN = Path(__file__).parent / "golden" / "form"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(site: str, user: str, password: str, *more: str) -> Result:
    words = ["init", "@masterskaya", "--site", site, "--user", user, *more]
    return CliRunner().invoke(group, words, env={"CMS_PASSWORD": password, "LANG": "ru_RU.UTF-8"})


def proposed(url: str, user: str, password: str) -> dict[str, Any]:
    """The site's table that is written; it is the one that stands on the disk as it should be."""
    result = init(url, user, password)
    assert result.exit_code == 0, result.output
    text = Path("crosspost.toml").read_text("utf-8")
    assert password not in text.replace(f'user = "{user}"', "")
    table: dict[str, Any] = tomllib.loads(text)["site"]["newsroom"]
    table["login"]["password"] = password
    return table


def compare(name: str, url: str) -> None:
    text = Path("crosspost.toml").read_text("utf-8").replace(url, "https://cms.example.com")
    text = text[text.index("[site.newsroom]") :]
    path = GOLDEN / f"{name}.toml"
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def opened(table: dict[str, Any], folder: Path) -> FormPublisher:
    context = Context(name="newsroom", base=folder, language="ru", timezone="Asia/Omsk")
    given = {key: value for key, value in table.items() if key != "type"}
    return FormPublisher.open(FormSettings(**given), context)


def test_a_map_of_djangos_admin_works_as_it_is_proposed(desk: Desk, here: Path) -> None:
    table = proposed(f"{desk.site.url}/admin/news/article/add/", "editor", PEOPLE["editor"])
    compare("django", desk.site.url)
    site = opened(table, here)
    assert all(finding.ok for finding in site.check(write=True))
    remote = site.put(article(lead="Вступление"), {}, None)
    assert "Слово за слово" in (desk.public(remote) or "")
    site.close()


def test_a_map_of_the_classic_editor_works_as_it_is_proposed(classic: Classic, here: Path) -> None:
    table = proposed(f"{classic.site.url}/wp-admin/post-new.php", "blogger", "blogger")
    compare("wordpress", classic.site.url)
    site = opened(table, here)
    upload = site.upload(classic.picture(), PHOTO)
    remote = site.put(article(tags=("хлеб",)), {0: upload}, None)
    assert "Слово за слово" in (classic.public(remote) or "")
    site.close()


def test_a_map_of_a_plain_page_says_where_to_look(plain: Plain, here: Path) -> None:
    table = proposed(f"{plain.url}/article", "author", "пароль")
    compare("plain", plain.url)
    table["find"] = {"page": "/list", "link": 'tr:has(td:-soup-contains("{slug}")) a'}
    table["accepted"] = "Статья сохранена"
    site = opened(table, here)
    site.put(article(), {}, None)
    (stored,) = plain.stored().values()
    assert (stored["title"], stored["code"], stored["day"]) == (
        "Запись 1",
        "post-1-business",
        "01.05.2025",
    )
    site.close()


def test_what_was_done_is_told_in_one_sentence(desk: Desk) -> None:
    result = init(f"{desk.site.url}/admin/news/article/add/", "editor", PEOPLE["editor"])
    assert "Fields that are filled: 10; that stay as the form gives them: 2" in result.output
    assert "lines that say «look», to be corrected: 2. The password is read" in result.output
    assert re.search(
        r"time zone that the config names \([\w/]+\): is it the CMS's\?", result.output
    )


def test_an_author_whom_the_form_has_is_chosen(desk: Desk) -> None:
    page = f"{desk.site.url}/admin/news/article/add/"
    init(page, "editor", PEOPLE["editor"], "--author", "Павел Столяров")
    text = Path("crosspost.toml").read_text("utf-8")
    assert 'author = {field = "author", value = "Павел Столяров"}\n' in text


@pytest.mark.parametrize(
    ("path", "user", "told"),
    [
        ("/admin/", "editor", "shows no form with a title and a text"),
        ("/admin/news/nothing/add/", "editor", "has no page /admin/news/nothing/add/"),
        ("/admin/news/article/add/", "nobody", "does not let «nobody» in"),
        ("", "editor", "is no page with a form"),
        ("/admin/news/article/add/", "", "asks who you are: say it with --user NAME"),
    ],
)
def test_a_page_that_is_none_is_told_and_nothing_is_written(
    desk: Desk, path: str, user: str, told: str
) -> None:
    result = init(f"{desk.site.url}{path}", user, PEOPLE["editor"])
    assert result.exit_code != 0
    assert told in str(result.exception or "") + result.output
    assert not Path("crosspost.toml").exists()


@pytest.mark.parametrize("address", ["http://[x", "http://x:999999/add/", "cms.example.com/add/"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    result = init(address, "anna", "x")
    assert "is no page with a form" in str(result.exception or "") + result.output


def test_an_address_with_a_password_in_it_is_not_repeated() -> None:
    result = init("https://anna:тайна@cms.example.com/add/", "anna", "x")
    assert result.exit_code != 0
    told = str(result.exception or "") + result.output
    assert "is no page with a form" in told
    assert "тайна" not in told
