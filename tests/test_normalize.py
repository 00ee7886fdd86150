"""A post becomes the article an editor would sign, and no character of it is lost on the way.

Golden articles lie in ``golden/article``: one for each post of the sample channel, as a person
would read it. ``UPDATE_GOLDEN=1 pytest tests/test_normalize.py`` rewrites them.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crosspost.errors import ConfigError
from crosspost.markup import sanitize, text_of
from crosspost.model import (
    BLOCK_ENTITIES,
    INLINE_ENTITIES,
    Answer,
    Article,
    Author,
    Channel,
    Entity,
    Extra,
    Forward,
    LinkPreview,
    Media,
    Place,
    Poll,
    Post,
    Reply,
)
from crosspost.normalize import (
    Style,
    continued,
    hashtags,
    learn,
    may_continue,
    normalize,
)
from crosspost.readers import Bounds, Context
from crosspost.readers.export import ExportReader
from crosspost.rules import RuleSet, judge

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "article"
EXAMPLES = HERE.parent / "examples"
FIXTURES = Path(os.environ.get("CROSSPOST_FIXTURES", HERE.parent.parent / "shared" / "fixtures"))
ENGLISH = (17, 25, 27, 31, 37, 41, 48, 67, 68, 109, 116)
DATE = datetime(2025, 5, 1, 3, 0, tzinfo=UTC)
CHANNEL = Channel(id=4900000017, title="Мастерская")
STYLE = Style(
    blog="business",
    channel=CHANNEL,
    author=Author(name="Павел Сомов"),
    link="https://t.me/masterskaya_sib",
    language="ru",
    timezone="Asia/Omsk",
    credit="из блога автора",
)


def post(text: str = "", *entities: Entity, **more: Any) -> Post:
    return Post(**{"id": 31, "ids": (31,), "date": DATE, "text": text, "entities": entities} | more)


def made(text: str = "", *entities: Entity, **more: Any) -> Article:
    return normalize(post(text, *entities, **more), STYLE)


def photo(number: int = 0, **more: Any) -> Media:
    return Media(kind="photo", locator=f"photos/{number}.jpg", **more)


def on(text: str, part: str, kind: str, value: str = "", **attrs: str) -> Entity:
    """An entity over the first ``part`` in ``text``."""
    return Entity(type=kind, offset=text.index(part), length=len(part), value=value, attrs=attrs)


@lru_cache(maxsize=1)
def sample() -> dict[int, Post]:
    context = Context(base=EXAMPLES, cache=HERE / "nowhere", timezone="Asia/Omsk")
    reader = ExportReader.open(ExportReader.Settings(), "channel", context)
    return {one.id: one for one in reader.read(Bounds()) if isinstance(one, Post)}


@lru_cache(maxsize=1)
def taught() -> Style:
    """The style of the sample's blog, with the footers that the sample teaches."""
    return msgspec.structs.replace(STYLE, footers=learn(sample().values(), STYLE))


# --- The conservation rule --------------------------------------------------------------------


def bare(text: str) -> str:
    """Characters without white space, in small letters, those that HTML cannot hold left out."""
    text = re.sub(
        "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffd-\uffff]",
        "",
        text,
    )
    return "".join(text.split()).casefold()


def check(source: Post, article: Article) -> None:
    """The spans cover the text, and it stands where they say."""
    text = source.text
    at = 0
    for span in article.spans:
        assert span.start == at < span.end, f"a gap or an overlap at {at}"
        at = span.end
    assert at == len(text), "the spans end before the text does"

    def said(part: str, figure: int = -1) -> str:
        return bare(
            "".join(
                text[s.start : s.end] for s in article.spans if (s.part, s.figure) == (part, figure)
            )
        )

    assert all(s.reason for s in article.spans if s.part != "body"), "a span without its reason"
    if said("headline"):
        assert bare(article.title) == said("headline")
    assert bare(text_of(article.lead)) == said("lead")
    shown = bare(text_of(article.body))
    if source == post(text, *source.entities) and "Подробнее:" not in article.body:
        assert shown == said("body")
    assert holds(shown, said("body"))
    for index, figure in enumerate(article.figures):
        assert bare(text_of(figure.caption)) == said("caption", index)
        if index != article.cover and said("caption", index):
            assert said("caption", index) in bare(text_of(article.body))
    assert holds(bare(text_of(article.credit)), said("credit"))
    tags = bare("".join(article.tags))
    for span in article.spans:
        if span.part == "tags":
            tag = text[span.start : span.end].removeprefix("#").partition("@")[0]
            assert bare(tag.replace("_", " ")) in tags


def holds(words: str, part: str) -> bool:
    """Whether all of ``part`` stands in ``words`` in order (captions and notes may be between)."""
    if part in words:
        return True
    rest = iter(words)
    return all(char in rest for char in part)


def sound(source: Post, article: Article) -> None:
    """What holds for every article, whatever the post was."""
    assert article.title.strip() == article.title != ""
    assert "\n" not in article.title
    assert len(article.title) <= STYLE.title_length
    assert not re.search(r"(?<![.?!])[.,:;]$", article.title)
    assert re.fullmatch(r"[a-z0-9-]{1,90}", article.slug)
    assert article.slug.startswith(f"{source.id}")
    captions = [figure.caption for figure in article.figures]
    for html in (article.body, article.lead, article.attribution, article.credit, *captions):
        assert sanitize(html) == html
    assert not re.search(r"<(p|blockquote|h\d|figcaption)[^>]*>(\s|<br>)*</\1>", article.body)
    numbers = [int(n) for n in re.findall(r'(?:src|href)="media:(\d+)"', article.body)]
    wanted = [n for n in range(len(article.figures)) if n != article.cover]
    assert sorted(numbers) == wanted, "every figure stands once, the cover not in the body"
    assert "<script" not in article.body + article.attribution + article.credit + article.lead
    assert "javascript:" not in "".join(re.findall(r'href="([^"]*)"', article.body))


def test_every_post_of_the_sample_is_an_article_and_keeps_each_character() -> None:
    assert len(sample()) > 50
    for source in sample().values():
        article = normalize(source, taught())
        check(source, article)
        sound(source, article)


STICKER = Media(kind="sticker", locator="a.webp", caption=(3, 1))
WORDS = st.sampled_from(
    [
        "Хлеб", "начинается", "в четыре утра", ".", ". ", "? ", "! ", "…", ": ", ", ", " — ", "\n",
        "\n\n", "\n \n", " ", "#тег", "#малый_бизнес", "# ", "«", "»", "(", ")", "🧾", "👨‍👩‍👧",
        "1️⃣", "На фото: Ирина", "Фото: Олег", "📷 Анна", "© Анна", "Подписаться: ",
        "t.me/masterskaya_sib", "https://t.me/masterskaya_sib/7", "@masterskaya_sib", "ПРОВЕРКИ",
        "НДС", "г. ", "<script>", "&amp;", "\u202e", "\x00", "\ud800", "\u00a0", "е\u0301",
        "Друзья",
    ]
)  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return "".join(draw(st.lists(WORDS, max_size=40)))
    return draw(st.text(max_size=200))


