"""What comes from a channel is hostile: the whole program, from an export to the site, holds.

Each test writes an export, runs ``crosspost sync`` as a person would, and looks at what came out.
"""

import json
import os
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from html import escape as html_escape
from pathlib import Path
from subprocess import PIPE, STDOUT, run
from time import process_time
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from blogs import SITE, Answer, Blog
from bs4 import BeautifulSoup
from lxml import etree, html
from PIL import Image
from preview_server import PreviewServer

Message = dict[str, Any]
STORED = {".css", ".jpg", ".png", ".gif", ".bin", ".txt", ".svg", ".pdf", ".mp4"}
START = 1_700_000_000

SCRIPTS = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)><svg onload='alert(1)'>",
    "'\"--></style></title></textarea></script><script src=//evil.test/x.js></script>",
    "]]></content><script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>",
    "<iframe src=//evil.test></iframe><base href=//evil.test/><link rel=icon href=//evil.test/x>",
    "<meta http-equiv=refresh content='0;url=//evil.test/'><object data=//evil.test></object>",
    "{{ 7*7 }}{% include '/etc/passwd' %}{{ cycler.__init__.__globals__ }}",
    "&lt;script&gt;alert(1)&lt;/script&gt;&#60;script&#62;alert(1)&#60;/script&#62;",
    "<scr\x00ipt>alert(1)</scr\x00ipt><\x0bscript>\x1b[31m\u202egnp.exe\u2066\ufeff\ufffe",
    "<!--<script>--><![CDATA[<script>alert(1)</script>]]><?php system('id') ?>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'><a xlink:href=javascript:alert(1)>",
    "<style>@import '//evil.test/x.css';</style><p style='background:url(//evil.test/x)'>",
]
ADDRESSES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " \t\njavascript:alert(1)",
    "\x01javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\r\nscript:alert(1)",
    "java\x00script:alert(1)",
    "javascript&colon;alert(1)",
    "&#106;avascript:alert(1)",
    "javascript://ok.test/%0Aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "DATA:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:msgbox(1)",
    "view-source:javascript:alert(1)",
    "blob:http://evil.test/1",
    "file:///etc/passwd",
    'https://ok.test/"onmouseover="alert(1)',
    "https://ok.test/'><script>alert(1)</script>",
    "//evil.test/x",
    "\\\\evil.test\\x",
    "http://[::1",
    "https:javascript:alert(1)",
    "media:0",
    "post:999999999999999999999",
    "https://user:pass@ok.test:99999999/\u202e/",
]
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SAFE = {"http", "https", "mailto", "tel", "tg", "ton"}


# --- A channel -------------------------------------------------------------------------------


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    return Blog(tmp_path / "blog")


def message(number: int, text: Any = "", **more: Any) -> Message:
    """A message of Desktop's form; ``text`` may be a list of pieces."""
    pieces = [{"type": "plain", "text": text}] if isinstance(text, str) else text
    return {
        "id": number,
        "type": "message",
        "date_unixtime": str(START + 60 * number),
        "from": "Мастерская",
        "from_id": "channel4900000017",
        "text": "",
        "text_entities": pieces,
    } | more


def piece(kind: str, text: str, **more: Any) -> Message:
    return {"type": kind, "text": text, **more}


def photo(number: int, name: str, text: str = "") -> Message:
    return message(number, text, photo=name, width=40, height=30)


def picture(path: Path, size: tuple[int, int] = (40, 30), kind: str = "JPEG") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "teal").save(path, kind)


# --- What a page must not hold ----------------------------------------------------------------

LOADING = ("src", "srcset", "poster", "data", "background", "srcdoc")


def harm(page: str) -> Iterator[str]:
    """What in this page could run, load or lead to a script, by every element it has."""
    if not page.strip():
        return
    for element in html.document_fromstring(page).iter(etree.Element):
        yield from _harm(str(element.tag), {str(k): str(v) for k, v in element.attrib.items()})


def _harm(name: str, attrs: dict[str, str]) -> Iterator[str]:
    bare = name.rpartition(":")[2].lower()
    if bare == "script" and attrs.get("type") != "application/ld+json":
        yield "a script"
    if bare in {"iframe", "object", "embed", "base", "form", "math", "frame", "applet", "portal"}:
        yield f"<{name}>"
    if bare == "meta" and attrs.get("http-equiv", "").lower() in ("refresh", "set-cookie"):
        yield f"<meta {attrs}>"
    for key, value in attrs.items():
        plain = re.sub(r"[\x00-\x20]+", "", value)
        if key.lower().startswith("on"):
            yield f"<{name} {key}>"
        if key in ("href", "action", "formaction", "xlink:href", "cite", "ping"):
            scheme = re.match(r"([^/?#]*?):", plain)
            if scheme and scheme[1].lower() not in SAFE:
                yield f"<{name} {key}={value!r}>"
        if key in LOADING or (bare == "link" and key == "href" and "canonical" not in str(attrs)):
            for address in re.split(r",\s+", value) if key == "srcset" else [value]:
                if not _ours(address.split(" ")[0]):
                    yield f"<{name} {key}={value!r}> asks another host"


def _ours(address: str) -> bool:
    parts = urlsplit(address)
    if parts.scheme == "data":
        return address.startswith(("data:image/jpeg;base64,", "data:image/png;base64,", "data:,"))
    return address.startswith(SITE) or not (parts.scheme or parts.netloc)


