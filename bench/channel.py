"""Makes a channel of any size: as a Telegram Desktop export, streamed to the disk.

    python -m bench.channel FOLDER [--posts 1000] [--pictures] [--first 1]

Of twenty posts twelve are text with formatting, four have a photo, one is an album of four, one a
forward, one a poll, one a video; each of some 700 characters. The same number of posts gives the
same channel. ``--pictures`` writes a real JPEG for each photo, else the export says of each file
that it was not exported, as Telegram Desktop does for what a person left out.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

CHANNEL_ID: Final = 4_900_000_017
BEGIN: Final = datetime(2016, 1, 1, tzinfo=UTC)
NOT_EXPORTED: Final = "(File not included. Change data exporting settings to download.)"
_VOCABULARY: Final = """
хлеб печь утро мука вода соль смена город улица дом человек рука время слово дело мастер
окно стол дорога река поле зима весна осень лето снег дождь ветер солнце закваска тесто
корка мякиш пекарня покупатель очередь деньги цена рынок сосед ребёнок учитель книга письмо
ответ вопрос ошибка опыт привычка работа отдых вечер ночь полдень минута час неделя месяц
год рассказ пишет печёт несёт видит знает помнит ищет ждёт слышит понимает режет кладёт
открывает закрывает новый старый тёплый свежий ржаной белый чёрный большой малый тихий
ранний поздний добрый строгий всегда иногда снова потом сейчас здесь там дома рано поздно
тихо быстро медленно почти совсем
"""
WORDS: Final = _VOCABULARY.split()
TAGS: Final = ("хлеб", "заметки", "вопросы", "город", "книги", "ремесло", "утро", "люди")

Message = dict[str, Any]
Piece = dict[str, str]


def messages(posts: int, *, first: int = 1, pictures: bool = False) -> Iterator[Message]:
    """The channel's messages, oldest first; an album is one post of four messages."""
    number, at = first, BEGIN + timedelta(minutes=4) * (first - 1)
    for post in range(first - 1, first - 1 + posts):
        random = Random(post)  # noqa: S311
        at += timedelta(minutes=4)
        kind = post % 20
        for part in range(4 if kind == 16 else 1):
            message = _message(number, at)
            message.update(_kind(kind, number, random, pictures))
            pieces = _pieces(post, random) if part == 0 else []
            message["text"] = [one if one["type"] != "plain" else one["text"] for one in pieces]
            message["text_entities"] = pieces
            yield message
            number += 1


def _message(number: int, at: datetime) -> Message:
    return {
        "id": number,
        "type": "message",
        "date": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "date_unixtime": str(int(at.timestamp())),
        "from": "Мастерская",
        "from_id": f"channel{CHANNEL_ID}",
    }


def _kind(kind: int, number: int, random: Random, pictures: bool) -> Message:
    if kind in (3, 7, 11, 15, 16):
        path = f"photos/photo_{number}.jpg" if pictures else NOT_EXPORTED
        return {"photo": path, "width": 1280, "height": 960}
    if kind == 17:
        return {"forwarded_from": "Соседка"}
    if kind == 18:
        answers = [{"text": text, "voters": random.randrange(99)} for text in ("Да", "Нет")]
        asked = {"question": "Печь?", "closed": False, "total_voters": 99, "answers": answers}
        return {"poll": asked}
    if kind == 19:
        return {
            "file": NOT_EXPORTED,
            "media_type": "video_file",
            "mime_type": "video/mp4",
            "duration_seconds": 60,
            "width": 1280,
            "height": 720,
        }
    return {}


def _pieces(post: int, random: Random) -> list[Piece]:
    """A headline, some paragraphs with formatting, tags."""
    found: list[Piece] = [
        {"type": "bold", "text": f"{_sentence(random, 5)} {post}"},
        {"type": "plain", "text": "\n\n" + _sentence(random, 14)},
        {"type": "italic", "text": " " + _sentence(random, 4)},
        {"type": "plain", "text": " 🎉 " + _sentence(random, 16) + " "},
    ]
    address = f"https://example.org/{random.randrange(10**6)}"
    found.append({"type": "text_link", "text": random.choice(WORDS), "href": address})
    for _ in range(random.randrange(1, 4)):
        found.append({"type": "plain", "text": f"\n\n{_sentence(random, 18)} "})
        kind = random.choice(("bold", "italic", "code", "underline", "strikethrough", "spoiler"))
        found.append({"type": kind, "text": _sentence(random, 3)})
        found.append({"type": "plain", "text": " " + _sentence(random, 12)})
    if post % 7 == 0:
        found.append({"type": "plain", "text": "\n\n"})
        found.append({"type": "blockquote", "text": _sentence(random, 12)})
    found.append({"type": "plain", "text": "\n\n"})
    found.append({"type": "hashtag", "text": f"#{random.choice(TAGS)}"})
    return found


def _sentence(random: Random, words: int) -> str:
    return " ".join(random.choices(WORDS, k=words)).capitalize() + "."


def write(folder: Path, posts: int, *, first: int = 1, pictures: bool = False) -> Path:
    """The export in ``folder``, with one message in memory at a time. Answers its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "result.json"
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{\n "name": "Мастерская",\n "type": "public_channel",\n "id": {CHANNEL_ID},')
        file.write('\n "messages": [')
        encode = json.JSONEncoder(ensure_ascii=False, indent=1).encode
        for count, message in enumerate(messages(posts, first=first, pictures=pictures)):
            file.write(",\n  " if count else "\n  ")
            file.write(encode(message).replace("\n", "\n  "))
            if pictures and "photo" in message:
                _picture(folder / str(message["photo"]), int(message["id"]))
        file.write("\n ]\n}")
    return path


_NOISE: list[Any] = []


def _picture(path: Path, number: int) -> None:
    """One of ten pictures with a mark of its own in a corner, so that no two are the same, also
    when what is not seen of them is taken away."""
    from PIL import Image

    while len(_NOISE) < 10:
        noise = Image.effect_noise((320, 240), 40 + len(_NOISE)).resize((1280, 960))
        _NOISE.append(noise.convert("RGB"))
    made = _NOISE[number % 10].copy()
    for bit in range(24):
        if number >> bit & 1:
            made.paste((200, 60, 30), (16 * bit, 0, 16 * bit + 16, 16))
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(path, "JPEG", quality=82)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--pictures", action="store_true")
    wanted = parser.parse_args()
    write(wanted.folder, wanted.posts, first=wanted.first, pictures=wanted.pictures)


if __name__ == "__main__":
    main()
