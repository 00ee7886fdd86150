"""Telegram's text and entities ⇄ HTML.

The pairs in ``golden/markup`` are read by people; ``UPDATE_GOLDEN=1`` rewrites the HTML.
"""

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from bs4 import BeautifulSoup
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml.html import HTMLParser, document_fromstring, fragment_fromstring

from crosspost.markup import (
    CLASSES,
    SUBSET,
    _urls,
    blocks,
    from_html,
    inline,
    safe_url,
    sanitize,
    text_of,
    utf16,
)
from crosspost.markup._inline import Marks, _found, _parted
from crosspost.markup._text import Window, fit
from crosspost.markup._text import escape as escaped
from crosspost.model import BLOCK_ENTITIES, INLINE_ENTITIES, Entity, Post
from crosspost.readers import Context
from crosspost.readers.export import ExportReader

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "markup"
FIXTURES = Path(os.environ.get("CROSSPOST_FIXTURES", HERE.parent.parent / "shared" / "fixtures"))
SAMPLE = HERE.parent / "examples" / "channel"
VOID = {"br", "hr", "img"}
TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<>]*")*)>')


def entity(kind: str, offset: int, length: int, value: str = "", **attrs: str) -> Entity:
    return Entity(type=kind, offset=offset, length=length, value=value, attrs=attrs)


def on(text: str, part: str, kind: str, value: str = "", **attrs: str) -> Entity:
    return entity(kind, text.index(part), len(part), value, **attrs)


def letters(text: str) -> str:
    """All but white space."""
    return "".join(text.split())


def held(text: str) -> str:
    """The text's letters as HTML can hold them."""
    text = re.sub("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]", "\ufffd", text)
    return letters(re.sub("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", "\ufffd", text))