def harm_in_feed(data: bytes) -> Iterator[str]:
    """As ``harm``, in every piece of text and HTML of a feed or a sitemap."""
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False))
    for element in root.iter():
        name = etree.QName(element).localname
        assert "xhtml" not in (etree.QName(element).namespace or "")
        if name in ("content", "encoded", "description", "summary"):
            yield from harm(element.text or "")
        yield from _harm(name, {etree.QName(k).localname: v for k, v in element.attrib.items()})
        address = (element.text or "").strip()
        if name in ("link", "uri", "loc", "logo") and address:
            assert urlsplit(address).scheme in ("http", "https"), address


def harm_on(blog: Blog) -> list[str]:
    """All harm in all files of the site, hidden ones apart; fails where a kind is unknown."""
    found = []
    for path in sorted(blog.site.rglob("*")):
        if not path.is_file() or ".crosspost" in path.parts:
            continue
        if path.suffix == ".html":
            text = path.read_text("utf-8")
            assert "\x00" not in text
            found += [f"{path.name}: {what}" for what in harm(text)]
            for data in BeautifulSoup(text, "lxml").find_all("script"):
                json.loads(data.string or "")
        elif path.suffix == ".xml":
            found += [f"{path.name}: {what}" for what in harm_in_feed(path.read_bytes())]
        else:
            assert path.suffix in STORED
            assert path.suffix != ".svg" or path.parent.name == "assets"
    return found


def test_the_check_sees_what_it_should() -> None:
    """The check itself finds each of these."""
    for bad in (
        "<script>1</script>",
        "<p onclick=x>",
        "<a href='java\tscript:x'>",
        "<img src=//evil.test/x>",
        "<svg:script>1</svg:script>",
        "<a href=' vbscript:x'>",
        "<img srcset='a.jpg 1x, https://evil.test/x.jpg 2x'>",
        "<link rel=stylesheet href=//evil.test/x.css>",
        "<img src='data:image/svg+xml,<svg/>'>",
    ):
        assert list(harm(bad)), bad
    for good in ("<a href='https://x.test'>", "<a href='../a:b'>", "<img src='media/a.jpg'>"):
        assert not list(harm(good)), good


# --- Scripts ----------------------------------------------------------------------------------

WORDS = [
    *("bold", "italic", "code", "pre", "blockquote", "spoiler", "link", "mention", "hashtag"),
    *("cashtag", "email", "phone", "bot_command", "bank_card", "underline", "strikethrough"),
]


def _in_words(start: int) -> Iterator[Message]:
    for script in SCRIPTS:
        yield message(start := start + 1, script)
        pieces = [piece("plain", f"{script}\n\n{script}\n\n")]
        pieces += [piece(kind, script, language=script, collapsed=True) for kind in WORDS]
        tags = [piece("plain", "\n\n"), piece("hashtag", f"#{script}"), piece("hashtag", "#тег")]
        yield message(start := start + 1, [*pieces, *tags])
        yield message(start := start + 1, f"{script}\n\nФото: {script}\n\nНа фото: {script}")


def _in_addresses(start: int) -> Iterator[Message]:
    for address in ADDRESSES:
        link = piece("text_link", "слова", href=address)
        kinds = ("link", "email", "phone", "mention", "bank_card")
        more = [piece(kind, address) for kind in kinds]
        yield message(start := start + 1, [link, piece("plain", "\n\nи ещё слова "), link, *more])
        game = {"game_title": "Игра", "game_link": address, "game_description": address}
        yield message(start := start + 1, "", **game)
        odd = [
            piece("mention_name", "кто", user_id=address),
            piece("custom_emoji", "🙂", document_id=address),
            piece("formatted_date", "когда", unixtime=address),
        ]
        yield message(start := start + 1, [piece("plain", "Слова\n\n"), *odd])


def _in_other_fields(start: int) -> Iterator[Message]:
    for s in (SCRIPTS[1], SCRIPTS[3], *SCRIPTS[8:11]):
        raw = {"question": s, "total_voters": 3, "answers": [{"text": s, "voters": 3}]}
        invoice = json.dumps({"title": s, "description": s, "amount": 5, "currency": s})
        fields: list[Message] = [
            {"forwarded_from": s, "forwarded_from_id": s, "author": s, "via_bot": s},
            {"poll": raw, "reactions": [{"type": s, "emoji": s, "count": 2}]},
            {"todo_list": {"title": s, "answers": [{"text": s}]}},
            {"place_name": s, "address": s, "location_information": {"latitude": s}},
            {"place_name": s, "location_information": {"latitude": 55.0, "longitude": 73.4}},
            {"contact_information": {"first_name": s, "last_name": s, "phone_number": s}},
            {"invoice_information": invoice},
            {"giveaway_information": {"quantity": 2, "additional_prize": s}},
            {"reply_to_message_id": 1, "reply_to_peer_id": s},
            {"file": "files/a.bin", "file_name": s, "mime_type": s, "title": s, "performer": s},
            {"file": "files/a.bin", "media_type": "audio_file", "title": s, "performer": s},
            {"file": "files/a.bin", "media_type": "sticker", "sticker_emoji": s},
            {"file": "(File not included.)", "file_name": s, "media_type": "video_file"},
        ]
        yield from (message(start := start + 1, "", **more) for more in fields)


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Blog:
    """A blog of a channel in which everything that can be a script is one, synced."""
    evil = SCRIPTS[1]
    blog = Blog(
        tmp_path_factory.mktemp("scripts") / "blog", title=evil, credit=evil, author=SCRIPTS[2]
    )
    (blog.export / "files").mkdir()
    (blog.export / "files" / "a.bin").write_bytes(b"<script>alert(1)</script>")
    name = "photos/\"><img src=x onerror='alert(1)'>.jpg"
    picture(blog.export / name)
    blog.write(
        *_in_words(0),
        *_in_addresses(2000),
        *_in_other_fields(4000),
        photo(6001, name, SCRIPTS[2]),
        photo(6002, name),
    )
    answer = blog.run("-v", "sync")
    assert answer.code in (0, 1), answer.text
    assert not UNPRINTABLE.search(answer.text), UNPRINTABLE.search(answer.text)
    return blog


