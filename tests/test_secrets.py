"""Secrets stay where they were put: they are planted by every way that the config knows, commands
run well and badly, and everything that Crosspost wrote or showed is searched for them."""

import base64
import json
import re
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from pytest_httpserver import HTTPServer
from telegram_server import TelegramServer
from werkzeug import Request, Response

from crosspost import logs
from crosspost.cli import COMMANDS, group, main

pytest.register_assert_rewrite("live_channel")
from live_channel import LiveChannel, live_blog  # noqa: E402

ROOT = Path(__file__).parents[1]
PASSWORD = "Xq7! pläne+zu/Hause=42"
HOOK = "hook-5f1d9c77ab"
CHECK = "5a1f0000-aaaa-bbbb-cccc-00000000c0de"
SECRETS = (PASSWORD, HOOK, CHECK)
WAYS = ("env", "inline", "file", "credential", "keyring")


@dataclass
class Site:
    """A site that answers as it is told, and gives back whatever it was sent: one that is hacked,
    or that an engineer left in debugging mode."""

    server: HTTPServer
    mood: str = "echo 401"
    said: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.server.expect_request(re.compile(".*")).respond_with_handler(self._answer)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server.port}/"

    def _answer(self, request: Request) -> Response:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.seen.add(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue  # it has ended
        given = request.headers.get("Authorization", "")
        self.said.append(given)
        if HOOK in request.path or CHECK in request.path:
            return Response("no", status=500)
        if self.mood == "away":
            return Response("", status=302, headers={"Location": "https://elsewhere.test/"})
        plain = given
        if given.startswith("Basic "):
            plain += " " + base64.b64decode(given[6:]).decode("utf-8", "replace")
        kind, _, status = self.mood.partition(" ")
        if kind == "page":
            return Response(f"<html><title>Error {plain}</title>{plain}</html>", int(status),
                            content_type="text/html")  # fmt: skip
        told = {"code": "debug", "message": f"wrong: {plain}", "data": {"trace": plain}}
        return Response(json.dumps(told), int(status), content_type="application/json")


@pytest.fixture
def site(httpserver: HTTPServer) -> Site:
    return Site(httpserver)


class Place:
    """A blog in a WordPress, with word to a person and a health check; all of them with secrets."""

    def __init__(self, root: Path, way: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.shown = root, ""
        self.kept = root / "kept"
        self.kept.mkdir(parents=True)
        self.way, self._patch = way, monkeypatch
        hook = self._secret("hook", f"json://localhost:{site.server.port}/{HOOK}")
        check = self._secret("check", f"{site.url}ping/{CHECK}")
        self.text = (
            "ledger = 'ledger.db'\ncache = 'cache'\n[[blog]]\nname = 'b'\nchannel = 'channel'\n"
            "reader = 'export'\nsite = 'news'\n[site.news]\ntype = 'wordpress'\ninsecure = true\n"
            f"url = '{site.url}'\nuser = 'author'\ntimeout = 5\n"
            f"password = {self._secret('password', PASSWORD)}\n"
            f"[notify]\nurls = [{hook}]\n[health]\nurl = {check}\ntimeout = '1s'\n"
            "[metrics]\ntextfile = 'crosspost.prom'\n"
        )
        self.write(self.text)
        channel = root / "channel"
        channel.mkdir()
        message = {
            "id": 1,
            "type": "message",
            "date_unixtime": "1746000000",
            "from_id": "channel77",
            "text": "Открыли лавку",
            "text_entities": [{"type": "plain", "text": "Открыли лавку"}],
        }
        export = {"name": "Лавка", "type": "public_channel", "id": 77, "messages": [message]}
        (channel / "result.json").write_text(json.dumps(export), "utf-8")

    @property
    def config(self) -> str:
        return str(self.kept / "crosspost.toml")

    def write(self, text: str) -> None:
        Path(self.config).write_text(
            text.replace("'ledger.db'", "'../ledger.db'")
            .replace("'cache'", "'../cache'")
            .replace("'channel'", "'../channel'")
            .replace("'crosspost.prom'", "'../crosspost.prom'"),
            "utf-8",
        )

    def _secret(self, name: str, value: str) -> str:
        if self.way == "env":
            self._patch.setenv(f"CROSSPOST_{name.upper()}", value)
            return f"{{env = 'CROSSPOST_{name.upper()}'}}"
        if self.way == "file":
            (self.kept / name).write_text(f"{value}\n", "utf-8")
            return f"{{file = '{name}'}}"
        if self.way == "credential":
            self._patch.setenv("CREDENTIALS_DIRECTORY", str(self.kept))
            (self.kept / name).write_text(value, "utf-8")
            return f"{{credential = '{name}'}}"
        if self.way == "keyring":
            import keyring

            known = {**getattr(self, "_ring", {}), name: value}
            self._ring = known
            self._patch.setattr(keyring, "get_password", lambda _service, key: known.get(key))
            return f"{{keyring = '{name}'}}"
        return json.dumps(value)

    def run(self, *words: str) -> int:
        result = CliRunner().invoke(group, ["-c", self.config, *words])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        self.shown += result.output
        return result.exit_code

    def everything(self) -> Iterator[tuple[str, str]]:
        """What was shown, and every file but those that the secrets were put in."""
        yield "the screen", self.shown
        for path in self.root.rglob("*"):
            if path.is_file() and self.kept not in path.parents:
                yield str(path), path.read_bytes().decode("utf-8", "replace")


def leaks(place: Place) -> list[tuple[str, str]]:
    """Where a secret is, in any form in which it could be used."""
    forms = {
        form: secret
        for secret in SECRETS
        for form in (secret, quote(secret), quote(secret, safe=""), repr(secret)[1:-1])
    } | {base64.b64encode(f"author:{PASSWORD}".encode()).decode(): PASSWORD}
    return [
        (where, secret)
        for where, text in place.everything()
        for form, secret in forms.items()
        if form in text or json.dumps(form)[1:-1] in text
    ]


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.setattr(logs, "_secrets", set())
    return Place(tmp_path, getattr(request, "param", "env"), site, monkeypatch)


SLOWER = [pytest.param(way, marks=pytest.mark.slow) for way in WAYS[1:]]
by_every_way = pytest.mark.parametrize("place", [WAYS[0], *SLOWER], indirect=True)


MOODS = ("echo 403", "echo 500", "page 403", "page 500", "page 200", "away")
LOUD = ("-v", "--log", "json")


@pytest.mark.parametrize(
    ("place", "mood"),
    [
        (WAYS[0], "echo 401"),
        *(pytest.param(way, "echo 401", marks=pytest.mark.slow) for way in WAYS[1:]),
        *(("inline", mood) for mood in MOODS if not mood.endswith("500")),
        *(
            pytest.param("inline", mood, marks=pytest.mark.slow)
            for mood in MOODS
            if mood.endswith("500")  # which is asked for again and again
        ),
    ],
    indirect=["place"],
)
def test_a_site_that_gives_the_password_back_finds_no_echo(
    place: Place, site: Site, mood: str
) -> None:
    site.mood = mood
    assert place.run("sync", *LOUD) != 0
    assert any(site.said), "the site was given the password"
    if mood == "echo 401":
        for words in (
            ("sync", "--json", *LOUD),
            ("sync", "--log", "text"),
            ("retry", *LOUD),
            ("resolve", "b/1", "--publish", *LOUD),
            ("backfill", "b", *LOUD),
            ("status", "-v"),
            ("status", "--json"),
            ("show", "b/1", "--json"),
            ("notify", "--test", *LOUD),
            *([("doctor", *LOUD), ("doctor", "--json")] if "doctor" in COMMANDS else ()),
        ):
            place.run(*words)
    assert leaks(place) == []
    assert (place.root / "ledger.db").is_file()
    assert (place.root / "crosspost.prom").is_file()
    assert (place.root / ".ledger.db.told").is_file() or mood.endswith("500")


def test_the_search_finds_what_leaks(place: Place) -> None:
    """Were it not so, the tests here would say nothing."""
    assert leaks(place) == []
    place.shown = f"Basic {base64.b64encode(f'author:{PASSWORD}'.encode()).decode()}"
    (place.root / "log").write_text(f"GET /{CHECK}/start")
    assert {secret for _, secret in leaks(place)} == {PASSWORD, CHECK}


@by_every_way
def test_without_a_site_that_gives_it_back_there_is_nothing_to_conceal(
    place: Place, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets are not shown in the first place; concealing them is only the second line."""
    for name in ("conceal", "concealed"):
        for module in list(sys.modules.values()):
            if module.__name__.startswith("crosspost") and hasattr(module, name):
                monkeypatch.setattr(module, name, lambda text: text)
    site.mood = "away"
    for words in (("sync", *LOUD), ("sync", "--json"), ("notify", "--test"), ("status", "--json")):
        place.run(*words)
    place.write(place.text.replace("http://", "https://"))  # TLS to what speaks none
    assert place.run("sync", *LOUD) == 4
    assert leaks(place) == []


WRONG = (
    ("password =", "pasword ="),
    ("user = 'author'", "user = 12"),
    ("timeout = 5", "timeout = 'soon'"),
    ("[health]\nurl", "[health]\nurls"),
    ("urls = [", "urls = [12, "),
    ("type = 'wordpress'", "type = 'wordpres'"),
    ("[metrics]", "[metrics"),
)


@pytest.mark.parametrize("place", ["inline"], indirect=True)
@pytest.mark.parametrize(("right", "wrong"), WRONG)
def test_a_wrong_config_is_told_without_its_secrets(place: Place, right: str, wrong: str) -> None:
    assert right in place.text
    place.write(place.text.replace(right, wrong))
    assert place.run("sync", *LOUD) == 2
    place.run("sync", "--json")
    assert leaks(place) == []


def test_an_error_of_our_own_is_a_line_without_values(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from crosspost import editor

    def stumble(*_: Any) -> None:
        raise ValueError(f"odd: {PASSWORD}")

    monkeypatch.setattr(editor.Editor, "article", stumble)
    assert place.run("sync", *LOUD) == 1
    place.run("sync")
    monkeypatch.setattr(sys, "argv", ["crosspost", "-c", place.config, "show", "b/1", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    place.shown += said.out + said.err
    assert ended.value.code == 1
    assert re.search(r"^crosspost: Crosspost itself failed \(ValueError: odd: …; .*\)\.", said.err)
    assert "Traceback" not in said.err
    assert leaks(place) == []


def test_nothing_secret_is_in_the_list_of_processes_and_no_core_is_dumped(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, "env", site, monkeypatch)
    words = ["-m", "crosspost", "-c", place.config, "sync", *LOUD]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    place.shown = done.stdout + done.stderr
    assert done.returncode == 4
    assert any("crosspost.toml sync" in line for line in site.seen), "it was seen at work"
    assert not [line for line in site.seen for secret in SECRETS if secret in line]
    assert leaks(place) == []
    code = (
        "import resource, crosspost.cli as c\n"
        "c.group = lambda **_: print(resource.getrlimit(resource.RLIMIT_CORE))\n"
        "c.main()"
    )
    limit = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert limit.stdout == "(0, 0)\n"
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0 or limit.stdout


def test_a_session_and_the_key_of_the_account_are_nowhere_else(tmp_path: Path) -> None:
    with TelegramServer() as server:
        session = server.session()
        LiveChannel(server).post()
        blog = live_blog(tmp_path / "blog", server, session=session)
        shown = blog.run("sync", *LOUD).text
        server.revoke()
        answer = blog.run("sync", *LOUD)
        assert answer.code == 3
        shown += answer.text + blog.run("channels", *LOUD).text
        config = blog.root / "crosspost.toml"
        files = [path for path in blog.root.rglob("*") if path.is_file() and path != config]
    for secret in (session, "0123456789abcdef"):
        assert secret not in shown
        for path in files:
            assert secret.encode() not in path.read_bytes(), path


def test_what_is_private_is_readable_by_its_owner_alone(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, "env", site, monkeypatch)
    place.run("sync")
    ours = ("ledger.db", ".ledger.db.b.lock", ".ledger.db.told", ".ledger.db.told.lock")
    modes = {name: stat.S_IMODE((place.root / name).stat().st_mode) for name in ours}
    assert modes == dict.fromkeys(ours, 0o600)
    for folder in (place.root / "cache", place.root / "cache" / "b"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_only_these_modules_open_connections() -> None:
    """Content names no address that anything here goes to, but where the preview reader's own guard
    stands (crosspost/readers/preview/_web.py). A new way out is to be looked at, and listed."""
    ways = re.compile(
        r"^\s*(?:import|from) (?:requests|urllib\.request|http\.client|socket|telethon|ftplib"
        r"|smtplib|apprise|aiohttp|httpx|websockets)\b",
        re.MULTILINE,
    )
    found = {
        path.relative_to(ROOT / "crosspost").as_posix()
        for path in (ROOT / "crosspost").rglob("*.py")
        if ways.search(path.read_text("utf-8"))
    }
    inside = {name for name in found if name.split("/")[0] not in ("publishers", "readers")}
    assert inside <= {
        "cli/_systemd.py",  # tells systemd, over a socket of this machine
        "cli/_voice.py",  # asks for this machine's name
        "doctor/_way.py",  # to the config's sites
        "doctor/_steps.py",
        "doctor/_net.py",
        "health.py",  # to the config's check
        "notify/_send.py",  # to the config's addresses
    }
    assert {name for name in found if name.startswith("readers/")} - {"readers/telegram"} == {
        name for name in found if name.startswith(("readers/telegram/", "readers/preview/_web.py"))
    }


# --- SECURITY.md and the lock file ------------------------------------------------------------


def test_every_test_that_the_threat_model_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", (ROOT / "SECURITY.md").read_text("utf-8")))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / "tests" / name).is_file()] == []


def test_every_dependency_is_locked_with_the_hashes_of_its_files() -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    locked: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", text):
        if found := re.match(r"([\w.-]+)==(\S+)", entry):
            locked[canonicalize_name(found[1])] = found[2]
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), found[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    for one in map(Requirement, chain(project["dependencies"], *extras)):
        version = locked.get(canonicalize_name(one.name))
        assert version, f"{one.name} is not in requirements.lock: run scripts/lock"
        assert version in one.specifier, f"{one} is locked at {version}: run scripts/lock"


# --- The static site --------------------------------------------------------------------------


@pytest.mark.slow
def test_every_page_of_the_static_site_forbids_scripts_and_other_hosts(tmp_path: Path) -> None:
    from bs4 import BeautifulSoup

    config = (
        (ROOT / "config.example.toml").read_text("utf-8").replace("examples/", f"{ROOT}/examples/")
    )
    (tmp_path / "crosspost.toml").write_text(f'cache = "cache"\n{config}', "utf-8")
    CliRunner().invoke(group, ["-c", str(tmp_path / "crosspost.toml"), "sync"])
    pages = list((tmp_path / "public").rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        tree = BeautifulSoup(page.read_text("utf-8"), "lxml")
        policy = tree.find("meta", {"http-equiv": "Content-Security-Policy"})
        assert policy is not None, page
        assert policy["content"] == (
            "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; "
            "base-uri 'none'; form-action 'none'"
        )
        before = [one.name for one in policy.find_all_previous()]
        assert set(before) <= {"html", "head", "meta"}, "nothing is loaded before it counts"
        for data in tree.select("script"):  # what describes the page to search engines
            assert data["type"] == "application/ld+json"
            json.loads(data.get_text())
        assert not tree.select("iframe, object, embed, form, base, [style], style")
        assert not [one for one in tree.find_all(True) for key in one.attrs if key.startswith("on")]
        for one in tree.select("[src], link[rel~=stylesheet]"):
            assert "//" not in str(one.get("src") or one.get("href")), page
