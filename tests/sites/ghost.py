"""A real Ghost: its code from npm, run by Node, its database in SQLite.

    code()         the installed code, kept for the next time
    Ghost(folder)  one site in ``folder``: started, emptied, stopped

The code lies in ``$CROSSPOST_TEST_SERVERS``, else ``~/.cache/crosspost-tests``; what npm gives is
compared with the hash below. A machine without Node or a compiler fails these tests by name.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any, Final

import requests
from filelock import FileLock

VERSION: Final = "5.130.6"
"""The last line that runs on Node 20; Ghost 6 wants 22."""
INTEGRITY: Final = (
    "sha512-"
    "CAWqPKt+7ws+/1NrVmvuiWiDZDEtutiu7niVMTku9uM29MjfNFFUVKM3giQBpZGZrUORXkWiXSlqbry4QGVrBw=="
)
MARK: Final = 1
"""Raised when the way the code is laid out changes."""
NODES: Final = (18, 20, 22)
OWNER: Final = {"email": "owner@example.com", "password": "a-test-of-crosspost"}
NAME: Final = "Городская газета"
_INSTALL: Final = (
    "--omit=dev", "--legacy-peer-deps", "--ignore-scripts", "--no-audit",
    "--no-fund",
)  # fmt: skip


def code() -> Path:
    """Ghost's files, ready to run. The first time takes about three minutes."""
    for name, remedy in (
        ("node", "apt-get install nodejs libnode-dev"),
        ("npm", "apt-get install npm"),
        ("make", "apt-get install build-essential"),
        ("g++", "apt-get install build-essential"),
    ):
        assert shutil.which(name), f"Ghost's tests need {name}: {remedy} (scripts/test)"
    found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    major = int(re.sub(r"\D.*", "", found.strip().removeprefix("v")) or 0)
    assert major in NODES, f"Ghost {VERSION} runs on Node 18, 20 and 22, not on {found.strip()}"
    given = os.environ.get("CROSSPOST_TEST_SERVERS")
    cache = Path(given) if given else Path.home() / ".cache" / "crosspost-tests"
    cache.mkdir(parents=True, exist_ok=True)
    ready = cache / f"ghost-{VERSION}-{MARK}"
    with FileLock(cache / "ghost.lock"):
        if not ready.is_dir():
            making = cache / "ghost.making"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            _build(making)
            (making / "package").rename(ready)
            shutil.rmtree(making)
    return ready


def _build(making: Path) -> None:
    headers = _headers()
    _npm(making, "pack", "--silent", f"ghost@{VERSION}")
    (tarball,) = making.glob("*.tgz")
    found = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    assert f"sha512-{found}" == INTEGRITY, "npm gave another Ghost than the one we know"
    with tarfile.open(tarball) as archive:
        archive.extractall(making, filter="data")
    package = making / "package"
    told = json.loads((package / "package.json").read_text())
    # npm resolves even what it omits, and some of that lives outside the registry
    for name in ("devDependencies", "scripts"):
        told.pop(name, None)
    (package / "package.json").write_text(json.dumps(told))
    _npm(package, "install", *_INSTALL)
    _npm(package, "rebuild", "sqlite3", npm_config_nodedir=str(headers))
    assert list((package / "node_modules/sqlite3/build/Release").glob("*.node")), "no SQLite built"


def _headers() -> Path:
    """The folder whose include/node has Node's headers, which SQLite's binding is built with."""
    node = Path(shutil.which("node") or "").resolve()
    for folder in (node.parent.parent, Path("/usr"), Path("/usr/local")):
        if (folder / "include/node/node_api.h").is_file():
            return folder
    raise AssertionError(
        f"Ghost's tests build SQLite for Node, and there are no headers beside {node}: "
        "apt-get install libnode-dev (Debian's Node), or a Node that has include/node"
    )