def test_no_word_of_a_post_becomes_a_script(scripted: Blog) -> None:
    """Whatever a channel writes and wherever, no page, feed or sitemap can run it."""
    assert harm_on(scripted) == []
    assert len(scripted.posts) > 150


def test_the_words_of_scripts_stay_words(scripted: Blog) -> None:
    """A post about <script> shows just these letters."""
    page = BeautifulSoup(scripted.page(1), "lxml")
    assert page.h1
    assert page.h1.get_text() == "<script>alert(1)</script>"


def test_the_sheet_runs_nothing(scripted: Blog) -> None:
    """``crosspost preview`` is opened from disk: it runs and loads nothing either."""
    sheet = scripted.root / "sheet.html"
    answer = scripted.run("preview", "--no-open", "-o", str(sheet))
    assert answer.code == 0, answer.text
    assert not list(harm(sheet.read_text("utf-8")))


def test_a_report_of_hostile_posts_is_plain_text(scripted: Blog) -> None:
    """Titles and names come to the terminal without control characters."""
    for words in (["-v", "sync", "--dry-run"], ["status"], ["show", "b/41"], ["show", "b/1"]):
        assert not UNPRINTABLE.search(scripted.run(*words).text)


def test_second_run_over_scripts_is_idle(scripted: Blog) -> None:
    """The second run says nothing new."""
    scripted.unchanged()


# --- Paths ------------------------------------------------------------------------------------

LEAVING = [
    "../secret.jpg",
    "photos/../../secret.jpg",
    "/etc/passwd",
    "//etc/passwd",
    "C:\\secret.jpg",
    "..\\secret.jpg",
    "photos\\..\\..\\secret.jpg",
    "photos/link.jpg",
    "photos/round.jpg",
    "away/secret.jpg",
    "photos/\x00.jpg",
    "photos",
    "photos/pipe.jpg",
    "photos/" + "n" * 2000 + ".jpg",
    "n/" * 2500 + "a.jpg",
    ".",
    "..",
    "photos/ok.jpg/../../../secret.jpg",
]


def test_a_path_that_leaves_the_export_holds_its_post_and_no_other(blog: Blog) -> None:
    """`..`, absolute paths, links, pipes: the post waits for a person, nothing is copied."""
    picture(blog.root / "secret.jpg", (31, 17))
    picture(blog.export / "photos" / "ok.jpg")
    (blog.export / "photos" / "link.jpg").symlink_to(blog.root / "secret.jpg")
    (blog.export / "photos" / "round.jpg").symlink_to("round.jpg")
    (blog.export / "away").symlink_to(blog.root)
    os.mkfifo(blog.export / "photos" / "pipe.jpg")
    blog.write(
        *(photo(10 * (n + 1), path, "Слова") for n, path in enumerate(LEAVING)),
        *(message(10 * n + 1005, "Файл", file=path) for n, path in enumerate(LEAVING)),
        message(3000, "Слова"),
        photo(3001, "photos/ok.jpg", "С фотографией"),
    )
    answer = blog.sync()
    assert answer.code == 1
    for number in range(len(LEAVING)):
        for post in (10 * (number + 1), 10 * number + 1005):
            assert f"held: b/{post} → local" in answer.text, (post, LEAVING[number])
    assert blog.posts == [3000, 3001]
    assert max(map(len, answer.text.splitlines())) < 500
    assert not UNPRINTABLE.search(answer.text)
    assert [p.name for p in blog.site.rglob("*.*") if p.suffix in (".jpg", ".bin")] == [
        Path(found).name for found in re.findall(r'src="([^"]+\.jpg)"', blog.page(3001))[:1]
    ]
    blog.unchanged()


