"""Where things stand in the site's folder: safe, short, and never two of them in one place.

    index.html                      the blog, or a hub of several
    <blog>/index.html  page-N.html  the newest posts; the older ones, numbered from the oldest
    <blog>/<slug>.html              an article
    <blog>/tag/<tag>.html           posts with a tag, and <blog>/tag/<tag>/page-N.html
    <blog>/feed.xml  rss.xml        the newest twenty in full
    <blog>/sitemap-N.xml            a thousand addresses each, from the oldest
    media/<aa>/<hash>-<width>.<ext> pictures and files
    assets/                         the style and the icon, named by their content

Names come from posts, so they are hostile. Whatever is not plainly safe gets a hash of the whole
name, so nothing leaves the folder and two different names never become one, not even on a disk
that ignores case.
"""

import re
import unicodedata
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

_RESERVED = frozenset(
    {"media", "assets", "index", "con", "prn", "aux", "nul"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
)
_LONGEST = 80


@lru_cache(maxsize=64)
def folder(blog: str) -> str:
    """The blog's folder: its name where that is safe, else made safe with a hash."""
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", blog) and "--" not in blog:
        return blog if blog not in _RESERVED else f"{blog}--{_hash(blog)}"
    return f"{_ascii(blog) or 'blog'}--{_hash(blog)}"


def page(post_id: int, slug: str) -> str:
    """An article's file name. It begins with the post's id, so no two articles share one."""
    words = _ascii(slug.removeprefix(f"{post_id}-") if slug != str(post_id) else "")
    return f"{post_id}-{words}.html" if words else f"{post_id}.html"


def tag_key(tag: str) -> str:
    """What makes two spellings of a tag the same tag: case, and how spaces are typed."""
    shown = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in tag)
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", shown).casefold())
    return " ".join(folded.split())


def tag(key: str) -> str:
    """The file name (without suffix) of a tag's pages: the tag itself where it is words only."""
    if all(char.isalnum() or char in "_ " for char in key) and len(key.encode()) <= _LONGEST:
        return key.replace(" ", "-")
    words = re.sub(r"[\W_]+", "-", key)[:24].strip("-")
    return f"{words or 'tag'}--{_hash(key)}"


def listing(blog: str, series: str, number: int) -> str:
    """The path of a list page; ``series`` is a tag's key or "", ``number`` 0 the newest one."""
    if not series:
        return f"{folder(blog)}/{f'page-{number}' if number else 'index'}.html"
    name = tag(series)
    return f"{folder(blog)}/tag/{f'{name}/page-{number}' if number else name}.html"


def relative(target: str, origin: str) -> str:
    """The address of the file ``target`` as the page ``origin`` writes it; both are paths from
    the site's folder."""
    return _relative(target, origin.rpartition("/")[0])


@lru_cache(maxsize=4096)
def _relative(target: str, folder: str) -> str:
    there, here = target.split("/"), folder.split("/") if folder else []
    shared = 0
    while shared < min(len(here), len(there) - 1) and here[shared] == there[shared]:
        shared += 1
    return quote("../" * (len(here) - shared) + "/".join(there[shared:]))


def absolute(base: str, target: str) -> str:
    """The public address of ``target``; an index page goes by its folder's."""
    return base + quote(target.removesuffix("index.html"))


def _ascii(text: str) -> str:
    from slugify import slugify

    return slugify(text, max_length=_LONGEST, word_boundary=True, backend="text-unidecode")


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