def tags(fragment: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every tag; fails where they do not nest, or where a < is no tag."""
    stack: list[str] = []
    at = 0
    for found in TAG.finditer(fragment):
        assert "<" not in fragment[at : found.start()]
        assert ">" not in fragment[at : found.start()]
        at = found.end()
        if found[1]:
            assert stack.pop() == found[2]
            continue
        if found[2] not in VOID:
            stack.append(found[2])
        yield found[2], dict(re.findall(r'([a-z-]+)="([^"]*)"', found[3]))
    assert "<" not in fragment[at:]
    assert stack == []


def check(text: str, entities: Sequence[Entity]) -> str:
    """The promises every fragment keeps."""
    html = blocks(text, entities)
    assert letters(text_of(html)) == held(text)
    assert sanitize(html) == html
    for tag, attributes in tags(html):
        assert attributes.keys() <= SUBSET[tag]
        assert all(
            name in CLASSES or name.startswith("language-")
            for name in attributes.get("class", "").split()
        )
        if "href" in attributes:
            assert safe_url(attributes["href"].replace("&amp;", "&")) is not None
    assert not re.search(r"<p>\s*</p>|<(strong|em|a|span|li)\b[^>]*></\1>|<p><br>|<br></p>", html)
    return html


# --- What the HTML looks like -------------------------------------------------------------------


def pretty(html: str) -> str:
    return re.sub(
        r"(</(?:p|li|ul|ol|tr|table|blockquote|pre|h\d|figure|summary)>|<hr>)", r"\1\n", html
    )


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_text_gives_the_html_written_beside_it(case: Path) -> None:
    given_ = json.loads(case.read_text("utf-8"))
    entities = [Entity(**one) for one in given_["entities"]]
    skip = [(start, end) for start, end in given_.get("skip", ())]
    html = blocks(given_["text"], entities, given_.get("start", 0), skip=skip)
    expected = case.with_suffix(".html")
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(pretty(html).rstrip("\n") + "\n", "utf-8")
    assert pretty(html).rstrip("\n") + "\n" == expected.read_text("utf-8")
    check(given_["text"], entities)


def test_inline_html_holds_no_blocks_and_no_pictures() -> None:
    text = "раз\nдва три"
    marked = [on(text, "раз", "heading"), on(text, "три", "bold"), entity("media", 3, 0, "1")]
    assert inline(text, marked) == "раз<br>два <strong>три</strong>"
    assert inline("  раз & два \n", ()) == "раз &amp; два"


def test_a_range_takes_the_photo_at_its_beginning_and_not_the_one_at_its_end() -> None:
    text, photos = "раз два", [entity("media", place, 0, str(place)) for place in (0, 4, 7)]
    assert re.findall(r"media:\d", blocks(text, photos, 0, 4)) == ["media:0"]
    assert re.findall(r"media:\d", blocks(text, photos, 4, 7)) == ["media:4", "media:7"]


def test_skipped_characters_leave_no_trace() -> None:
    text = "один #тег два"
    marked = [on(text, "#тег", "bold"), on(text, "#тег два", "italic")]
    assert blocks(text, marked, skip=[(5, 10)]) == "<p>один <em>два</em></p>"
    assert blocks(text, (), skip=[(0, len(text))]) == ""


def test_an_address_cut_by_a_range_still_leads_to_the_whole_address() -> None:
    text = "https://example.org/long/path"
    html = inline(text, [entity("url", 0, len(text))], 8)
    assert html == f'<a href="{text}">example.org/long/path</a>'


def test_a_list_item_whose_words_are_skipped_is_no_empty_item() -> None:
    text = "раз\nдва"
    marked = [entity("list", 0, 7), on(text, "раз", "item"), on(text, "два", "item")]
    assert blocks(text, marked, skip=[(0, 3)]) == "<ul><li>два</li></ul>"


def test_the_longer_block_goes_around_the_shorter_in_whatever_order_they_come() -> None:
    text = "раз\nдва"
    marked = [on(text, "раз", "item"), entity("list", 0, 7), on(text, "два", "item")]
    assert blocks(text, marked) == "<ul><li>раз</li><li>два</li></ul>"


def test_a_caption_belongs_to_the_picture_right_before_it_only() -> None:
    text = "слова подпись"
    near, far = entity("media", 6, 0, "1"), entity("media", 0, 0, "1")
    caption = on(text, "подпись", "caption")
    figure = '<figure><img src="media:1"><figcaption>подпись</figcaption></figure>'
    assert blocks(text, [near, caption]) == f"<p>слова</p>{figure}"
    assert "figcaption" not in blocks(text, [far, caption])
    heading = on(text, "слова", "heading")
    within = entity("media", 2, 0, "1")
    assert blocks(text, [heading, within, caption]) == f"<h2>слова</h2>{figure}"


def test_a_photo_behind_the_last_gap_of_a_block_is_in_that_block() -> None:
    text = "суть\n\nпосле"
    marked = [on(text, "суть", "summary"), entity("media", 6, 0, "1")]
    inside = blocks(text, [entity("details", 0, 6), *marked])
    behind = blocks(text, [entity("details", 0, 4), *marked])
    figure = '<figure><img src="media:1"></figure>'
    summary = "<details><summary>суть</summary>"
    assert inside == f"{summary}{figure}</details><p>после</p>"
    assert behind == f"{summary}</details>{figure}<p>после</p>"


def test_a_cell_cannot_span_a_million_columns() -> None:
    marked = [entity(kind, 0, 1) for kind in ("table", "row")]
    cell = entity("cell", 0, 1, colspan="1000000", rowspan="-1")
    assert blocks("x", [*marked, cell]) == "<table><tbody><tr><td>x</td></tr></tbody></table>"


STAY_WORDS = {
    "mention_name", "hashtag", "cashtag", "bot_command", "bank_card", "custom_emoji", "anchor",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(INLINE_ENTITIES))
def test_every_inline_kind_is_shown_or_stays_words_on_purpose(kind: str) -> None:
    words = {"email": "a@example.org", "phone": "+70000000000", "mention": "@name"}
    text = words.get(kind, "example.org")
    value = {"text_link": "https://example.org", "date": "1700000000"}.get(kind, "1")
    html = inline(text, [entity(kind, 0, len(text), value)])
    assert (html == text) == (kind in STAY_WORDS)
    assert text_of(html) == text


@pytest.mark.parametrize("kind", sorted(BLOCK_ENTITIES - {"row"}))
def test_every_block_kind_has_a_form_of_its_own(kind: str) -> None:
    around = {
        "item": ["list"], "row": ["table"], "cell": ["table", "row"], "summary": ["details"],
        "caption": ["table"],
    }.get(kind, [])  # fmt: skip
    inside = {"gallery": [entity("media", 0, 0, "1")]}.get(kind, [])
    marked = [entity(one, 0, 4) for one in around]
    html = blocks(
        "мука", [*marked, entity(kind, 0, 4, "0", checked="true", header="true"), *inside]
    )
    assert html != blocks("мука", marked)
    assert letters(text_of(html)) == "мука"


# --- Laws ---------------------------------------------------------------------------------------

KINDS = [*sorted(INLINE_ENTITIES | BLOCK_ENTITIES), "unknown", ""]
CHARACTERS = "abж<>&\"'  \n\n\n\t\r\0\x0b\u00a0\u2028😀e\u0301\ud83d\udc00\u200b#@/:.-\ufffe"
VALUES = [
    "", "0", "1", "99", "javascript:alert(1)", "https://e.org/?a=1&b=\"<>'", "example.com/x",
    "python", "1700000000", "9" * 30, "-5", 'x"onclick="y', "ж", "\0", "tg://user?id=1",
]  # fmt: skip
NAMES = [
    "level", "ordered", "start", "reversed", "checked", "header", "colspan", "rowspan", "align",
    "open", "kind", "collapsed", "bordered", "striped",
]  # fmt: skip
ATTRS = st.dictionaries(
    st.sampled_from(NAMES),
    st.sampled_from(["true", "false", "2", "7", "-3", "center", 'x"y', "", "slideshow", "9" * 15]),
    max_size=3,
)
ENTITIES = st.lists(
    st.builds(
        Entity,
        type=st.sampled_from(KINDS),
        offset=st.integers(-3, 40),
        length=st.one_of(st.just(0), st.integers(-3, 40)),
        value=st.sampled_from(VALUES),
        attrs=ATTRS,
    ),
    max_size=9,
)
TEXTS = st.text(st.sampled_from(CHARACTERS), max_size=40)


@given(TEXTS, ENTITIES)
def test_any_text_with_any_entities_is_well_formed_safe_and_complete(
    text: str, entities: list[Entity]
) -> None:
    html = check(text, entities)
    photos = [one.value for one in entities if one.type == "media"]
    shown = [value for value in photos if value in ("0", "1", "99")]
    assert sorted(re.findall(r'src="media:(\d+)"', html)) == sorted(shown)


CROWDED = st.lists(
    st.builds(
        Entity,
        type=st.sampled_from(sorted(BLOCK_ENTITIES)),
        offset=st.integers(0, 8),
        length=st.integers(0, 8),
        value=st.sampled_from(["0", "1"]),
    ),
    max_size=8,
)


@given(st.text(st.sampled_from("аб \n"), max_size=10), CROWDED)
def test_blocks_in_each_others_way_show_each_character_once(
    text: str, entities: list[Entity]
) -> None:
    html = check(text, entities)
    assert html.count("<img") == sum(one.type == "media" for one in entities)


@given(TEXTS, ENTITIES)
def test_inline_keeps_the_same_promises(text: str, entities: list[Entity]) -> None:
    html = inline(text, entities)
    assert letters(text_of(html)) == held(text)
    assert sanitize(html) == html
    assert {tag for tag, _ in tags(html)} <= {
        "br", "strong", "em", "u", "s", "mark", "sub", "sup", "ins", "del", "code", "span", "a",
        "time",
    }  # fmt: skip


@given(TEXTS, ENTITIES, st.lists(st.integers(0, 40), max_size=6), st.integers(0, 20))
def test_ranges_and_skips_leave_exactly_the_other_characters(
    text: str, entities: list[Entity], cuts: list[int], start: int
) -> None:
    cuts = sorted(set(cuts))
    skip = list(zip(cuts[::2], cuts[1::2], strict=False))
    kept = [
        char
        for place, char in enumerate(text)
        if place >= start and not any(first <= place < last for first, last in skip)
    ]
    html = blocks(text, entities, start, skip=skip)
    assert letters(text_of(html)) == held("".join(kept))
    assert sanitize(html) == html


@given(TEXTS, ENTITIES, st.integers(0, 40))
def test_two_halves_show_together_what_the_whole_shows(
    text: str, entities: list[Entity], cut: int
) -> None:
    assume(text)
    cut = min(cut, len(text))
    halves = blocks(text, entities, 0, cut) + blocks(text, entities, cut)
    assert letters(text_of(halves)) == held(text)
    photo = r'src="media:\d+"'
    whole = blocks(text, entities)
    assert sorted(re.findall(photo, halves)) == sorted(re.findall(photo, whole))


# Where a step cannot matter it is skipped: the HTML is what it would be with it.

CLOSE = st.text(st.sampled_from("аб <\n"), min_size=12, max_size=16)
FEW = st.lists(
    st.builds(
        Entity,
        type=st.sampled_from(["bold", "italic", "code", "math", "spoiler", "text_link"]),
        offset=st.integers(0, 12),
        length=st.integers(1, 5),
        value=st.sampled_from(["https://example.org/a", "https://example.org/b"]),
    ),
    max_size=6,
)


@given(CLOSE, FEW)
def test_formatting_by_itself_is_written_as_if_it_were_in_the_way_of_others(
    text: str, entities: list[Entity]
) -> None:
    window = Window(text, 0, len(text), ())
    marks, general = Marks(window, text, entities), Marks(window, text, [])
    end = general.steps.pop()
    general._put(_parted(_found(window, text, entities)))
    general.steps.append(end)
    assert [(at, tags, [*around]) for at, tags, around in marks.steps] == [
        (at, tags, [*around]) for at, tags, around in general.steps
    ]


@given(CLOSE, FEW)
def test_a_post_without_blocks_is_written_as_one_with_a_block_that_shows_nothing(
    text: str, entities: list[Entity]
) -> None:
    nothing = entity("media", len(text), 0, "none")
    assert blocks(text, entities) == blocks(text, [*entities, nothing])
    assert blocks(text, []) == blocks(text, [nothing]) == blocks(text, [], skip=[(0, 0)])
    assert inline(text, []) == inline(text, [], skip=[(0, 0)])


@given(st.text(max_size=6) | st.text(st.sampled_from(CHARACTERS), max_size=6))
def test_a_text_passes_for_plain_if_nothing_is_to_be_escaped_or_made_fit(text: str) -> None:
    assert Window(text, 0, len(text), ()).plain == (escaped(fit(text)) == text)


@given(st.text(st.sampled_from("аб <&\u00a0😀"), max_size=30))
def test_spaces_inside_a_line_stay_as_they_are(line: str) -> None:
    assert text_of(blocks(line, ())) == line.strip()


@given(st.text(st.sampled_from("<>/ab \"'=&;!-pdivscrtyle\n"), max_size=60))
def test_cleaned_html_stays_as_it_is_when_cleaned_again(soup: str) -> None:
    once = sanitize(soup)
    assert sanitize(once) == once


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<a href="java&#10;script:alert(1)">x</a>',
        '<p style="position:fixed">x</p>',
        "<svg><script>1</script></svg>",
        '<iframe src="https://example.org"></iframe>',
        '<a href="data:text/html,x" onclick="y">x</a>',
        '<p class="admin-bar">x</p>',
        '<video src="http://10.0.0.1/x" poster="http://10.0.0.1/y"></video>',
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img onerror=1>'>",
    ],
)
def test_nothing_hostile_survives_cleaning(hostile: str) -> None:
    left = sanitize(hostile)
    assert not re.search(r"script|on\w+=|style=|src=|href=|class=|iframe|svg", left)


def test_cleaning_copes_with_half_a_surrogate_pair() -> None:
    assert sanitize("<p>\ud83d & \0</p>") == "<p>\ufffd &amp; \ufffd</p>"


def test_cleaning_keeps_what_templates_of_articles_use() -> None:
    html = (
        '<div class="poll quiz"><p class="question">Хлеб?</p><ul class="answers"><li class="answer'
        ' correct">Да <meter value="40" min="0" max="100"></meter> <span class="share">40 %</span>'
        '</li></ul></div><figure class="photo"><img src="media:0" alt="Хлеб"><figcaption>'
        '<a href="post:12">было</a></figcaption></figure><p class="note"><a href="media:3">x</a>'
        "</p>"
    )
    assert sanitize(html) == html


# --- Characters and addresses -------------------------------------------------------------------


@given(st.text(st.sampled_from("aж😀\U0010ffff\ud83d\n"), max_size=12))
def test_telegrams_offsets_count_utf16_and_ours_code_points(text: str) -> None:
    point = utf16(text)
    before = [
        len(text[:place].encode("utf-16-le", "surrogatepass")) // 2
        for place in range(len(text) + 1)
    ]
    for offset in range(-2, before[-1] + 3):
        clamped = min(max(offset, 0), before[-1])
        assert point(offset) == max(i for i, units in enumerate(before) if units <= clamped)


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://example.org/a?b=1#c", "https://example.org/a?b=1#c"),
        ("HTTP://example.org", "http://example.org"),
        ("example.com/x", "https://example.com/x"),
        ("t.me/name", "https://t.me/name"),
        ("example.com:8080/x", "https://example.com:8080/x"),
        ("//example.com/x", "https://example.com/x"),
        ("пример.рф/путь", "https://пример.рф/путь"),
        ("https://example.org/a b\"c'<d>", "https://example.org/a%20b%22c%27%3Cd%3E"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("tel:+70000000000", "tel:+70000000000"),
        ("tg://resolve?domain=name", "tg://resolve?domain=name"),
        ("javascript:alert(1)", None),
        ("JaVaScRiPt:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("\x01javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("vbscript:x", None),
        ("file:///etc/passwd", None),
        ("https://", None),
        ("https:example.org", None),
        ("https://user:word@example.org", None),
        ("https://example.org\\@evil.example", None),
        ("https://exa mple.org", None),
        ("https://example.org:99999/", None),
        ("https://[::1", None),
        ("/relative", None),
        ("#top", None),
        ("?q=1", None),
        ("word", None),
        ("1.5", None),
        ("mailto:", None),
        ("tel:alert(1)x", None),
        ("", None),
        ("https://example.org/" + "x" * 10_000, None),
    ],
)
def test_only_addresses_a_reader_may_be_sent_to_pass(address: str, safe: str | None) -> None:
    assert safe_url(address) == safe
    assert safe is None or safe_url(safe) == safe


@given(st.text(max_size=40) | st.text(st.sampled_from("htps:/.@example?#[]%\\ \n-0"), max_size=30))
def test_a_safe_address_stays_the_same_address(url: str) -> None:
    safe = safe_url(url)
    assert safe is None or (safe_url(safe) == safe and not re.search(r"[\s<>\"]", safe))


@given(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["http://", "https://"]),
        st.text(st.sampled_from("az09-.@:%_"), max_size=2).map(lambda host: f"{host}a.b.org"),
        st.text(st.sampled_from("a9ж!#%&()+,./:;=?@~-[]|<>\"'`{}\\^ \n\x7f"), max_size=3).map(
            lambda tail: f"/{tail}"
        ),
    )
)
def test_an_address_passed_at_once_would_pass_the_questions_too(url: str) -> None:
    with patch.object(_urls, "_USUAL", re.compile(r"(?!)")):
        asked = safe_url(url)
    assert safe_url(url) == asked


# --- Telegram's own HTML ------------------------------------------------------------------------


def both(html: str) -> tuple[str, list[tuple[str, str, str]]]:
    """What either tree gives: the text, and each entity's kind, words and value."""
    first = from_html(fragment_fromstring(f"<div>{html}</div>"))
    second = from_html(BeautifulSoup(f"<div>{html}</div>", "lxml").div)
    assert first == second
    text, entities = first
    return text, [(e.type, text[e.offset : e.offset + e.length], e.value) for e in entities]


@pytest.mark.parametrize(
    ("html", "kind", "words", "value"),
    [
        ("<b>x</b>", "bold", "x", ""),
        ("<strong>x</strong>", "bold", "x", ""),
        ("<i>x</i>", "italic", "x", ""),
        ("<em>x</em>", "italic", "x", ""),
        ("<u>x</u>", "underline", "x", ""),
        ("<s>x</s>", "strikethrough", "x", ""),
        ("<del>x</del>", "strikethrough", "x", ""),
        ("<code>x</code>", "code", "x", ""),
        ("<pre>x<br>y</pre>", "pre", "x\ny", ""),
        ('<pre><code class="language-python">x</code></pre>', "pre", "x", "python"),
        ("<blockquote>x</blockquote>", "blockquote", "x", ""),
        ("<tg-spoiler>x</tg-spoiler>", "spoiler", "x", ""),
        ('<span class="spoiler hidden"><span aria-hidden="1">x</span></span>', "spoiler", "x", ""),
        ('<a href="https://e.org/">https://e.org</a>', "url", "https://e.org", ""),
        ('<a href="http://example.org/">example.org</a>', "url", "example.org", ""),
        ('<a href="https://example.org/%D1%8F">example.org/я</a>', "url", "example.org/я", ""),
        ('<a href="https://example.org/" onclick="return confirm(1)">тут</a>', "text_link", "тут",
         "https://example.org/"),
        ('<a href="https://t.me/iv?url=https%3A%2F%2Fexample.org%2Fa&amp;rhash=1">тут</a>',
         "text_link", "тут", "https://example.org/a"),
        ('<a href="mailto:a@example.org">a@example.org</a>', "email", "a@example.org", ""),
        ('<a href="tel:+70000000000">+7 000 000 00 00</a>', "phone", "+7 000 000 00 00", ""),
        ('<a href="https://t.me/Name">@name</a>', "mention", "@name", ""),
        ('<a href="tg://user?id=7">Имя</a>', "mention_name", "Имя", "7"),
        ('<a href="?q=%23%D1%85%D0%BB%D0%B5%D0%B1">#хлеб</a>', "hashtag", "#хлеб", ""),
        ('<a href="" onclick="return ShowHashtag(&quot;x&quot;)">#x</a>', "hashtag", "#x", ""),
        ('<a href="" onclick="return ShowCashtag(&quot;A&quot;)">$A</a>', "cashtag", "$A", ""),
        ('<a href="" onclick="return ShowBotCommand(&quot;go&quot;)">/go</a>', "bot_command",
         "/go", ""),
        ('<a href="" onclick="return ShowMentionName()">Имя</a>', "mention_name", "Имя", ""),
        ('<a href="stickers/sticker.webp">☕</a>', "custom_emoji", "☕", ""),
        ('<a href="" onclick="return ShowNotLoadedEmoji()">☕</a>', "custom_emoji", "☕", ""),
        ('<tg-emoji emoji-id="5"><i class="emoji" style="x"><b>☕</b></i></tg-emoji>',
         "custom_emoji", "☕", "5"),
        ('<tg-time unix="1700000000" format="t">завтра</tg-time>', "date", "завтра", "1700000000"),
        ('<a href="javascript:alert(1)">x</a>', "text_link", "x", "javascript:alert(1)"),
    ],
)  # fmt: skip
def test_each_kind_is_read_from_telegrams_html(
    html: str, kind: str, words: str, value: str
) -> None:
    assert both(f"до {html} после") == (f"до {words} после", [(kind, words, value)])


def test_plain_emoji_are_text() -> None:
    html = '<b>а <i class="emoji" style="x"><b>🏔</b></i></b> <img class="emoji" alt="☕" src="x">'
    assert both(html) == ("а 🏔 ☕", [("bold", "а 🏔", "")])


def test_a_collapsed_quotation_says_so() -> None:
    for mark in ("expandable", 'class="expandable"'):
        _, (quote,) = from_html(
            fragment_fromstring(f"<div><blockquote {mark}>x</blockquote></div>")
        )
        assert quote.attrs == {"collapsed": "true"}


def test_newlines_of_the_source_are_layout_and_the_ends_are_trimmed() -> None:
    html = "\n   <b>Раз</b>,\n   два<br>\n <br>  три\n<i>четыре </i>\n\t "
    assert both(html) == (
        "Раз, два\n\n  три четыре",
        [("bold", "Раз", ""), ("italic", "четыре", "")],
    )


def test_entities_follow_the_text_when_its_beginning_is_trimmed() -> None:
    assert both("<b><br> раз</b><br>") == ("раз", [("bold", "раз", "")])


def test_scripts_and_comments_are_no_text() -> None:
    assert both("а<!-- нет --><script>нет</script><style>нет</style>б") == ("аб", [])


def test_formatting_inside_formatting_comes_outer_first() -> None:
    text, marked = both('<b>раз <i>два <a href="https://example.org">три</a></i></b>')
    assert text == "раз два три"
    assert [kind for kind, *_ in marked] == ["bold", "italic", "text_link"]


@pytest.mark.parametrize(
    "source", sorted(GOLDEN.glob("telegram/*.source.html")), ids=lambda p: p.name
)
def test_telegrams_pages_give_the_html_written_beside_them(source: Path) -> None:
    text, entities = from_html(fragment_fromstring(source.read_text("utf-8")))
    html = pretty(check(text, entities)).rstrip("\n") + "\n"
    expected = source.with_suffix("").with_suffix(".html")
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(html, "utf-8")
    assert html == expected.read_text("utf-8")


TELEGRAM = {"bold": "b", "italic": "i", "underline": "u", "strikethrough": "s", "code": "code",
            "pre": "pre", "blockquote": "blockquote", "spoiler": "tg-spoiler"}  # fmt: skip


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str, list[Entity]]:
    """HTML as Telegram writes it, and the text and entities it was written from."""
    html, text = "<b>н</b>", "н"
    entities = [entity("bold", 0, 1)]
    for kinds, words in draw(
        st.lists(
            st.tuples(
                st.lists(st.sampled_from(sorted(TELEGRAM)), max_size=3, unique=True),
                st.sampled_from(["а", "б & <в>", "\n", "х\n\nу", "😀", "  ", " з "]),
            ),
            max_size=8,
        )
    ):
        opening = "".join(f"<{TELEGRAM[kind]}>" for kind in kinds)
        closing = "".join(f"</{TELEGRAM[kind]}>" for kind in reversed(kinds))
        html += opening + escape(words).replace("\n", "<br>") + closing
        entities += [
            entity(kind, len(text), len(words))
            for place, kind in enumerate(kinds)
            if kind != "code" or "pre" not in kinds[:place]
        ]
        text += words
    return f"\n{html}к\n    ", text + "к", entities