def test_a_video_whose_preview_frame_is_hostile_goes_without_it(blog: Blog) -> None:
    """The frame is an extra: a path that leaves the export or a bomb costs only the frame."""
    picture(blog.root / "secret.jpg", (31, 17))
    (blog.export / "v.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42")
    (blog.export / "bomb.jpg").write_bytes(png(60_000, 60_000))
    (blog.export / "page.jpg").write_bytes(b"<script>alert(1)</script>")
    frames = [*LEAVING, "bomb.jpg", "page.jpg", "none.jpg", ""]
    video = {"file": "v.mp4", "media_type": "video_file", "mime_type": "video/mp4"}
    blog.write(
        *(message(10 * n + 10, "Видео", thumbnail=path, **video) for n, path in enumerate(frames))
    )
    answer = blog.sync()
    assert answer.code == 0, answer.text
    assert blog.posts == [10 * n + 10 for n in range(len(frames))]
    assert not list(blog.site.rglob("*.jpg"))
    assert not list(blog.site.rglob("*.png"))
    assert harm_on(blog) == []
    blog.unchanged()


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_file_never_becomes_a_page_or_a_script(blog: Blog, packed: bool) -> None:
    """Whatever a file is called, the site offers it as a download under a name of its own."""
    names = ["x.html", "x.HTM", "x.svg", ".htaccess", "x.php", "x.js", "index.html", "con", "x.xml"]
    names += ["x.pdf.html", "x.xhtml", "x.mjs", "web.config", "x.shtml", "x.cgi", "x.wasm", "x.css"]
    names += [
        "..",
        "../../index.html",
        "/etc/passwd",
        "a\nb.html",
        "a\x00.pdf",
        "n" * 2000,
        "x.pdf/",
    ]
    (blog.export / "files").mkdir()
    for number, name in enumerate(names):
        data = f"<script>alert({number})</script>"
        (blog.export / "files" / f"f{number}{Path(name).suffix.strip()}").write_text(data)
    made = [
        message(
            10 * (number + 1),
            "Файл",
            file=f"files/f{number}{Path(name).suffix.strip()}",
            file_name=name,
            mime_type=["text/html", "image/svg+xml", ""][number % 3],
        )
        for number, name in enumerate(names)
    ]
    blog.write(*made)
    if packed:
        blog.configure("channel.zip")
        with ZipFile(blog.root / "channel.zip", "w") as pack:
            for path in blog.export.rglob("*"):
                pack.write(path, path.relative_to(blog.root))
    answer = blog.sync()
    shown = set(blog.posts)
    assert harm_on(blog) == []
    stored = [p for p in (blog.site / "media").rglob("*") if p.is_file()]
    assert {path.suffix for path in stored} <= {".bin", ".pdf"}
    assert all(re.fullmatch("[0-9a-f]{32}", path.stem) for path in stored)
    for number in range(len(names)):
        assert 10 * (number + 1) in shown or f"b/{10 * (number + 1)} " in answer.text
    for path in stored:
        (post,) = (p for p in blog.site.glob("b/*.html") if path.name in p.read_text("utf-8"))
        links = BeautifulSoup(post.read_text("utf-8"), "lxml").find_all("a", href=True)
        assert all(link.has_attr("download") for link in links if path.name in link["href"])
    outside = {path.name for path in blog.root.iterdir()}
    assert outside <= {"channel", "channel.zip", "crosspost.toml", "public", "cache"} | {
        name for name in outside if "ledger.db" in name
    }
    blog.unchanged()


def test_a_link_in_the_place_of_the_site_s_files_is_not_followed(blog: Blog) -> None:
    """Names of the site come from no post: a post called like its folders has a page."""
    words = ["../../etc", "index", "tag", "media", "feed.xml", ".crosspost", "CON", "nul", "a/b"]
    blog.write(*(message(n + 1, f"{word}\n\nСлова #{word}") for n, word in enumerate(words)))
    assert blog.sync().code == 0
    assert blog.posts == list(range(1, len(words) + 1))
    assert all(path.resolve().is_relative_to(blog.site) for path in blog.site.rglob("*"))


# --- Pictures ---------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes) -> bytes:
    """A PNG that says it is of that size; its pixels are as many zeros as that takes, at most
    20 million."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(min(20_000_000, (3 * width + 1) * height)))
    parts = (chunk(b"IHDR", head), *more, chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gif(side: int, frames: int, lasts: int = 1) -> bytes:
    """A GIF of that many frames, each of one colour, for so many hundredths of a second."""
    head = b"GIF89a" + struct.pack("<HH", side, side) + b"\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    time = b"\x21\xf9\x04\x00" + struct.pack("<H", lasts) + b"\x00\x00"
    pixel = b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"
    return head + (time + pixel) * frames + b";"


def jpeg(path: Path, exif: int) -> bytes:
    """A JPEG with so many segments of 60 kB of metadata."""
    picture(path)
    data = path.read_bytes()
    segment = b"\xff\xe1" + struct.pack(">H", 60_002) + b"Exif\x00\x00MM\x00*" + b"\x00" * 59_990
    return data[:2] + segment * exif + data[2:]


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
XMP = zlib.compress(bytes(50_000_000))
BAD: dict[str, Callable[[Path], bytes]] = {
    "a bomb": lambda _: png(60_000, 60_000),
    "a bomb just under Pillow's own warning": lambda _: png(9_400, 9_400),
    "a bomb that takes a gigabyte": lambda _: png(8_000, 8_000),
    "a long thin bomb": lambda _: png(2_000_000_000, 1),
    "pixels that are not there": lambda _: png(5_000, 5_000),
    "a bomb of text": lambda _: png(40, 30, chunk(b"zTXt", b"XML\x00\x00" + XMP)),
    "no picture": lambda _: b"These are words\n" * 100,
    "half a JPEG": lambda path: jpeg(path, 0)[:400],
    "a JPEG's first bytes": lambda _: b"\xff\xd8\xff\xe0",
    "ten thousand frames": lambda _: gif(400, 10_000),
    "ten thousand tiny frames": lambda _: gif(1, 10_000),
    "frames that last for ever": lambda _: gif(40, 100, 65_535),
    "an SVG": lambda _: SVG,
    "an SVG behind a declaration": lambda _: b'<?xml version="1.0"?>\n' + SVG,
    "a page": lambda _: b"<!doctype html><script>alert(1)</script>",
    "nothing": lambda _: b"",
    "an EPS": lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "a PDF": lambda _: b"%PDF-1.4\n",
}
GOOD: dict[str, Callable[[Path], bytes]] = {
    "a huge EXIF": lambda path: jpeg(path, 100),
    "a damaged EXIF": lambda path: jpeg(path, 1).replace(b"MM\x00*", b"MM\xff*"),
    "words behind the pixels": lambda _: png(40, 30) + b"<script>alert(1)</script>" * 1000,
    "a hundred frames": lambda _: gif(40, 100),
}


@pytest.mark.parametrize("kind", ["photo", "file"])
def test_a_picture_that_is_none_holds_its_post_and_no_other(blog: Blog, kind: str) -> None:
    """Bombs, halves, programs: each has its line in the report, the rest of the blog arrives."""
    (blog.export / "photos").mkdir()
    written, number = [], 0
    for make in (*BAD.values(), *GOOD.values()):
        number += 10
        path = blog.export / "photos" / f"{number}.jpg"
        path.write_bytes(make(path))
        more = {"mime_type": "image/png", "file_name": "p.png"} if kind == "file" else {}
        written.append(message(number, "Слова", **{kind: f"photos/{number}.jpg"}, **more))
    blog.write(*written, message(1000, "Последнее слово"))
    answer = blog.sync()
    assert answer.code == 1
    for at, name in enumerate(BAD):
        assert f"held: b/{10 * (at + 1)} → local" in answer.text, name
    good = [10 * (len(BAD) + at + 1) for at in range(len(GOOD))]
    assert blog.posts == [*good, 1000]
    assert not any(b"<script" in p.read_bytes() for p in (blog.site / "media").rglob("*.*"))
    assert harm_on(blog) == []
    blog.unchanged()


def test_a_held_post_goes_without_its_picture_when_a_person_says_so(blog: Blog) -> None:
    """The remedy that the report names works."""
    (blog.export / "a.jpg").write_bytes(png(60_000, 60_000))
    blog.write(photo(1, "a.jpg", "Слова"), photo(2, "../a.jpg"))
    assert blog.sync().code == 1
    assert blog.run("resolve", "b/1", "--publish").code == 0
    assert "Слова" in blog.page(1)
    assert blog.posts == [1]


# --- Size and shape ---------------------------------------------------------------------------


PROGRAM = """
import atexit, re, sys
from pathlib import Path
from crosspost.cli import main