HOSTILE = st.sampled_from(
    [
        "", "Ярмарка", '"><script>alert(1)</script>', "{{ 7*7 }}", "a & b\n\nc",
        "javascript:alert(1)", "https://example.org/?a=1&b=2", "http://[bad", "post:7", "media:0",
        "\ud800", "\u202e",
        "&lt;b&gt;", "data:text/html,x",
    ]
)  # fmt: skip


def extras() -> st.SearchStrategy[dict[str, Any]]:
    """Everything else a post may bring, with words from hostile hands."""
    numbers = st.none() | st.integers(-1, 10**12)
    answers = st.lists(
        st.builds(
            Answer, text=HOSTILE, voters=numbers, percent=st.none() | st.integers(-5, 500),
            correct=st.booleans(),
        ),
        max_size=3,
    ).map(tuple)  # fmt: skip
    kinds = st.sampled_from(
        ["todo", "game", "invoice", "contact", "unsupported", "giveaway", "dice"]
    )
    lines = st.lists(st.tuples(HOSTILE, st.booleans()), max_size=2).map(tuple)
    return st.fixed_dictionaries(
        {
            "forward": st.none()
            | st.builds(
                Forward, name=HOSTILE, url=HOSTILE, author=HOSTILE, channel_id=st.integers(0, 3)
            ),
            "reply_to": st.none()
            | st.builds(
                Reply, post_id=st.integers(0, 99), url=HOSTILE, name=HOSTILE, quote=HOSTILE
            ),
            "poll": st.none()
            | st.builds(
                Poll, question=HOSTILE, answers=answers, voters=numbers, solution=HOSTILE,
                quiz=st.booleans(), multiple=st.booleans(), closed=st.booleans(),
            ),
            "link_preview": st.none()
            | st.builds(
                LinkPreview, url=HOSTILE, site=HOSTILE, title=HOSTILE, description=HOSTILE,
                photo=st.none() | st.integers(-1, 3),
            ),
            "place": st.none()
            | st.builds(
                Place, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), title=HOSTILE,
                address=HOSTILE,
            ),
            "extras": st.lists(
                st.builds(Extra, kind=kinds, title=HOSTILE, lines=lines, value=HOSTILE), max_size=2
            ).map(tuple),
            "author_signature": HOSTILE,
            "via_bot": HOSTILE,
        }
    )  # fmt: skip


@st.composite
def posts(draw: st.DrawFn) -> Post:
    text = draw(texts())
    near = st.integers(-2, len(text) + 3)
    values = st.sampled_from(
        ["", "0", "1", "2", "9", "javascript:x", "https://t.me/masterskaya_sib"]
    )
    entities = draw(
        st.lists(
            st.builds(
                Entity,
                type=st.sampled_from(sorted(INLINE_ENTITIES | BLOCK_ENTITIES)),
                offset=near,
                length=near,
                value=values,
            ),
            max_size=8,
        )
    )
    media = draw(
        st.lists(
            st.builds(
                Media,
                kind=st.sampled_from(["photo", "photo", "video", "document", "sticker", "voice"]),
                locator=st.just("a/b"),
                name=st.sampled_from(["", "a<b>.pdf"]),
                missing=st.sampled_from(["", "", "it is gone"]),
                caption=st.none() | st.tuples(near, near),
            ),
            max_size=4,
        )
    )
    return post(text, *entities, media=tuple(media), **draw(st.just({}) | extras()))


@settings(max_examples=120, deadline=None)
@given(posts())
@example(post("На фото: А.", media=(photo(),)))
@example(post("#а #б", media=(photo(),)))
@example(post("а\n\nб", media=(photo(caption=(0, 1)), STICKER)))
@example(post("Фото: Олег", media=(photo(),)))
def test_no_post_whatsoever_loses_or_doubles_a_character(source: Post) -> None:
    article = normalize(source, STYLE)
    check(source, article)
    sound(source, article)
    assert article == normalize(source, STYLE), "the same post gives the same article"


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(posts())
def test_no_post_of_very_many_loses_or_doubles_a_character(source: Post) -> None:
    article = normalize(source, STYLE)
    check(source, article)
    sound(source, article)


# --- Golden articles --------------------------------------------------------------------------


