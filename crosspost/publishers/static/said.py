"""What an article says, part by part: as it was put, or as a person left its page."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from crosspost.markup import text_of
from crosspost.model import Article, Parts

if TYPE_CHECKING:
    from bs4 import Tag


def of_article(article: Article) -> Parts:
    """An article whose page nobody touched."""
    text = [*_lines(article.body), *_lines(article.attribution), *_lines(article.credit)]
    return Parts(
        title=" ".join(article.title.split()),
        lead=" ".join(_lines(article.lead)),
        text="\n".join(text),
        tags=article.tags,
        category=article.category,
    )


def of_page(page: Path) -> Parts | None:
    """What a person made of an article's page; None where it cannot be read."""
    with suppress(OSError):
        main = _main(page)
        if main is None:
            return None
        places = (".body", ".attribution", ".credit")
        text = [line for place in places for line in _words(main, place)]
        return Parts(
            title=" ".join(_words(main, "h1")),
            lead=" ".join(_words(main, ".lead")),
            text="\n".join(text),
            tags=tuple(" ".join(one.get_text().split()) for one in main.select(".tags a")),
        )
    return None


def words(page: Path) -> str:
    """All the words of an article's page as it stands on disk."""
    with suppress(OSError):
        main = _main(page)
        return main.get_text("\n", strip=True) if main else ""
    return ""


def _main(page: Path) -> "Tag | None":
    from bs4 import BeautifulSoup

    return BeautifulSoup(page.read_bytes(), "lxml").select_one("main")


def _words(main: "Tag", place: str) -> list[str]:
    found = main.select_one(place)
    return _lines(found.decode_contents()) if found else []


def _lines(html: str) -> list[str]:
    return [shown for line in text_of(html).split("\n") if (shown := " ".join(line.split()))]