def told():
    status = Path("/proc/self/status").read_text()
    print("peak", int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)

atexit.register(told)
main()
"""


def outside(blog: Blog, *words: str) -> tuple[Answer, int]:
    """The program in a process of its own, and how many MB of memory it took at most."""
    config = str(blog.root / "crosspost.toml")
    done = run(
        [sys.executable, "-c", PROGRAM, "--config", config, *words],
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stdout, done.stdout
    said, _, peak = done.stdout.rpartition("peak ")
    return Answer(done.returncode, said), int(peak)


def raw(blog: Blog, body: bytes) -> None:
    """Writes a ``result.json`` around these bytes of messages."""
    head = b'{\n "name": "T",\n "type": "public_channel",\n "id": 17,\n "messages": ['
    (blog.export / "result.json").write_bytes(head + body)


def lines(*messages: Message) -> bytes:
    return b",".join(b"\n  " + json.dumps(m, indent=1).encode() for m in messages)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["one line", "Desktop's"])
def test_a_message_of_a_hundred_megabytes_costs_no_memory(blog: Blog, layout: str) -> None:
    """It is left out with a line that says where; the others arrive."""
    big = json.dumps(message(2, "ж" * 50_000_000), ensure_ascii=False).encode()
    if layout == "one line":
        raw(
            blog,
            b",".join([lines(message(1, "Первое")), b"\n  " + big, lines(message(3, "Третье"))]),
        )
    else:
        big = b'\n  {\n   "id": 2,\n   "text": "' + b"a" * 100_000_000 + b'"\n  }'
        raw(blog, b",".join([lines(message(1, "Первое")), big, lines(message(3, "Третье"))]))
    with (blog.export / "result.json").open("ab") as file:
        file.write(b"\n ]\n}")
    answer, memory = outside(blog, "sync")
    assert "larger than 4 MB" in answer.text
    assert (answer.code, blog.posts) == (1, [1, 3])
    assert memory < 200
    blog.unchanged()


def test_a_broken_tail_costs_only_what_comes_after(blog: Blog) -> None:
    """An export cut by a full disk: what is whole arrives, the report says where it breaks."""
    whole = lines(*(message(n, f"Запись {n}") for n in range(1, 6)))
    raw(blog, whole[:-40])
    rehearsed = blog.run("--quiet", "sync", "--dry-run")
    answer = blog.run("--quiet", "sync")
    assert (answer.code, rehearsed.code) == (1, 1)
    assert answer.text.startswith("unread: b: result.json is damaged at byte")
    assert blog.posts == [1, 2, 3, 4]
    blog.unchanged()
    raw(blog, whole + b"\n ]\n}")
    assert blog.sync().code == 0
    assert blog.posts == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("deep", [2_000, 100_000])
def test_deep_nesting_in_json_costs_only_its_post(blog: Blog, deep: int) -> None:
    """Brackets in brackets: said in the report, the others arrive."""
    nest = b"[" * deep + b"]" * deep
    bad = b'\n  {"id": 2, "type": "message", "date_unixtime": "1700000000", "text": %s}' % nest
    odd = b'\n  {"id": 3, "type": "message", "date_unixtime": "1700000900", "poll": %s}' % nest
    raw(blog, b",".join([lines(message(1, "a")), bad, odd, lines(message(4, "b"))]) + b"]}")
    answer = blog.sync()
    assert answer.code in (0, 1)
    assert {1, 4} <= set(blog.posts)
    blog.unchanged()


def _html_export(blog: Blog, *bodies: str) -> None:
    shown = "".join(
        f'<div class="message default clearfix" id="message{n}"><div class="body">'
        f'<div class="pull_right date details" title="14.11.2023 22:{n:02}:00 UTC+00:00">22:{n:02}'
        f'</div><div class="from_name">\nT\n</div>{body}</div></div>'
        for n, body in enumerate(bodies, 1)
    )
    (blog.export / "messages.html").write_text(
        '<!DOCTYPE html><html><head><meta charset="utf-8"/></head><body><div class="page_wrap">'
        '<div class="page_header"><div class="content"><div class="text bold">\nT\n</div></div>'
        f'</div><div class="page_body chat_page"><div class="history">{shown}</div></div></div>'
        "</body></html>"
    )


def test_deep_nesting_in_html_costs_only_its_post(blog: Blog) -> None:
    """Tags in tags a hundred thousand deep, in an HTML export."""
    deep = 100_000
    _html_export(
        blog,
        '<div class="text">Первое</div>',
        f'<div class="text">{"<b>" * deep}x{"</b>" * deep}</div>',
        f'<div class="text">{"<blockquote>" * 300}x{"</blockquote>" * 300}</div>',
        f'<div class="text">{"<strong><em>" * 120}x{"</em></strong>" * 120}</div>',
        f'{"<div>" * deep}<div class="text">x</div>',
        '<div class="text">Последнее</div>',
    )
    answer = blog.sync()
    assert answer.code in (0, 1)
    assert {1, 6} <= set(blog.posts), answer.text
    assert harm_on(blog) == []
    blog.unchanged()


def test_a_path_in_an_html_export_leads_nowhere_else(blog: Blog) -> None:
    """Addresses of photos and files in markup: percent signs, schemes, hosts, `..`."""
    picture(blog.root / "secret.jpg", (31, 17))
    picture(blog.export / "ok.jpg")
    doors = [
        "../secret.jpg",
        "%2e%2e/secret.jpg",
        "/etc/passwd",
        "file:///etc/passwd",
        "//evil.test/",
    ]
    doors += [f"file://{blog.root}/secret.jpg", str(blog.root / "secret.jpg"), "..%2fsecret.jpg"]
    doors += [
        "http://127.0.0.1/x.jpg",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "?x",
        "#",
    ]
    wrap = (
        '<div class="media_wrap clearfix"><a class="{kind}" href="{path}"><img class="photo" '
        'src="{path}" style="width: 40px; height: 30px"/></a></div>'
    )
    _html_export(
        blog,
        *(wrap.format(kind="photo_wrap clearfix pull_left", path=path) for path in doors),
        *(
            wrap.format(kind="media clearfix pull_left block_link media_file", path=p)
            for p in doors
        ),
        wrap.format(kind="photo_wrap clearfix pull_left", path="ok.jpg"),
        '<div class="text">Слова</div>',
    )
    answer = blog.sync()
    assert answer.code in (0, 1)
    assert {2 * len(doors) + 1, 2 * len(doors) + 2} <= set(blog.posts), answer.text
    assert harm_on(blog) == []
    assert len([p for p in (blog.site / "media").rglob("*") if p.is_file()]) == 1
    told = {int(n) for n in re.findall(r"b/(\d+)", answer.text)}
    assert told | set(blog.posts) == set(range(1, 2 * len(doors) + 3))
    blog.unchanged()


def test_scripts_in_an_html_export_run_nowhere(blog: Blog) -> None:
    """The other format of exports, with scripts in its markup."""
    _html_export(
        blog,
        *(f'<div class="text">{script}</div>' for script in SCRIPTS if "\x00" not in script),
        *(
            f'<div class="text">Слова <a href="{html_escape(address)}">слова</a></div>'
            for address in ADDRESSES
        ),
    )
    answer = blog.sync()
    assert answer.code in (0, 1), answer.text
    assert harm_on(blog) == []
    assert len(blog.posts) > 25
    blog.unchanged()


MANY = {
    "letters": [piece(["bold", "italic"][n % 2], "a") for n in range(100_000)],
    "lines": [piece(["blockquote", "pre"][n % 2], "a\n") for n in range(60_000)],
    "links": [piece("text_link", "a ", href="https://a.test/") for _ in range(50_000)],
    "hashtags": [piece("hashtag", f"#a{n} ") for n in range(60_000)],
}


@pytest.mark.parametrize(
    ("shape", "count"),
    [("letters", 10_000), *(pytest.param(one, 100_000, marks=pytest.mark.slow) for one in MANY)],
)
def test_a_hundred_thousand_entities_are_a_post(blog: Blog, shape: str, count: int) -> None:
    """Every letter another kind, as many as a message may hold: it takes seconds, not hours, and
    the others arrive."""
    whole = {"text_entities": MANY[shape][:count]}
    compact = json.dumps(message(2) | whole, separators=(",", ":")).encode()
    assert len(compact) < 4 << 20
    raw(blog, b",".join([lines(message(1, "a")), b"\n" + compact, lines(message(3, "b"))]) + b"]}")
    begin = process_time()
    answer = blog.sync()
    assert process_time() - begin < 5 * count / 10_000
    assert answer.code in (0, 1)
    assert {1, 3} <= set(blog.posts), answer.text
    blog.unchanged()


def test_a_bomb_in_a_zip_is_not_unpacked(blog: Blog) -> None:
    """A photo that grows a thousandfold is held; messages that do are refused as a whole."""
    blog.configure("a.zip")
    text = json.dumps(
        {
            "name": "T",
            "type": "public_channel",
            "id": 17,
            "messages": [photo(1, "a.jpg", "x"), message(2, "Слова")],
        }
    )
    with ZipFile(blog.root / "a.zip", "w", ZIP_DEFLATED) as pack:
        pack.writestr("result.json", text)
        pack.writestr("a.jpg", bytes(20_000_000))
    answer = blog.sync()
    assert answer.code == 1
    assert "held: b/1 → local" in answer.text
    assert blog.posts == [2]
    with ZipFile(blog.root / "a.zip", "w", ZIP_DEFLATED) as pack:
        pack.writestr("result.json", text[:-2] + " " * 20_000_000 + "]}")
    answer = blog.sync()
    assert answer.code == 3
    assert "grow enormously" in answer.text
    assert blog.posts == [2]


def test_a_zip_that_is_none_is_an_error_of_the_reader(blog: Blog) -> None:
    """Exit code 3 and a sentence, whatever the file is."""
    blog.configure("a.zip")
    for data in (b"", b"PK\x03\x04", b"no zip at all", SVG, bytes(1000)):
        (blog.root / "a.zip").write_bytes(data)
        answer = blog.sync()
        assert (answer.code, "unpack it" in answer.text) == (3, True), answer.text


ENDLESS = [
    "А",
    "a b ",
    "#a ",
    "А\n",
    "\u0301",
    "👨‍👩‍👧",
    "«",
    "http://a",
    "Фото: ",
    " ",
    "(",
    "- a\n",
]


@pytest.mark.parametrize("size", [4_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_endless_text_has_a_short_headline_and_a_page(blog: Blog, size: int) -> None:
    """What Telegram allows and far more, of what a rule might stumble over: headlines, names
    and lines of the report stay short, and it takes seconds."""
    (blog.export / "a.pdf").write_bytes(b"%PDF-1.4")
    texts = [(unit * size)[:size] for unit in ENDLESS]
    blog.write(
        *(message(n + 1, text) for n, text in enumerate(texts)),
        *(message(n + 101, f"Заголовок\n\n{text}") for n, text in enumerate(texts)),
        *(message(n + 201, "Файл", file="a.pdf", file_name=t) for n, t in enumerate(texts)),
    )
    answer = blog.run("-v", "sync")
    assert answer.code in (0, 1), answer.text[:1000]
    assert max(map(len, answer.text.splitlines())) < 800
    for post in blog.posts:
        title = BeautifulSoup(blog.page(post)[:100_000], "lxml").title
        assert title is not None
        assert len(title.get_text()) < 300
        path = blog.page_of(post)
        assert path is not None
        assert len(path.name) < 120
    blog.unchanged()


# --- Ids, dates, and channels that are none ---------------------------------------------------


def test_ids_that_cannot_be_are_left_out(blog: Blog) -> None:
    """Negative, huge, zero, text: a line each; a doubled id is one post."""
    odd = [-1, 0, 2**31, 2**63, 10**30, "1", None, 1.5, True, -(2**40)]
    blog.write(
        message(5, "Первое слово"),
        *(message(0, "Слова") | {"id": number} for number in odd),
        message(5, "Второе слово"),
        message(7, "Последнее"),
        message(6, "Не по порядку"),
    )
    answer = blog.sync()
    assert answer.code == 1, answer.text
    assert blog.posts == [5, 6, 7]
    assert answer.text.count("is left out") >= 8
    blog.unchanged()


DATES = [
    "0",
    "-1",
    "-62135596800",
    "-99999999999999",
    "253402300799",
    "99999999999999999999",
    "1e5",
    "",
    "x",
    None,
    True,
    {},
]
LOCAL = ["0000-00-00T00:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59", "1970-01-01T00:00:00"]


def test_dates_that_cannot_be_are_left_out(blog: Blog) -> None:
    """The year 0, 9999, a day that is none: a line each, and the others arrive."""
    blog.settings = "timezone = 'Pacific/Kiritimati'"
    blog.configure()
    written = [message(n + 1, "Слова", date_unixtime=d) for n, d in enumerate(DATES)]
    written += [message(n + 101, "Слова", date=d, date_unixtime="") for n, d in enumerate(LOCAL)]
    written += [message(n + 201, "Слова", edited_unixtime=d) for n, d in enumerate(DATES)]
    written += [message(n + 301, "Слова", edited=d) for n, d in enumerate(LOCAL)]
    blog.write(*written, message(999, "Последнее"))
    answer = blog.sync()
    assert answer.code == 1, answer.text
    told = {int(n) for n in re.findall(r"Message (\d+)", answer.text)}
    assert set(blog.posts) | told == {one["id"] for one in written} | {999}
    assert {one for one in blog.posts if one < 200} <= {1, 104}, blog.posts
    assert {999, *range(201, 205)} <= set(blog.posts)
    blog.unchanged()


def test_an_empty_channel_is_an_empty_blog(blog: Blog) -> None:
    """No posts: nothing fails, nothing is there."""
    blog.write()
    assert blog.sync().code == 0
    assert blog.posts == []
    assert blog.sync() == Answer(0, "Nothing to do.\n")


@pytest.mark.parametrize("kind", ["personal_chat", "private_group", "", "saved_messages", "<b>"])
def test_a_chat_that_is_no_channel_is_not_published(blog: Blog, kind: str) -> None:
    """Somebody's private chat never becomes a blog: exit code 3."""
    blog.kind = kind
    blog.export.joinpath("x").write_text("")
    blog.write(message(1, "Тайна"), type=kind)
    answer = blog.sync()
    assert answer.code == 3
    assert "channel" in answer.text
    assert not blog.site.exists() or blog.posts == []


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"messages": 5}', b'{"messages": {"a": []}}'),
        *(b"[" * 100_000, b'{"a":' * 100_000, b'"' + b"x" * 1_000_000),
        b'{"name": "' + b"\\" * 99_999,
    ],
)
def test_a_file_that_is_no_export_is_an_error_of_the_reader(blog: Blog, data: bytes) -> None:
    """Exit code 3 and a sentence that names the file."""
    (blog.export / "result.json").write_bytes(data)
    answer = blog.sync()
    assert answer.code == 3, answer.text
    assert "result.json" in answer.text