def rendered(source: Post, article: Article) -> str:
    """The article as a person reads it, and where each stretch of the post's text went."""
    lines = [f"title: {article.title}", f"slug: {article.slug}"]
    lines += [f"lead: {article.lead}"] * bool(article.lead)
    lines += [f"tags: {', '.join(article.tags)}"] * bool(article.tags)
    for number, figure in enumerate(article.figures):
        name = "cover" if number == article.cover else f"figure {number}"
        lines.append(f"{name}: {figure.media.kind} {figure.media.locator}")
        lines.append(f"    alt: {figure.alt}")
        lines += [f"    caption: {figure.caption}"] * bool(figure.caption)
    body = re.sub(
        r"(</(?:p|ul|li|figure|section|blockquote|div|pre|h\d)>)(?!\n|$)", r"\1\n", article.body
    )
    lines += ["", body, "", article.attribution, article.credit, ""]
    lines += [f"note: {note}" for note in article.notes]
    for span in article.spans:
        words = " ".join(source.text[span.start : span.end].split())
        words = words if len(words) < 72 else f"{words[:45]}…{words[-25:]}"
        figure = f" {span.figure}" if span.figure >= 0 else ""
        if words:
            lines.append(f"{span.part}{figure}: «{words}» {span.reason}".rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text


def test_each_post_of_the_sample_becomes_the_article_on_disk() -> None:
    for number, source in sample().items():
        compare(f"{number}.txt", rendered(source, normalize(source, taught())))
    known = {int(path.name.partition(".")[0]) for path in GOLDEN.glob("*.txt")}
    assert known == set(sample()), "no golden article without its post"


def test_the_wording_is_english_where_the_blog_is() -> None:
    style = msgspec.structs.replace(STYLE, language="en", credit="the author’s blog")
    for number in ENGLISH:
        source = sample()[number]
        compare(f"{number}.en.txt", rendered(source, normalize(source, style)))


# --- Headlines --------------------------------------------------------------------------------

HEADLINES = [
    # the first line is one
    (
        "Руками\n\nОтец говорил, что человека видно по рукам.",
        "Руками",
        "Отец говорил, что человека видно по рукам.",
    ),
    ("🧾 НДС: коротко о главном\n\nС этого года.", "НДС: коротко о главном", "С этого года."),
    ("1️⃣ Первое правило\nНе спешить.", "Первое правило", "Не спешить."),
    ("Расписание на неделю:\nСреда, 18:00", "Расписание на неделю", "Среда, 18:00"),
    ("Мы открылись!!! 🎉\n\nПриходите.", "Мы открылись!", "Приходите."),
    ("Открылись? Да!\n\nПриходите.", "Открылись? Да!", "Приходите."),
    ("Вопрос недели…\n\nПриходите.", "Вопрос недели…", "Приходите."),
    ("Итоги #ярмарка дня\n\nПриходите.", "Итоги ярмарка дня", "Приходите."),
    # the first sentence is one
    ("Рабочее утро.", "Рабочее утро", ""),
    ("Минус тридцать восемь. Кофейня открылась.", "Минус тридцать восемь", "Кофейня открылась."),
    ("Да. Завтра открываем. Ждём.", "Да. Завтра открываем", "Ждём."),
    (
        "Пришли с ул. Почтовой к А. С. Пушкину. Сели.",
        "Пришли с ул. Почтовой к А. С. Пушкину",
        "Сели.",
    ),
    ("Он сказал: «Приду. Ждите». И ушёл.", "Он сказал: «Приду. Ждите»", "И ушёл."),
    ('Он сказал: "Приду. Ждите". И ушёл.', 'Он сказал: "Приду. Ждите"', "И ушёл."),
    ("Пора! 😁", "Пора!", ""),
    ("заметка на полях. Потом допишу.", "Заметка на полях", "Потом допишу."),
    # made: the sentence stays
    ("❗️ВНИМАНИЕ❗️\n\nЗавтра отключат воду.", "Завтра отключат воду", None),
    ("1. Первое дело.\n2. Второе дело.", "Первое дело", None),
    ("Дорогие друзья! Завтра открываем вторую точку. Ждём.", "Завтра открываем вторую точку", None),
    ("Всем привет!\n\nЗавтра открываем вторую точку. Ждём.", "Завтра открываем вторую точку", None),
    (
        (
            "Налоговая выложила калькулятор нагрузки: можно сравнить упрощёнку, патент и режимы,"
            " какие ещё остались у нас в стране. Считает."
        ),
        "Налоговая выложила калькулятор нагрузки",
        None,
    ),
    (
        (
            "Завтра с самого утра мы вместе с соседями из мастерской на Заводской улице и с"
            " ребятами (их двадцать человек, и все пришли) пойдём на субботник"
        ),
        "Завтра с самого утра мы вместе с соседями из мастерской на Заводской улице и с ребятами…",
        None,
    ),
]


@pytest.mark.parametrize(("text", "title", "body"), HEADLINES)
def test_the_headline_is_what_an_editor_would_take(text: str, title: str, body: str | None) -> None:
    article = made(text)
    assert article.title == title
    shown = " ".join(text_of(article.body).split())
    assert shown == (" ".join(text.split()) if body is None else body), "never said twice"


def test_a_headline_keeps_the_form_it_had_in_the_text() -> None:
    text = "ПРОВЕРКИ И НДС: ЧТО МОЖНО\n\nПро проверки и НДС говорили вчера."
    assert made(text).title == "Проверки и НДС: что можно"
    name = "ЯРМАРКА В ПРИИРТЫШСКЕ\n\nВчера была ярмарка."
    assert made(name).title == "ЯРМАРКА В ПРИИРТЫШСКЕ", "a word that may be a name is left alone"


def test_a_bold_beginning_is_the_headline_also_in_the_midst_of_a_line() -> None:
    text = "Мастерская на Лесной закрылась. Без скандала и без объявления."
    article = made(text, on(text, "Мастерская на Лесной закрылась.", "bold"))
    assert article.title == "Мастерская на Лесной закрылась"
    assert article.body == "<p>Без скандала и без объявления.</p>"


def test_the_link_of_a_headline_is_not_lost() -> None:
    text = "Вышел калькулятор налогов\n\nСчитает честно."
    link = on(
        text, "Вышел калькулятор налогов", "text_link", "https://www.example.org/calc?a=1&b=2"
    )
    article = made(text, link)
    assert article.title == "Вышел калькулятор налогов"
    assert (
        'Подробнее: <a href="https://www.example.org/calc?a=1&amp;b=2">example.org</a>.'
        in article.body
    )
    card = LinkPreview(url="https://www.example.org/calc?a=1&b=2", title="Калькулятор")
    assert "Подробнее" not in made(text, link, link_preview=card).body, "the card shows it"


def test_a_number_or_an_address_in_a_footer_is_no_headline() -> None:
    article = made("1️⃣\n\nГоворили о деле.")
    assert article.title == "Говорили о деле"
    text = "🔥\n\nПодписаться: https://t.me/masterskaya_sib"
    found = normalize(post(text, on(text, "https://t.me/masterskaya_sib", "url")), STYLE)
    assert found.title == "Ссылка: 1 мая 2025"


def test_a_card_or_a_poll_does_not_shout_either() -> None:
    card = LinkPreview(
        url="https://example.org/", title="МОСТ ОТКРЫЛИ", description="Новый мост открыли утром."
    )
    assert made("", link_preview=card).title == "Мост открыли"
    assert made("", poll=Poll(question="КОГДА МЫ НАЧНЁМ?")).title == "КОГДА МЫ НАЧНЁМ?"
    assert made("", poll=Poll(question="КТО ЗА ВСЕ ЭТО?")).title == "Кто за все это?"


def test_an_address_alone_is_a_link_to_somewhere() -> None:
    text = "https://www.example.org/calc"
    article = made(text, on(text, text, "url"))
    assert article.title == "Ссылка: example.org"
    assert article.body == f'<p><a href="{text}">{text}</a></p>'


def test_the_headline_fits_where_the_site_is_narrow() -> None:
    style = msgspec.structs.replace(STYLE, title_length=40)
    for source in sample().values():
        assert len(normalize(source, style).title) <= 40


# --- Lead, tags, footer -----------------------------------------------------------------------

LONG = "Потом говорили о сроках, о деньгах и о том, кто за что отвечает. " * 3


def test_a_short_first_paragraph_is_the_lead_and_stands_apart() -> None:
    article = made(f"Встреча\n\nВстретились с министром экономики области.\n\n{LONG}")
    assert article.lead == "Встретились с министром экономики области."
    assert "министром" not in article.body


@pytest.mark.parametrize(
    "paragraph",
    [
        "Вот что решили на этой встрече:",
        "— первое, самое главное решение.",
        "🔺 Первое, самое главное решение.",
        "Одно. Второе. Третье предложение этого абзаца.",
        "Коротко.",
    ],
)
def test_a_paragraph_that_leans_on_the_next_is_no_lead(paragraph: str) -> None:
    assert made(f"Встреча\n\n{paragraph}\n\n{LONG}").lead == ""


def test_a_lead_needs_text_after_it() -> None:
    assert made("Встреча\n\nВстретились с министром экономики области.").lead == ""


def test_hashtags_below_the_text_become_tags_and_leave_it() -> None:
    article = made("Встреча\n\nПоговорили. #налоги\n\n#малый_бизнес #Налоги@masterskaya_sib #НДС")
    assert article.tags == ("налоги", "малый бизнес", "НДС")
    assert article.body == "<p>Поговорили.</p>"


def test_a_rubric_above_the_text_is_a_tag() -> None:
    article = made("#налоги\nСроки на январь\n\nУспеть до пятницы.")
    assert (article.title, article.tags) == ("Сроки на январь", ("налоги",))


def test_a_rubric_before_the_first_sentence_is_a_tag() -> None:
    article = made("#вопрос_ответ Можно ли без кассы? Можно.")
    assert (article.title, article.tags) == ("Можно ли без кассы?", ("вопрос ответ",))
    assert made("#среда — лучший день").tags == ()


def test_hashtags_in_a_sentence_or_a_list_stay() -> None:
    assert made("Встреча\n\nМоя #среда была долгой").tags == ()
    kept = made("Встреча\n\nРубрики канала:\n#налоги\n#среда")
    assert (kept.tags, "#налоги" in kept.body) == ((), True)


def test_hashtags_the_site_does_not_want_are_removed() -> None:
    style = msgspec.structs.replace(STYLE, no_tags=frozenset({"в_канал"}))
    article = normalize(post("Встреча\n\nПоговорили.\n\n#В_канал #налоги"), style)
    assert article.tags == ("налоги",)
    assert "канал" not in article.body


def test_spellings_of_one_tag_are_joined() -> None:
    article = made(
        "Встреча\n\nДа.\n\n#НДС #ндс #НДC #Всё #все #малый_бизнес #малыйбизнес #smm #SMM"
    )
    assert article.tags == ("НДС", "Всё", "малый бизнес", "smm")
    style = msgspec.structs.replace(STYLE, tag_names=hashtags(post("О #НДС и #Малый_Бизнес")))
    again = normalize(post("Встреча\n\nДа.\n\n#ндс #малыйбизнес #новое"), style)
    assert again.tags == ("НДС", "Малый Бизнес", "новое")


def test_a_person_says_what_a_hashtag_is_called() -> None:
    called = {"мсп": "малый бизнес", "#SMB": "#малый_бизнес", "личное": ""}
    style = msgspec.structs.replace(STYLE, tag_map=called)
    source = post("Встреча\n\nДа.\n\n#МСП #smb #налоги")
    article = normalize(source, style)
    assert article.tags == ("малый бизнес", "налоги")
    reasons = [span.reason for span in article.spans if span.part == "tags"]
    assert reasons == ["a hashtag that is called «малый бизнес» here"] * 2 + [
        "hashtags beside the text"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Подписаться: t.me/masterskaya_sib",
        "👉 Подписывайтесь на канал @masterskaya_sib",
        "Мастерская | t.me/masterskaya_sib",
        "@masterskaya_sib",
        "Мастерская: https://t.me/masterskaya_sib",
    ],
)
def test_the_call_to_subscribe_is_not_repeated_under_every_article(line: str) -> None:
    article = made(f"Встреча\n\nПоговорили.\n\n{line}")
    assert article.body == "<p>Поговорили.</p>"
    assert article.spans[-1].reason == "only leads to this channel"