@given(written())
def test_what_telegram_writes_is_read_as_it_was(case: tuple[str, str, list[Entity]]) -> None:
    html, text, entities = case
    found = from_html(fragment_fromstring(f'<div class="text">{html}</div>'))
    assert found == (text, entities)
    check(*found)


# --- Real posts ---------------------------------------------------------------------------------


def exported(folder: Path) -> Iterator[Post]:
    context = Context(base=folder.parent, cache=folder / "none", timezone="Asia/Omsk")
    reader = ExportReader.open(ExportReader.Settings(), folder.name, context)
    return (one for one in reader.changes(None) if isinstance(one, Post))


def test_every_post_of_the_sample_channel_keeps_each_character() -> None:
    posts = [post for post in exported(SAMPLE) if post.text]
    assert len(posts) > 40
    for post in posts:
        check(post.text, post.entities)


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="no real channel data here")
def test_every_post_of_real_exports_keeps_each_character(tmp_path: Path) -> None:
    results = sorted(FIXTURES.glob("clansty/result*.json"))
    assert results
    for number, result in enumerate(results):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "result.json").write_bytes(result.read_bytes())
        for post in exported(folder):
            check(post.text, post.entities)


def message_texts(page: Path) -> Iterator[Any]:
    root = document_fromstring(page.read_bytes(), parser=HTMLParser(encoding="utf-8"))
    for element in root.iter("div"):
        names = (element.get("class") or "").split()
        if names == ["text"] or "js-message_text" in names:
            yield element


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="no real channel data here")
def test_every_message_of_real_pages_keeps_each_character() -> None:
    count = 0
    for page in sorted(FIXTURES.rglob("*.html")):
        for element in message_texts(page):
            text, entities = from_html(element)
            assert letters(text) == letters(str(element.text_content())) or element.find(".//img")
            check(text, entities)
            count += 1
    assert count > 2000