def test_missing_files_are_said_and_not_fatal(blog: Blog) -> None:
    """A photo that was not exported, or is not there: the words arrive, the report says it."""
    blog.write(
        photo(1, "photos/none.jpg", "Слова один"),
        photo(11, "(File not included. Change data exporting settings to download.)", "Слова два"),
    )
    answer = blog.sync()
    assert answer.code == 0
    assert blog.posts == [1, 11]
    assert "note: b/1:" in answer.text
    assert "note: b/11:" in answer.text
    blog.unchanged()


# --- The other reader -------------------------------------------------------------------------

QUOTE = (
    '<a class="tgme_widget_message_reply" href="{link}">'
    '<div class="tgme_widget_message_author"><span class="tgme_widget_message_author_name">'
    '{words}</span></div><div class="js-message_reply_text">{words}</div></a>'
)
CARD = (
    '<a class="tgme_widget_message_link_preview" href="{link}"><i class="link_preview_image" '
    'style="background-image:url(\'{link}\')"></i><div class="link_preview_site_name">{words}'
    '</div><div class="link_preview_title">{words}</div>'
    '<div class="link_preview_description">{words}</div></a>'
)
FILES = (
    '<a class="tgme_widget_message_photo_wrap" href="{link}" '
    "style=\"background-image:url('{link}')\"></a>"
    '<i class="tgme_widget_message_sticker" data-webp="{link}"></i>'
    '<video class="tgme_widget_message_video" src="{link}"></video>'
)
INSIDE = [
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]:22/",
    "http://localhost.evil.test:9/",
    "http://0x7f.1/",
    "ftp://127.0.0.1/x",
    "gopher://127.0.0.1/x",
]