def test_a_row_of_links_with_the_channels_among_them_is_a_footer() -> None:
    text = "Встреча\n\nПоговорили.\n\nТелеграм | ВК"
    ours = on(text, "Телеграм", "text_link", "https://t.me/masterskaya_sib")
    theirs = on(text, "ВК", "text_link", "https://vk.com/masterskaya")
    assert made(text, ours, theirs).body == "<p>Поговорили.</p>"
    assert "Телеграм" in made(text, theirs).body


@pytest.mark.parametrize(
    "line",
    [
        "Подписаться: t.me/drugoi_kanal",
        "Подробнее: t.me/masterskaya_sib/16",
        "Спасибо @masterskaya_sib за приём",
    ],
)
def test_a_line_about_something_else_stays(line: str) -> None:
    assert bare(line) in bare(text_of(made(f"Встреча\n\nПоговорили.\n\n{line}").body))


# --- What stands under many posts -------------------------------------------------------------


def archive(*tails: str, above: str = "", count: int = 1) -> list[Post]:
    """Posts with words of their own, the first, second… with these tails."""
    return [
        post(
            f"{above}Встреча {n}\n\nПоговорили о деле номер {n}.{tail}",
            id=n,
            ids=(n,),
            date=DATE + timedelta(days=n),
        )
        for n, tail in enumerate(tails * count, 1)
    ]


def learned(posts: list[Post], **style: Any) -> tuple[list[Article], list[str]]:
    """Their articles once the archive has taught its footers, and what the last one lost."""
    told = msgspec.structs.replace(STYLE, **style)
    told = msgspec.structs.replace(told, footers=learn(posts, told))
    articles = [normalize(one, told) for one in posts]
    for one, article in zip(posts, articles, strict=True):
        check(one, article)
    last = posts[-1].text
    return articles, [
        f"{last[s.start : s.end]}: {s.reason}"
        for s in articles[-1].spans
        if s.part == "removed" and last[s.start : s.end].strip(" .\n")
    ]


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("Прислать новость: @masterskaya_bot", 3),
        ("📲 Наш чат — https://t.me/+AAAAAEexample", 3),
        ("Follow us: https://example.org/masterskaya", 3),
        ("Мастерская в MAX: max.ru/masterskaya", 3),
        ("Запись на экскурсии: https://example.org/tour", 5),
        ("Телефон мастерской @masterskaya_tel", 5),
        ("С уважением, ваш Павел", 8),
    ],
)
def test_a_line_that_stands_under_many_posts_leaves_the_articles(line: str, count: int) -> None:
    posts = archive(f"\n\n{line}", count=count)
    posts = [msgspec.structs.replace(one, entities=address(one.text)) for one in posts]
    articles, removed = learned(posts)
    assert [one.body for one in articles] == [
        f"<p>Поговорили о деле номер {n}.</p>" for n in range(1, count + 1)
    ]
    assert removed == [f"{line}: repeats under {count} posts"]
    assert all(line.split()[-1] in text_of(one.body) for one in learned(posts[1:])[0])


def address(text: str) -> tuple[Entity, ...]:
    """The addresses in a text, as Telegram marks them."""
    found = re.finditer(r"https?://\S+|@\w+|\b[a-z]+\.ru/\w+", text)
    return tuple(
        Entity(type="mention" if m[0][0] == "@" else "url", offset=m.start(), length=len(m[0]))
        for m in found
    )


def test_emoji_spaces_capitals_and_counters_make_no_other_line() -> None:
    tails = [
        "\n\n👉 Наш сайт:  https://example.org/?utm_source=tg&utm_campaign=12",
        "\n\nНаш сайт: https://www.example.org/?utm_source=tg",
        "\nНАШ САЙТ — https://example.org/ 🔥",
    ]
    posts = [msgspec.structs.replace(p, entities=address(p.text)) for p in archive(*tails)]
    assert all("сайт" not in one.body.lower() for one in learned(posts)[0])


