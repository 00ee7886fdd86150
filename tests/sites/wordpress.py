"""A real WordPress: php's own web server, its code from npm, its database in SQLite.

    code()             the unpacked code, kept for the next time
    WordPress(folder)  one site in ``folder``: started, reset to empty, stopped

The code lies in ``$CROSSPOST_TEST_SERVERS``, else ``~/.cache/crosspost-tests``; what npm gives is
compared with the hash below. A machine without php or npm fails these tests by name.
"""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any, Final

import requests
from filelock import FileLock

PACKAGE: Final = "@wp-playground/wordpress-builds@0.9.19"
INTEGRITY: Final = (
    "sha512-"
    "dlqvh/MJDpE5W68vgPPKUjpip6zMuBh59L3D18ZX+pdwurC4q4ydrTww/3sTMV69BBcoH6kF93YtAtujNC5Mpw=="
)
BUILD: Final = "wp-6.5"
"""WordPress 6.5.5."""
MARK: Final = 3
"""Raised when the way the code is laid out changes."""
NEEDED: Final = ("gd", "sqlite3", "pdo_sqlite", "dom", "mbstring", "curl")
PEOPLE: Final = {
    "admin": "administrator",
    "editor": "editor",
    "blogger": "author",
    "guest": "contributor",
}

CONFIG: Final = r"""<?php
$place = getenv('CROSSPOST_SITE');
define('DB_NAME', 'wordpress'); define('DB_USER', ''); define('DB_PASSWORD', '');
define('DB_HOST', ''); define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT',
          'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as $name) define($name, 'a test');
define('WP_HOME', getenv('CROSSPOST_URL')); define('WP_SITEURL', WP_HOME);
define('WP_CONTENT_DIR', "$place/wp-content"); define('WP_CONTENT_URL', WP_HOME . '/wp-content');
define('DB_DIR', "$place/database/"); define('DB_FILE', 'site.sqlite');
define('WP_ENVIRONMENT_TYPE', 'local'); define('WP_DEVELOPMENT_MODE', 'all');
define('DISABLE_WP_CRON', true); define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_HTTP_BLOCK_EXTERNAL', true); define('WP_DEBUG', false);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
ROUTER: Final = r"""<?php
$path = urldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
$place = getenv('CROSSPOST_SITE');
if (strpos($path, '/wp-content/uploads/') === 0) {
    $file = realpath($place . $path);
    if ($file && is_file($file) && strpos($file, "$place/wp-content/uploads/") === 0) {
        header('Content-Type: ' . mime_content_type($file)); readfile($file);
    } else http_response_code(404);
    return true;
}
if (is_dir(__DIR__ . $path) && substr($path, -1) == '/') $path .= 'index.php';
$file = realpath(__DIR__ . $path);
if ($file && is_file($file)) {
    if (substr($file, -4) != '.php') return false;
    $_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = $path; $_SERVER['SCRIPT_FILENAME'] = $file;
    chdir(dirname($file)); require $file; return true;
}
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/index.php';
require __DIR__ . '/index.php';
"""
INSTALL: Final = r"""<?php
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = parse_url(getenv('CROSSPOST_URL'), PHP_URL_HOST);
$_SERVER['REQUEST_METHOD'] = 'GET'; $_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require __DIR__ . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Городская газета', 'admin', 'admin@example.com', true, '', 'admin');
foreach (json_decode(getenv('CROSSPOST_PEOPLE'), true) as $name => $role) {
    $user = get_user_by('login', $name);
    if (!$user) $user = new WP_User(wp_create_user($name, $name, "$name@example.com"));
    $user->set_role($role);
    $made = WP_Application_Passwords::create_new_application_password(
        $user->ID, ['name' => 'crosspost']);
    $words[$name] = $made[0];
}
foreach ([1, 2, 3] as $id) wp_delete_post($id, true);
update_option('permalink_structure', '/%year%/%monthnum%/%postname%/');
update_option('timezone_string', 'Asia/Omsk'); update_option('blog_public', 1);
flush_rewrite_rules();
echo "\n@@@" . json_encode($words);
"""


def code() -> Path:
    """WordPress's files, ready to run."""
    assert shutil.which("php"), "WordPress's tests need php: apt-get install php-cli (scripts/test)"
    assert shutil.which("npm"), "WordPress's tests get it from npm: apt-get install npm"
    have = subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout.split()
    lacking = [name for name in NEEDED if name not in have]
    assert not lacking, f"php has no {', '.join(lacking)}: see scripts/test"
    given = os.environ.get("CROSSPOST_TEST_SERVERS")
    cache = Path(given) if given else Path.home() / ".cache" / "crosspost-tests"
    cache.mkdir(parents=True, exist_ok=True)
    ready = cache / f"{BUILD}-{MARK}"
    with FileLock(cache / f"{BUILD}.lock"):
        if not ready.is_dir():
            making = cache / f"{BUILD}.making"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            _unpack(making)
            (making / "code").rename(ready)
            shutil.rmtree(making)
    return ready