def _npm(folder: Path, *words: str, **more: str) -> None:
    done = subprocess.run(
        ["npm", *words], cwd=folder, env=os.environ | more,
        capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    told = f"npm {words[0]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert done.returncode == 0, told


class Ghost:
    """A site in a folder of its own. ``key`` is its admin key; ``owner`` a session of its owner,
    as the editor has it; ``more`` are other settings of Ghost's, such as ``server__port``."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder, self.more = folder.resolve(), more
        self.code = code()
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.key = ""
        self.owner = requests.Session()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Ghost":
        shutil.copytree(self.code / "content", self.folder / "content")
        self._start()
        self._set_up()
        return self

    def __exit__(self, *_: object) -> None:
        self.owner.close()
        self.stop()

    def stop(self) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    @property
    def _env(self) -> dict[str, str]:
        """Ghost reads its config from the environment too, so that sites share the code."""
        given = {
            "NODE_ENV": "production",
            "url": self.url,
            "server__host": "127.0.0.1",
            "server__port": self.url.rpartition(":")[2],
            "database__client": "sqlite3",
            "database__connection__filename": str(self.folder / "site.sqlite"),
            "database__useNullAsDefault": "true",
            "paths__contentPath": str(self.folder / "content"),
            "logging__level": "error",
            "logging__transports": '["stdout"]',
            "privacy__useTinfoil": "true",
            "security__staffDeviceVerification": "false",
            "mail__transport": "stub",
        }
        return os.environ | given | self.more

    def _start(self) -> None:
        with (self.folder / "ghost.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["node", "index.js"],
                cwd=self.code, env=self._env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        for _ in range(600):
            try:
                if requests.get(f"{self.url}/ghost/api/admin/site/", timeout=10).ok:
                    return
            except requests.ConnectionError:
                pass
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError("Ghost did not start:\n" + self.log()[-2000:])

    def log(self) -> str:
        return (self.folder / "ghost.log").read_text("utf-8", "replace")

    def _set_up(self) -> None:
        """Its owner, an author, and the integration that gives the key."""
        self.owner.headers["Origin"] = self.url
        setup = {"name": "Редакция", **OWNER, "blogTitle": NAME}
        self.ask("POST", "authentication/setup/", json={"setup": [setup]})
        login = {"username": OWNER["email"], "password": OWNER["password"]}
        self.owner.post(f"{self.url}/ghost/api/admin/session/", json=login, timeout=60)
        self._staff()
        self.key = self.integration()["key"]

    def _staff(self) -> None:
        """A second person: inviting one needs mail, so it is written as Ghost would write it."""
        database = sqlite3.connect(self.folder / "site.sqlite", timeout=30)
        with database:
            (role,) = database.execute("SELECT id FROM roles WHERE name='Author'").fetchone()
            database.execute(
                "INSERT INTO users (id, name, slug, password, email, status, visibility, "
                "created_at, created_by) VALUES (?, ?, ?, ?, ?, 'active', 'public', ?, '1')",
                ("5" * 24, "Павел Столяров", "pavel", "x" * 60, "pavel@example.com",
                 "2025-01-01 00:00:00"),
            )  # fmt: skip
            database.execute(
                "INSERT INTO roles_users (id, role_id, user_id) VALUES (?, ?, ?)",
                ("6" * 24, role, "5" * 24),
            )
        database.close()

    def integration(self, name: str = "crosspost") -> dict[str, str]:
        """A new integration: its ``id`` and ``key``."""
        made = self.ask(
            "POST",
            "integrations/",
            params={"include": "api_keys"},
            json={"integrations": [{"name": name}]},
        )["integrations"][0]
        (key,) = (one["secret"] for one in made["api_keys"] if one["type"] == "admin")
        return {"id": made["id"], "key": key}

    def reset(self) -> None:
        """The site without articles, tags and files."""
        self.ask("DELETE", "db/")
        for kind in ("images", "media", "files"):
            for path in (self.folder / "content" / kind).glob("*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """What the site answers to its owner."""
        answer = self.owner.request(
            method, f"{self.url}/ghost/api/admin/{path}", timeout=60, **more
        )
        assert answer.ok, (answer.status_code, answer.text[:800])
        return answer.json() if answer.content else {}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