def test_several_lines_a_divider_and_hashtags_between_leave_together() -> None:
    tail = "\n\n———\n#мастерская\nНаш чат: @mast_chat\nПредложить новость: @mast_bot"
    posts = archive(tail, count=8)
    posts = [msgspec.structs.replace(p, entities=address(p.text)) for p in posts]
    articles, removed = learned(posts)
    assert articles[-1].body == "<p>Поговорили о деле номер 8.</p>"
    assert articles[-1].tags == ("мастерская",)
    assert len(removed) == 3


def test_never_more_than_the_learned_lines_go() -> None:
    posts = archive("\n\nНаш чат: @mast_chat", count=4)
    odd = post("Встреча\n\nПоговорили.\n\nНаш чат: @mast_chat\nВ нём обсудим ярмарку.")
    posts = [msgspec.structs.replace(p, entities=address(p.text)) for p in [*posts, odd]]
    articles, _ = learned(posts)
    assert "Наш чат" in text_of(articles[-1].body), "a line of its own stands below it"


def test_the_same_link_words_that_lead_elsewhere_each_time_are_text() -> None:
    posts = [
        msgspec.structs.replace(
            one,
            entities=(on(one.text, "Читать дальше", "text_link", f"https://example.org/{one.id}"),),
        )
        for one in archive("\n\nЧитать дальше", count=12)
    ]
    assert all("Читать" in one.body for one in learned(posts)[0])


def test_news_that_repeat_are_no_footer() -> None:
    tails = ["\n\nВход свободный.", "", "", "\n\nВход свободный.", ""]
    assert "Вход свободный" in learned(archive(*tails, count=8))[0][-2].body
    twin = [post("Ярмарка\n\nВ субботу.\n\nБилеты: @mast_bot") for _ in range(12)]
    twin = [msgspec.structs.replace(p, entities=address(p.text)) for p in twin]
    assert "Билеты" in learned(twin)[0][-1].body, "one text sent again and again teaches nothing"


def test_a_repeated_first_line_with_the_channels_link_is_no_headline() -> None:
    posts = archive("", above="Мастерская | Подписаться @masterskaya_sib\n\n", count=4)
    posts = [msgspec.structs.replace(p, entities=address(p.text)) for p in posts]
    assert learned(posts)[0][-1].title == "Встреча 4"
    rubric = archive("", above="Слово дня\n\n", count=12)
    assert learned(rubric)[0][-1].title == "Слово дня", "plain words are the post's own"


@pytest.mark.parametrize(
    "line",
    [
        "Реклама. ООО «Верстак», ИНН 0000000000, erid: 2VtzqxSAMPLE",
        "Рекламодатель: ИП Сомов",
        "Настоящий материал произведён иностранным агентом",
    ],
)
def test_what_the_law_demands_is_never_cut_out(line: str) -> None:
    posts = archive(f"\n\nНаш чат: @mast_chat\n{line}", count=12)
    posts = [msgspec.structs.replace(p, entities=address(p.text)) for p in posts]
    articles, _ = learned(posts, pin=(line,), no_tags=frozenset({"реклама"}))
    assert line in text_of(articles[-1].body)
    assert "чат" not in articles[-1].body
    tagged = normalize(
        post("Станки\n\nСо скидкой.\n\n#реклама"),
        msgspec.structs.replace(STYLE, no_tags=frozenset({"реклама"})),
    )
    assert tagged.tags == ("реклама",)


def test_a_person_pins_a_line_or_forbids_it_to_be_one() -> None:
    one = post("Встреча\n\nПоговорили.\n\nВаш Павел!\nПодписаться: @masterskaya_sib")
    pinned = msgspec.structs.replace(STYLE, pin=("ваш павел",))
    assert normalize(one, pinned).body == "<p>Поговорили.</p>"
    forbid = msgspec.structs.replace(pinned, forbid=("Подписаться: @masterskaya_sib",))
    assert "Подписаться" in normalize(one, forbid).body
    posts = archive("\n\nС уважением, Павел", count=9)
    assert "уважением" not in learned(posts)[0][-1].body
    assert "уважением" in learned(posts, forbid=("С уважением, Павел",))[0][-1].body


def numbered(source: Post, number: int, tail: str, *more: Entity) -> Post:
    """The post with an end of its own, what it says of its text within that, and ``tail``."""
    size = len(source.text)
    kept = (
        msgspec.structs.replace(one, offset=at, length=min(one.length, size - at))
        for one in source.entities
        if (at := max(one.offset, 0)) < size and one.length > 0
    )
    media = tuple(
        msgspec.structs.replace(
            one, caption=None if one.caption and sum(one.caption) > size else one.caption
        )
        for one in source.media
    )
    text = f"{source.text}\n\nГоворили о деле {number}.{tail}"
    moved = (msgspec.structs.replace(one, offset=len(text) - one.offset) for one in more)
    return msgspec.structs.replace(
        source, id=number, ids=(number,), text=text, entities=(*kept, *moved), media=media
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(posts(), min_size=6, max_size=6))
def test_a_footer_under_every_post_changes_no_article_once_learned(sources: list[Post]) -> None:
    line = "\n\nПрислать новость: https://example.org/send"
    link = Entity(type="url", offset=24, length=24)  # counted from the end
    plain = [numbered(one, n, "") for n, one in enumerate(sources, 1)]
    under = [numbered(one, n, line, link) for n, one in enumerate(sources, 1)]
    style = msgspec.structs.replace(STYLE, footers=learn(under, STYLE))
    for before, after in zip(plain, under, strict=True):
        one, other = normalize(before, style), normalize(after, style)
        assert msgspec.structs.replace(other, spans=one.spans) == one
        removed = [s for s in other.spans if s.reason.startswith("repeats")]
        assert [after.text[s.start : s.end] for s in removed] == [line.strip()]


def test_links_to_the_channels_own_posts_lead_to_their_articles() -> None:
    text = "Встреча\n\nБыло тут и вот тут, и у соседей."
    article = made(
        text,
        on(text, "тут", "text_link", "https://t.me/masterskaya_sib/16?single"),
        on(text, "вот", "text_link", "https://t.me/s/Masterskaya_sib/17"),
        on(text, "соседей", "text_link", "https://t.me/sosedi/18"),
    )
    assert re.findall('href="([^"]*)"', article.body) == [
        "post:16",
        "post:17",
        "https://t.me/sosedi/18",
    ]


# --- Captions and credits ---------------------------------------------------------------------


def test_a_line_about_the_photo_moves_under_it() -> None:
    text = "Встреча\n\nПоговорили.\n\nНа фото: Ирина Ладыгина (пекарня)\n\nРазошлись."
    article = made(text, media=(photo(), photo(1)))
    assert article.figures[0].caption == "На фото: Ирина Ладыгина (пекарня)"
    assert "Ирина" not in article.body
    assert "<p>Поговорили.</p><p>Разошлись.</p>" in article.body
    assert "Ирина" in made(text).body, "without a photo it is the text's"


