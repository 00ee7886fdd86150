"""What the archive of a blog teaches, by the whole program: footers."""

from pathlib import Path
from typing import Any

import pytest
from blogs import Blog

LINE = "Прислать новость: @masterskaya_bot"


def message(number: int, text: str = "", *, line: str = LINE, **more: Any) -> dict[str, Any]:
    entities: list[dict[str, str]] = [
        {"type": "plain", "text": text or f"Встреча {number}\n\nГоворили о деле {number}.\n\n"}
    ]
    for part in line.split(" "):
        kind = "mention" if part.startswith("@") else "plain"
        entities.append({"type": kind, "text": part if kind == "mention" else f"{part} "})
    return {
        "id": number,
        "type": "message",
        "date": f"2025-05-{number:02}T09:00:00",
        "date_unixtime": str(1_746_000_000 + number * 86_400),
        "text_entities": entities,
        "text": [one["text"] for one in entities],
        **more,
    }


@pytest.fixture
def blog(tmp_path: Path) -> Blog:
    return Blog(tmp_path)


def test_a_footer_is_learned_once_and_the_articles_before_it_change_once(blog: Blog) -> None:
    messages = [message(n) for n in range(1, 6)]
    blog.write(*messages[:2])
    assert blog.sync().code == 0
    assert "Прислать" in blog.page(1)
    blog.write(*messages[:3])
    assert "1 new" in blog.sync().text or blog.posts == [1, 2, 3]
    assert all("Прислать" not in blog.page(n) for n in (1, 2, 3))
    blog.write(*messages)
    answer = blog.run("sync", "--verbose")
    assert "updated" not in answer.text, "what was learned changes nothing any more"
    assert "Прислать" not in blog.page(5)
    assert "repeats under 5 posts" in blog.run("show", "b/1").text
    blog.unchanged()


def test_a_ledger_that_is_rebuilt_or_older_learns_the_same(blog: Blog) -> None:
    blog.write(*(message(n) for n in range(1, 4)))
    blog.sync()
    pages = {n: blog.page(n) for n in blog.posts}
    import sqlite3

    with sqlite3.connect(blog.root / "ledger.db") as ledger:
        ledger.executescript("DELETE FROM line; DELETE FROM footer; UPDATE post SET lined = 0;")
    ledger.close()
    blog.sync()
    assert {n: blog.page(n) for n in blog.posts} == pages
    (blog.root / "ledger.db").unlink()
    blog.sync()
    assert {n: blog.page(n) for n in blog.posts} == pages


def test_a_line_that_is_forbidden_comes_back(blog: Blog) -> None:
    blog.write(*(message(n) for n in range(1, 4)))
    blog.sync()
    assert "Прислать" not in blog.page(1)
    blog.settings = f"footer = {{forbid = ['{LINE}'], pin = ['Говорили о деле 2']}}"
    blog.configure()
    blog.sync()
    assert "Прислать" in blog.page(1)
    assert "Говорили о деле 1" in blog.page(1)


def test_the_sheet_tells_what_repeats_before_anything_is_sent(blog: Blog) -> None:
    blog.write(*(message(n) for n in range(1, 4)))
    sheet = blog.root / "sheet.html"
    assert blog.run("preview", "-o", str(sheet), "--no-open").code == 0
    text = sheet.read_text("utf-8")
    assert "repeats under 3 posts" in text
    assert "Lines that repeat, left out of the articles: 1" in text
    assert f"<li>{LINE}<small>b: under 3 posts." in text
    assert blog.posts == []
