"""A first config, from as little as a channel's name."""

import json
import os
import re
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from crosspost.errors import ConfigError, ReaderError

if TYPE_CHECKING:
    from crosspost.readers import Reader

_LINK: Final = re.compile(
    r"(?:https?://)?(?:t|telegram)\.me/(?:s/)?([A-Za-z]\w{3,31})(?:/\d+)?/?(?:\?.*)?|@?([A-Za-z]\w{3,31})",
    re.ASCII,
)
"""Names have five letters or more, those sold at https://fragment.com four."""
_MISNAMED: Final = re.compile(
    r"(?:(?:https?://)?(?:t|telegram)\.me/(?:s/)?|@)\w+(?:/\d+)?/?", re.ASCII
)

_PRIVATE: Final = re.compile(
    r"(?:https?://)?(?:t|telegram)\.me/(?:\+|joinchat/|c/).*|-?\d{5,}", re.ASCII
)

_NO_LINK: Final = (
    '# link = "https://t.me/…"   # the channel\'s public address, so that articles link to their '
    "posts"
)
_TEXTS: Final = 50
"""So many of the first posts say what language the channel is in."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The answers a config is written from."""

    name: str
    channel: str
    reader: str
    link: str = ""
    language: str = "ru"
    timezone: str = "UTC"
    author: str = ""
    credit: str = ""
    path: str = "public"
    url: str = "http://localhost:8000/"
    site: str = ""
    """The table of a site whose form was read; "" for a static one."""

    def with_(self, **answers: Any) -> Self:
        """The draft with these answers instead."""
        return replace(self, **answers)


def guess(channel: str, base: Path) -> Draft:
    """What a person most likely wants who names this channel: an export on this disk, or a
    public channel's preview. Raises ``ConfigError`` when it is neither, ``ReaderError`` when the
    export cannot be read."""
    zone, language = _zone(), _language()
    folder, mark, choice = channel.partition("#")
    path = Path(channel if Path(channel).expanduser().exists() else folder).expanduser()
    if folder and path.exists():
        found = path.absolute()
        shown = str(found.relative_to(base) if found.is_relative_to(base) else found)
        written = f"{shown}{mark}{choice}" if str(path) != channel else shown
        title, spoken = _export(written, base)
        return Draft(
            name=title or _name(found.stem) or "blog",
            channel=written,
            reader="export",
            language=spoken or language,
            timezone=zone,
        )
    link = _LINK.fullmatch(channel.strip())
    if _PRIVATE.fullmatch(channel.strip()):
        raise ConfigError(
            f"«{channel}» is a private channel, which has no public page: name the folder of its "
            "export, or follow it live with an account (docs/telegram.md)"
        )
    if not link and _MISNAMED.fullmatch(channel.strip()):
        raise ConfigError(
            f"«{channel}» is no name that a channel can have: letters, digits and «_», a letter "
            "first, four to thirty-two in all"
        )
    if not link:
        raise ConfigError(
            f"«{channel}» is neither a file or folder here nor a public channel: write @name, "
            "t.me/s/name, or the path of a Telegram Desktop export"
        )
    username = link[1] or link[2]
    return Draft(
        name=_name(username),
        channel=f"@{username}",
        reader="preview",
        link=f"https://t.me/{username}",
        language=language,
        timezone=zone,
    )


def well(key: str, answer: str) -> str:
    """What is wrong with an answer to one question; "" when it will do."""
    from pydantic import TypeAdapter, ValidationError

    from crosspost.config._settings import Address, Name, Zone, known_language

    if key == "language" and not known_language(answer, None):
        return "it is en or ru"
    kinds: dict[str, Any] = {"name": Name, "timezone": Zone, "url": Address, "link": Address}
    if key in kinds:
        try:
            TypeAdapter(kinds[key]).validate_python(answer)
        except ValidationError as error:
            return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    return ""


def write(draft: Draft, target: Path) -> None:
    """Writes the config, once it is known to be right. Raises ``ConfigError``."""
    from crosspost.config import load

    beside = target.with_name(f".{target.name}.new")
    beside.write_text(_text(draft), encoding="utf-8")
    try:
        load(beside)
        beside.replace(target)
    except ConfigError as error:
        raise ConfigError(*(p.replace(str(beside), str(target)) for p in error.problems)) from None
    finally:
        beside.unlink(missing_ok=True)


def _text(draft: Draft) -> str:
    named = re.match(r"\[site\.([a-z]+)\]", draft.site)
    static = f"""\
[site.local]
type = "static"
path = {_quoted(draft.path)}
url  = {_quoted(draft.url)}
"""
    quoted = {key: _quoted(value) for key, value in vars(draft).items()}
    link = f"link    = {quoted['link']}" if draft.link else _NO_LINK
    author = (
        f"name  = {quoted['author']}" if draft.author else '# name  = "…"   # else the channel\'s'
    )
    credit = f"credit  = {quoted['credit']}" if draft.credit else '# credit = "…"   # photo credit'
    return f"""\
# Every setting: docs/configuration.md
language = {quoted["language"]}
timezone = {quoted["timezone"]}
ledger   = "crosspost.db"

[[blog]]
name    = {quoted["name"]}   # its name in the ledger, for ever
channel = {quoted["channel"]}
reader  = {quoted["reader"]}
site    = "{named[1] if named else "local"}"
{link}
{credit}
[blog.author]
{author}

{draft.site or static}"""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _export(channel: str, base: Path) -> tuple[str, str]:
    """A name after the title of the export's channel, and the language of its first posts, "" if
    they do not tell. Raises ``ReaderError`` when it is none."""
    from slugify import slugify

    from crosspost.readers import Context
    from crosspost.readers.export import ExportReader

    context = Context(base=base, cache=base)
    reader = ExportReader.open(ExportReader.Settings(), channel, context)
    try:
        name = slugify(reader.channel().title, max_length=24, word_boundary=True)
        return name, _spoken(reader)
    finally:
        reader.close()


def _spoken(reader: "Reader") -> str:
    from crosspost.model import Post
    from crosspost.readers import Bounds

    try:
        first = islice(reader.read(Bounds()), _TEXTS)
        texts = [post.text for post in first if isinstance(post, Post)]
    except ReaderError:
        return ""
    letters = [letter for text in texts for letter in text if letter.isalpha()]
    if not letters:
        return ""
    russian = sum("\u0400" <= letter <= "\u04ff" for letter in letters)
    return "ru" if russian * 2 > len(letters) else "en"


def _name(word: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")[:40]


def _language() -> str:
    spoken = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "ru" if spoken.lower().startswith("ru") else "en"


def _zone() -> str:
    """The machine's time zone by name, UTC where it does not tell."""
    from zoneinfo import available_timezones

    name = os.environ.get("TZ", "")
    if not name:
        try:
            name = os.readlink("/etc/localtime").partition("zoneinfo/")[2]  # noqa: PTH115
        except OSError:
            name = ""
    return name if name in available_timezones() else "UTC"