def test_a_caption_that_names_its_photo_goes_there() -> None:
    text = "Встреча\n\nПоговорили.\n\nНа фото 2: Ирина\nНа первом фото: Олег\nНа фото 7: никто"
    article = made(text, media=(photo(), photo(1)))
    assert [figure.caption for figure in article.figures] == [
        "На первом фото: Олег",
        "На фото 2: Ирина",
    ]
    assert "На фото 7: никто" in article.body
    assert "<figcaption>На фото 2: Ирина</figcaption>" in article.body


@pytest.mark.parametrize("border", [". ", ".\n\n"])
def test_a_caption_and_its_credit_may_share_a_line(border: str) -> None:
    text = f"Встреча{border}На фото: Илья Вагин. Фото: Олег Мезенцев"
    article = made(text, media=(photo(),))
    assert article.title == "Встреча"
    assert article.figures[0].caption == "На фото: Илья Вагин."
    assert (article.credit, article.body) == ("Фото: Олег Мезенцев", "")
    check(post(text, media=(photo(),)), article)


def test_prose_that_begins_with_the_photo_stays() -> None:
    text = "Встреча\n\nПоговорили.\n\nНа фото видно не всё, что там было на самом деле."
    assert "На фото видно" in made(text, media=(photo(),)).body
    named = "Встреча\n\nПоговорили.\n\nНа фото Ирина Ладыгина и её пекарня."
    assert (
        made(named, media=(photo(),)).figures[0].caption == "На фото Ирина Ладыгина и её пекарня."
    )


def test_in_an_album_each_photo_keeps_its_own_words() -> None:
    text = "Ярмарка на площади\n\nСыры Марины\n\nСвечи Полины\nФото: Олег Мезенцев"
    parts = ["Ярмарка на площади", "Сыры Марины", "Свечи Полины\nФото: Олег Мезенцев"]
    media = tuple(photo(n, caption=(text.index(part), len(part))) for n, part in enumerate(parts))
    article = made(text, media=media)
    assert article.title == "Ярмарка на площади"
    assert [one.caption for one in article.figures] == ["", "Сыры Марины", "Свечи Полины"]
    assert article.credit == "Фото: Олег Мезенцев"
    check(post(text, media=media), article)


def test_the_only_words_of_an_album_are_the_posts() -> None:
    media = (photo(), photo(1, caption=(0, 40)))
    article = made("Ярмарка прошла. Сорок столов, шесть тысяч.", media=media)
    assert article.title == "Ярмарка прошла"
    assert article.figures[1].caption == ""


@pytest.mark.parametrize(
    ("line", "credit"),
    [
        ("Фото: Олег Мезенцев", "Фото: Олег Мезенцев"),
        ("📷 Фото: Олег Мезенцев.", "Фото: Олег Мезенцев"),
        ("ФОТО — пресс-служба", "Фото: пресс-служба"),
        ("📷 Олег Мезенцев", "Фото: Олег Мезенцев"),
        ("© А. Рябова", "Фото: А. Рябова"),
        ("Фото автора", "Фото автора"),
        ("Фото Олега Мезенцева", "Фото Олега Мезенцева"),
        ("Фото: предоставлено музеем", "Фото: предоставлено музеем"),
        ("Фото: vk.com/masterskaya", "Фото: vk.com/masterskaya"),
        ("Фото из архива мастерской", "Фото из архива мастерской"),
        ("Photo: Anna", "Фото: Anna"),
        ("Photo by Anna", "Фото: Anna"),
        ("Фото и видео: Олег", "Фото и видео: Олег"),
    ],
)
def test_who_made_the_photo_is_said_below_the_article(line: str, credit: str) -> None:
    article = made(f"Встреча\n\nПоговорили.\n\n{line}", media=(photo(),))
    assert (article.credit, article.body) == (credit, "<p>Поговорили.</p>")


@pytest.mark.parametrize(
    "line",
    [
        "📷 Сегодня весь день снимали на площади.",
        "Фото дня мы выберем завтра",
        "Фото дня недели",
        "Фото: утро на набережной",
        "Фото: как это было и почему. Рассказ очевидца!",
    ],
)
def test_prose_about_photos_is_no_credit(line: str) -> None:
    article = made(f"Встреча\n\nПоговорили.\n\n{line}", media=(photo(),))
    assert article.credit == "Фото: из блога автора"
    assert bare(line) in bare(text_of(article.body))


def test_there_is_no_credit_without_a_photo() -> None:
    assert made("Встреча").credit == ""
    assert "Фото: Олег" in made("Встреча\n\nФото: Олег").body
    assert normalize(post(media=(photo(),)), msgspec.structs.replace(STYLE, credit="")).credit == ""


# --- Pictures and files -----------------------------------------------------------------------


def test_the_first_photo_is_the_cover_and_the_others_the_gallery() -> None:
    article = made("Встреча\n\nПоговорили.", media=(photo(), photo(1), photo(2)))
    assert article.cover == 0
    assert article.body.count('<div class="gallery">') == 1
    assert "media:0" not in article.body


@pytest.mark.parametrize(
    ("sizes", "cover"),
    [
        ([(1280, 960), (1280, 720)], 0),
        ([(200, 200), (1280, 960), (960, 1280)], 1),
        ([(1280, 200), (299, 1000), (800, 600)], 2),
        ([(200, 200), (0, 0)], 1),
        ([(0, 0), (1280, 960)], 0),
        ([(200, 200), (100, 100)], 0),
        ([(200, 200)], 0),
    ],
    ids=["the first", "no logo", "no banner, no strip", "unknown", "as before", "none", "alone"],
)
def test_a_tiny_picture_or_a_banner_is_no_cover_where_a_better_one_is_there(
    sizes: list[tuple[int, int]], cover: int
) -> None:
    media = [photo(n, width=w, height=h) for n, (w, h) in enumerate(sizes, 1)]
    article = normalize(post("Встреча\n\nБыло трое.", media=tuple(media)), STYLE)
    assert article.cover == cover
    sound(post("Встреча"), article)


@pytest.mark.parametrize(
    ("mime", "name", "shown"),
    [
        ("image/heic", "IMG_0001.HEIC", True),
        ("image/jpeg", "DSC_0002.jpg", True),
        ("", "IMG_0001.HEIC", True),
        ("image/png", "схема.png", False),
        ("application/pdf", "смета.jpg.pdf", False),
        ("application/zip", "a.jpg", False),
    ],
)
def test_a_photo_that_was_sent_as_a_file_is_a_photo(mime: str, name: str, shown: bool) -> None:
    file = Media(kind="document", locator="1/0", mime=mime, name=name)
    article = normalize(post("Встреча\n\nБыло трое.", media=(file,)), STYLE)
    assert (article.cover == 0) is shown
    assert ('class="card file"' in article.body) is not shown