# --- Work ---------------------------------------------------------------------------------------

MANY = 10_000
LONG = "ab " * MANY


@pytest.mark.parametrize(
    "entities",
    [
        [entity("blockquote", i, 3 * MANY - 2 * i) for i in range(MANY)],
        [entity("blockquote", i, MANY) for i in range(MANY)],
        [entity("list" if i % 2 else "item", i, 3 * MANY - i) for i in range(MANY)],
        [entity("bold", i, 3 * MANY - 2 * i) for i in range(MANY)],
        [entity(("bold", "italic", "code", "spoiler")[i % 4], i, 5000) for i in range(MANY)],
        [entity("text_link", i, MANY, f"https://example.org/{i}") for i in range(MANY)],
        [entity("media", 5, 0, "1") for _ in range(MANY)],
        [entity(("table", "row", "cell")[i % 3], 5, 0) for i in range(MANY)],
    ],
    ids=["nested", "crossing", "lists", "bold", "mixed", "links", "photos", "empty"],
)
def test_hostile_entities_cost_no_more_than_their_number(entities: list[Entity]) -> None:
    start = time.process_time()
    html = blocks(LONG, entities)
    assert letters(text_of(html)) == letters(LONG)
    assert time.process_time() - start < 2
    depth = deepest = 0
    for found in TAG.finditer(html):
        depth += -1 if found[1] else found[2] not in VOID
        deepest = max(deepest, depth)
    assert deepest < 100
    assert sanitize(html) == html


@pytest.mark.parametrize("text", ["\n" * 10**6, " \n" * 500_000, "<" * 500_000, "а\n\n" * 50_000])
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    start = time.process_time()
    assert letters(text_of(blocks(text, [entity("bold", 0, len(text))]))) == letters(text)
    assert time.process_time() - start < 2