def _unpack(making: Path) -> None:
    subprocess.run(
        ["npm", "pack", "--silent", PACKAGE],
        cwd=making,
        check=True,
        capture_output=True,
        timeout=300,
    )
    (tarball,) = making.glob("*.tgz")
    found = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    assert f"sha512-{found}" == INTEGRITY, "npm gave another package than the one we know"
    wanted = ("package/src/", f"package/public/{BUILD}/")
    with tarfile.open(tarball) as archive:
        members = [one for one in archive if one.name.startswith(wanted)]
        archive.extractall(making, members, filter="data")
    target = making / "code"
    with zipfile.ZipFile(making / f"package/src/wordpress/{BUILD}.zip") as archive:
        archive.extractall(target)
    shutil.copytree(making / "package/public" / BUILD, target, dirs_exist_ok=True)
    plugin = "package/src/sqlite-database-integration/sqlite-database-integration.zip"
    with zipfile.ZipFile(making / plugin) as archive:
        archive.extractall(target / "wp-content/plugins")
    (target / "wp-config.php").write_text(CONFIG)
    (target / "router.php").write_text(ROUTER)
    (target / "install.php").write_text(INSTALL)


class WordPress:
    """A site in a folder of its own. ``passwords`` are application passwords by user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.code = code()
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.passwords: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "WordPress":
        content = self.folder / "wp-content"
        content.mkdir(parents=True)
        (content / "mu-plugins").mkdir()
        (content / "themes").symlink_to(self.code / "wp-content/themes")
        plugins = self.code / "wp-content/plugins"
        (content / "plugins").symlink_to(plugins)
        (found,) = plugins.glob("sqlite-database-integration*")
        drop = (found / "db.copy").read_text()
        drop = drop.replace("{SQLITE_IMPLEMENTATION_FOLDER_PATH}", str(found))
        (content / "db.php").write_text(drop.replace("{SQLITE_PLUGIN}", f"{found.name}/load.php"))
        self._install()
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @property
    def _env(self) -> dict[str, str]:
        return os.environ | {
            "CROSSPOST_SITE": str(self.folder),
            "CROSSPOST_URL": self.url,
            "CROSSPOST_PEOPLE": json.dumps(PEOPLE),
            "PHP_CLI_SERVER_WORKERS": "4",
        }

    def php(self, script: Path) -> str:
        done = subprocess.run(
            ["php", "-d", "memory_limit=512M", str(script)],
            env=self._env, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _install(self) -> None:
        said = self.php(self.code / "install.php")
        assert "@@@" in said, said
        self.passwords = json.loads(said.rpartition("@@@")[2])
        shutil.copytree(self.folder / "database", self.folder / "database.new")

    def _start(self) -> None:
        address = self.url.removeprefix("http://")
        limits = ["-d", "upload_max_filesize=64M", "-d", "post_max_size=64M"]
        limits += ["-d", "opcache.revalidate_freq=0"]  # a test's plugin is this test's at once
        with (self.folder / "php.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["php", *limits, "-d", "memory_limit=512M", "-d", "display_errors=0",
                 "-S", address, "-t", str(self.code), str(self.code / "router.php")],
                env=self._env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        for _ in range(200):
            try:
                if requests.get(f"{self.url}/wp-json/", timeout=10).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise AssertionError((self.folder / "php.log").read_text()[-2000:])

    def reset(self) -> None:
        """The site as it was when it was new."""
        for path in (self.folder / "database").glob("*"):
            path.unlink()
        shutil.copytree(self.folder / "database.new", self.folder / "database", dirs_exist_ok=True)
        shutil.rmtree(self.folder / "wp-content/uploads", ignore_errors=True)
        for path in (self.folder / "wp-content/mu-plugins").iterdir():
            path.unlink()

    def plugin(self, name: str, php: str) -> None:
        """A plugin that is on until the next ``reset``."""
        (self.folder / f"wp-content/mu-plugins/{name}.php").write_text(f"<?php {php}")

    def ask(self, method: str, path: str, *, user: str = "admin", **more: Any) -> Any:
        """What the site's REST answers to this user."""
        answer = requests.request(
            method,
            f"{self.url}/wp-json/wp/v2/{path}",
            auth=(user, self.passwords[user]),
            timeout=60,
            **more,
        )
        assert answer.ok, (answer.status_code, answer.text[:500])
        return answer.json()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