def test_a_film_stands_above_the_text_unless_there_is_a_cover() -> None:
    film = Media(kind="video", locator="v.mp4")
    assert made("Встреча\n\nПоговорили.", media=(film,)).body.startswith('<figure class="video">')
    both = made("Встреча\n\nПоговорили.", media=(photo(), film))
    assert both.body.startswith("<p>Поговорили.</p>")
    assert both.cover == 0


def test_a_photo_that_is_missing_leaves_one_line_and_a_note() -> None:
    source = post("Встреча\n\nПоговорили.", media=(photo(), photo(1)))
    article = normalize(source, STYLE, missing={0: "it was deleted"})
    assert (article.cover, len(article.figures)) == (0, 1)
    assert article.figures[0].media.locator == "photos/1.jpg"
    assert 'Фото можно посмотреть <a href="https://t.me/masterskaya_sib/31">' in article.body
    assert article.notes == ("The photo 1 of 2 is left out: it was deleted",)


def test_a_photo_inside_a_rich_post_stays_where_it_was_put() -> None:
    text = "Премия\nПриём открыт до октября.\nДиплом\nПодать может любой."
    entities = (
        on(text, "Премия", "heading", level="1"),
        Entity(type="media", offset=text.index("Диплом"), length=0, value="1"),
        on(text, "Диплом", "caption"),
    )
    source = post(text, *entities, media=(photo(), photo(1), photo(2)), rich=True)
    article = normalize(source, STYLE)
    assert article.title == "Премия"
    assert article.body.count("media:1") == 1
    assert article.body.index("media:1") < article.body.index("Подать")
    assert "<figcaption>Диплом</figcaption>" in article.body
    assert article.body.endswith('src="media:2" alt="Премия: фото 3 из 3"></figure>')
    check(source, article)


def test_the_cover_of_a_rich_post_takes_its_caption_and_credit_along() -> None:
    text = (
        "Премия\n\nПриём открыт.\n\nДиплом\nФото: Олег Мезенцев\n\nПорядок\n\nПодать может любой."
    )
    entities = (
        on(text, "Премия", "heading", level="1"),
        Entity(type="media", offset=text.index("Диплом"), length=0, value="0"),
        on(text, "Диплом\nФото: Олег Мезенцев", "caption"),
        on(text, "Порядок", "heading", level="3"),
    )
    source = post(text, *entities, media=(photo(),), rich=True)
    article = normalize(source, STYLE)
    assert article.figures[0].caption == "Диплом"
    assert article.credit == "Фото: Олег Мезенцев"
    assert article.body == "<p>Приём открыт.</p><h2>Порядок</h2><p>Подать может любой.</p>"
    check(source, article)


def test_a_missing_photo_of_a_rich_post_says_so_in_its_place() -> None:
    text = "Премия\nПриём открыт.\nПодать может любой."
    place = Entity(type="media", offset=text.index("Подать"), length=0, value="0")
    source = post(
        text, on(text, "Премия", "heading", level="1"), place, media=(photo(missing="gone"),)
    )
    body = normalize(source, STYLE).body
    assert body.index("Приём") < body.index("в Телеграме") < body.index("Подать")
    assert "<img" not in body


# --- What stands beside the text --------------------------------------------------------------


def test_a_forward_says_whose_words_these_are() -> None:
    named = Forward(name="Деловое Прииртышье", url="https://t.me/delo/5", channel_id=7)
    assert (
        'канала <a href="https://t.me/delo/5">«Деловое Прииртышье»</a>'
        in made("Я", forward=named).body
    )
    assert "его автор — Дежурный Саша" in made("Я", forward=Forward(name="Дежурный Саша")).body
    assert "запись из другого источника" in made("Я", forward=Forward(name="")).body
    own = Forward(name="Мастерская", channel_id=7, post_id=5)
    assert 'href="post:5"' in made("Я", channel_id=7, forward=own).body


def test_pictures_of_others_are_not_credited_to_the_author() -> None:
    assert made("Я", media=(photo(),), forward=Forward(name="Дело")).credit == ""
    own = Forward(name="Мастерская", channel_id=7, post_id=5)
    assert made("Я", media=(photo(),), channel_id=7, forward=own).credit != ""


def test_the_address_below_the_text_is_not_shown_twice() -> None:
    text = "Вышел калькулятор\n\nСчитает честно.\n\nhttps://example.org/calc"
    link = on(text, "https://example.org/calc", "url")
    card = LinkPreview(url="https://example.org/calc", title="Калькулятор", site="Пример")
    assert made(text, link, link_preview=card).body.count("example.org") == 1
    assert made(text, link).body.count("example.org") == 2, "the address and its words"


def test_a_reply_quotes_and_links_what_it_answers() -> None:
    body = made("Я", reply_to=Reply(post_id=16, quote="НДС на\nупрощёнке")).body
    assert '<blockquote class="reply">НДС на<br>упрощёнке</blockquote>' in body
    assert '<a href="post:16">' in body
    ours = made("Я", reply_to=Reply(post_id=5, url="https://t.me/masterskaya_sib/5", name="Я"))
    assert '<a href="post:5">прошлой записи</a>' in ours.body
    foreign = made("Я", reply_to=Reply(post_id=5, url="https://t.me/delo/5"))
    assert '<a href="https://t.me/delo/5">запись в другом канале</a>' in foreign.body
    other = made("Я", reply_to=Reply(post_id=5, url="https://t.me/delo/5", name="Дело")).body
    assert '<a href="https://t.me/delo/5">запись «Дело»</a>' in other


def test_a_quiz_marks_the_right_answer_and_explains_it() -> None:
    answers = (Answer(text="Три", voters=1), Answer(text="Пять", voters=3, correct=True))
    poll = Poll(question="Сколько?", answers=answers, voters=4, quiz=True, solution="Ст. 88")
    body = made("Проверим себя", poll=poll).body
    assert '<p class="question">Сколько?</p>' in body
    assert '<li class="answer correct">Пять <span class="share">75%</span>' in body
    assert "<small>верный ответ</small>" in body
    assert "Пояснение: Ст. 88" in body
    assert "Проголосовали 4 человека." in body
    assert '<p class="question">' not in made(poll=poll).body, "the headline asks it already"


def test_the_attribution_links_the_original_as_well_as_it_can() -> None:
    def attribution(link: str = "", **more: Any) -> str:
        return normalize(post("Я", **more), msgspec.structs.replace(STYLE, link=link)).attribution

    assert attribution(url="https://t.me/x/31") == (
        '<a href="https://t.me/x/31">Оригинал</a> — в Телеграм-канале автора.'
    )
    assert 'href="https://t.me/masterskaya_sib/31"' in attribution("https://t.me/masterskaya_sib/")
    assert 'href="https://t.me/+abc"' in attribution("https://t.me/+abc"), (
        "an invitation has no posts"
    )
    assert attribution() == "Оригинал — в Телеграм-канале автора."