def test_a_hostile_page_of_the_web_preview_is_harmless(tmp_path: Path) -> None:
    """Cards, quotations, buttons, names and addresses of a page someone else wrote: no script on
    the blog, no file of this machine or its network on it, every post has its line or page."""
    inside = PreviewServer()
    doors = [f"{inside.root}/a.jpg", f"http://localhost:{inside.root.rpartition(':')[2]}/a.jpg"]
    shapes = [(CARD, SCRIPTS[2], one) for one in [*ADDRESSES[::2], *INSIDE, *doors]]
    shapes += [(QUOTE, one, ADDRESSES[n % len(ADDRESSES)]) for n, one in enumerate(SCRIPTS)]
    shapes += [(FILES, "", one) for one in [*ADDRESSES[1::2], *INSIDE, *doors]]
    shapes += [("<div class='js-message_text'>{words}</div>", one, "") for one in SCRIPTS]
    posts = [
        {"id": n, "type": "message", "date_unixtime": str(START + n * 60), "text": SCRIPTS[n % 9]}
        | {"html": shape.format(words=words, link=html_escape(link)), "author": SCRIPTS[n % 9]}
        for n, (shape, words, link) in enumerate(shapes, 1)
    ]
    with inside, PreviewServer(posts, title=SCRIPTS[1], files=tmp_path) as server:
        server.about = SCRIPTS[2]
        blog = Blog(
            tmp_path / "blog",
            reader="preview",
            author="",
            tables=f"[preview]\npreview = '{server.home}'\npause = 0\nbackoff = 0\nattempts = 1",
        )
        blog.configure("@workshop")
        answer = blog.run("-v", "sync")
        assert answer.code in (0, 1), answer.text
        assert not UNPRINTABLE.search(answer.text)
        assert harm_on(blog) == []
        told = {int(n) for n in re.findall(r"b/(\d+)", answer.text)}
        assert told == {one["id"] for one in posts}
        assert len(blog.posts) > len(posts) / 2
        assert inside.asked == []
        blog.unchanged()