def test_a_post_that_cannot_be_shown_is_told_in_one_line_with_the_link() -> None:
    article = made(extras=(Extra(kind="unsupported"),))
    assert text_of(article.body) == "Эту запись можно посмотреть только в Телеграме."
    assert 'href="https://t.me/masterskaya_sib/31"' in article.body


def test_a_site_changes_our_words_by_a_template_of_its_own(tmp_path: Path) -> None:
    import crosspost

    ours = Path(crosspost.__file__).parent / "templates" / "article" / "ru.html"
    theirs = tmp_path / "article" / "ru.html"
    theirs.parent.mkdir()
    theirs.write_text(
        ours.read_text("utf-8").replace("в Телеграм-канале автора", "в канале"), "utf-8"
    )
    article = normalize(post("Я"), msgspec.structs.replace(STYLE, templates=tmp_path))
    assert text_of(article.attribution) == "Оригинал — в канале."


@pytest.mark.parametrize(
    "text", ["{% macro attribution(url) %}", "{% macro credit(html) %}{% endmacro %}"]
)
def test_a_broken_template_of_a_site_is_said_by_its_name(tmp_path: Path, text: str) -> None:
    theirs = tmp_path / "article" / "ru.html"
    theirs.parent.mkdir()
    theirs.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"article/ru\.html"):
        normalize(post("Я"), msgspec.structs.replace(STYLE, templates=tmp_path))


def test_the_slug_is_made_once_and_kept() -> None:
    assert made("Руками").slug == "31-rukami"
    assert made("😀").slug.startswith("31-")
    assert normalize(post("Иначе"), STYLE, slug="31-rukami").slug == "31-rukami"
    assert len(made("Очень " * 18).slug) <= 63


# --- A table of cases -------------------------------------------------------------------------


LABELLED = HERE / "golden" / "headlines"
PARTS = ("headline", "lead", "caption", "credit", "tags", "removed", "hold")


def cases(half: str = "cases") -> Iterator[tuple[str, str, dict[str, str]]]:
    """Name, post and what an editor would make of it. The rules were written against one half of
    them; the other, ``held_out``, is only scored, and no rule was made for any of its posts."""
    for block in (LABELLED / f"{half}.txt").read_text("utf-8").split("=== ")[1:]:
        name, _, rest = block.partition("\n")
        source, _, told = rest.partition("\n--- ")
        wanted = dict(line.split(": ", 1) for line in told.strip().split("\n--- "))
        yield name, source, wanted


def told_post(source: str) -> Post:
    """A post out of its plain form: ``**bold**``, addresses, and [photo] or [video] at the end."""
    media: tuple[Media, ...] = ()
    for kind in ("photo", "video"):
        if source.endswith(f"\n[{kind}]"):
            source = source.removesuffix(f"\n[{kind}]")
            media = (Media(kind=kind, locator="1/0"),)  # type: ignore[arg-type]
    bold = re.fullmatch(r"\*\*(.+?)\*\*(.*)", source, re.DOTALL)
    entities: tuple[Entity, ...] = ()
    if bold:
        source = bold[1] + bold[2]
        entities = (Entity(type="bold", offset=0, length=len(bold[1])),)
    return post(source, *entities, *address(source), media=media)


@pytest.mark.parametrize(("name", "source", "wanted"), [pytest.param(*c, id=c[0]) for c in cases()])
def test_headline_lead_caption_and_credit_as_an_editor_would(
    name: str, source: str, wanted: dict[str, str]
) -> None:
    assert edited(source, wanted) == wanted, name


def edited(source: str, wanted: dict[str, str]) -> dict[str, str]:
    """What becomes of the post: the parts that are there, and those that are wanted."""
    one = told_post(source)
    article = normalize(one, STYLE)
    check(one, article)
    removed = (one.text[s.start : s.end] for s in article.spans if s.reason.startswith("only"))
    verdict = judge(one, article, RuleSet())
    found = {
        "headline": article.title if article.spans and one.text.strip("#🔥 \n") else "",
        "lead": text_of(article.lead),
        "caption": text_of(article.figures[0].caption) if article.figures else "",
        "credit": text_of(article.credit),
        "tags": ", ".join(article.tags),
        "removed": "; ".join(removed),
        "hold": verdict.rule if verdict.action == "hold" else "",
    }
    if "credit" not in wanted and found["credit"] == "Фото: из блога автора":
        found["credit"] = ""
    if "headline" not in wanted and not any(s.part == "headline" for s in article.spans):
        found["headline"] = ""
    return {key: value for key, value in found.items() if value or key in wanted}


LEAST = 0.97
"""Of the parts of the held-out half so many are as an editor would have them. Never lower it."""


def test_the_score_of_posts_no_rule_was_made_for_does_not_fall(
    capsys: pytest.CaptureFixture[str],
) -> None:
    right, all_, wrong = Counter[str](), Counter[str](), []
    for name, source, wanted in cases("held_out"):
        found = edited(source, wanted)
        for part in PARTS:
            if part in wanted or part in found:
                all_[part] += 1
                right[part] += wanted.get(part) == found.get(part)
                if wanted.get(part) != found.get(part):
                    wrong.append(f"{name}: {part}: {found.get(part)!r}")
    score = right.total() / all_.total()
    with capsys.disabled():
        parts = ", ".join(f"{part} {right[part]}/{all_[part]}" for part in PARTS)
        print(f"\nheld out: {score:.1%} ({parts})")
    assert score >= LEAST, "\n".join(wrong)


# --- Series -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("Часть 2. Труба", "Часть 1. Кирпич"),
        ("Как мы строили печь. Часть вторая", "Как мы строили печь, часть первая"),
        ("Вторая часть", "Первая часть"),
        ("Глава III", "Глава II"),
        ("Part 3: the roof", "Part 2: the walls"),
        ("📖 Переправа. Глава 12\n\nУтро.", "📖 Переправа. Глава 11\n\nНочь."),
        ("Продолжение\n\nУтро.", "Ночь.\n\nПродолжение следует…"),
        ("(Окончание)\n\nУтро.", "Ночь.\n\nОкончание завтра"),
        ("Continued.\n\nMorning.", "Night.\n\nTo be continued"),
    ],
)
def test_a_part_is_known_to_follow_another(text: str, before: str) -> None:
    other = post("Совсем о другом")
    assert may_continue(post(text))
    assert continued(post(text), [other, post(before), other]) == post(before)
    assert continued(post(text), [other]) is None


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("Часть 3", "Часть 1"),
        ("Часть 2 истории про печь", "О печи"),
        ("Как мы строили печь. Часть 2", "Как мы пекли хлеб для ярмарки. Часть 1"),
        ("Часть 1", "Продолжение следует"),
        ("Продолжение следует", "Продолжение следует"),
        ("Часть людей ушла", "Часть 1"),
        ("В 2 часть вошли рассказы", "Утро"),
    ],
)
def test_what_only_looks_like_a_part_follows_nothing(text: str, before: str) -> None:
    assert continued(post(text), [post(before)]) is None