# --- A browser --------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_browser_runs_nothing_and_asks_nobody(scripted: Blog) -> None:
    """Every page of the hostile blog in Chromium, over HTTP and as it would be from disk: no
    dialogue, no error, no request to another host, nothing in the page that could make one."""
    from playwright.sync_api import sync_playwright

    sheet = scripted.root / "sheet.html"
    scripted.run("preview", "--no-open", "-o", str(sheet))
    seen: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CROSSPOST_CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox"],
        )
        page = browser.new_page()
        page.on("dialog", lambda one: (seen.append(one.message), one.dismiss()))
        page.on("console", lambda one: seen.append(one.text))
        page.on("pageerror", lambda one: seen.append(str(one)))
        page.on(
            "request",
            lambda one: None if one.url.startswith(("file:", "data:")) else seen.append(one.url),
        )
        page.goto("data:text/html,<script>console.log('heard')</script>")
        assert seen == ["heard"]
        seen.clear()
        for path in [sheet, *sorted(scripted.site.rglob("*.html"))]:
            page.goto(path.as_uri())
            bad = page.evaluate(IN_BROWSER)
            assert (bad, seen) == ([], []), path.name
        browser.close()


IN_BROWSER = """() => [...document.querySelectorAll('*')].flatMap(one => [
  ...['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'BASE', 'FORM', 'MATH'].filter(
    name => one.nodeName.toUpperCase() == name && one.type != 'application/ld+json'),
  ...[...one.attributes].filter(at => at.name.startsWith('on')).map(at => at.name),
  ...(one.href && /^(javascript|data|vbscript|blob|file:\\/\\/\\/etc)/i.test(one.href)
    ? [one.href] : [])])"""
