"""The sample channel as each reader meets it, for ``reader_contract`` and for comparing readers."""

import json
import shutil
from pathlib import Path
from typing import Any

from preview_server import PreviewServer

from crosspost.readers import Context, Reader
from crosspost.readers.export import ExportReader
from crosspost.readers.preview import PreviewReader

CHANNEL = Path(__file__).parents[2] / "examples" / "channel"
ALBUMS = [
    (11, 12, 13, 14),
    (28, 29),
    (34, 35, 36),
    (53, 54, 55, 56),
    (78, 79, 80, 81, 82),
    (105, 106, 108),
]


class SampleWorld:
    """The sample channel, which its author goes on writing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.export = json.loads((CHANNEL / "result.json").read_text("utf-8"))
        self.messages: list[dict[str, Any]] = self.export["messages"]
        self.albums = list(ALBUMS)
        self.readers: list[Reader] = []

    @property
    def posts(self) -> list[int]:
        tails = {number for album in self.albums for number in album[1:]}
        return [
            one["id"]
            for one in self.messages
            if one["type"] != "service" and one["id"] not in tails
        ]

    def write(self, text: str) -> int:
        last = self.messages[-1]
        number, moment = last["id"] + 1, int(last["date_unixtime"]) + 60
        self.messages.append(
            {"id": number, "type": "message", "date_unixtime": str(moment), **_text(text)}
            | {"from": self.export["name"], "from_id": f"channel{self.export['id']}"}
        )
        self.publish()
        return number

    def edit(self, number: int, text: str) -> None:
        one = next(one for one in self.messages if one["id"] == number)
        one |= _text(text) | {"edited_unixtime": str(int(one["date_unixtime"]) + 5)}
        self.publish()

    def delete(self, number: int) -> None:
        self.messages[:] = [one for one in self.messages if one["id"] != number]
        self.publish()

    def publish(self) -> None:
        raise NotImplementedError


def _text(text: str) -> dict[str, Any]:
    return {"text": text, "text_entities": [{"type": "plain", "text": text}]}


class ExportWorld(SampleWorld):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "channel"
        shutil.copytree(CHANNEL, self.path)
        self.folders = [self.path, folder / "cache"]

    def publish(self) -> None:
        text = json.dumps(self.export, ensure_ascii=False, indent=1)
        (self.path / "result.json").write_text(text, "utf-8")

    def reader(self) -> Reader:
        context = Context(base=self.folder, cache=self.folder / "cache", timezone="Asia/Omsk")
        self.readers.append(ExportReader.open(ExportReader.Settings(), "channel", context))
        return self.readers[-1]


class PreviewWorld(SampleWorld):
    def __init__(self, folder: Path, server: PreviewServer) -> None:
        super().__init__(folder)
        self.server = server
        self.server.albums = list(self.albums)
        self.folders = [folder / "cache"]
        dated = dict[str, Any]()
        for one in self.messages:  # as in the export, what has no date has that before it
            one.setdefault("date_unixtime", dated.get("date_unixtime"))
            dated = one
        self.publish()

    def publish(self) -> None:
        self.server.messages = {one["id"]: one for one in self.messages}

    def reader(self) -> Reader:
        context = Context(base=self.folder, cache=self.folder / "cache")
        settings = PreviewReader.Settings(preview=self.server.home, pause=0, backoff=0)
        self.readers.append(PreviewReader.open(settings, "@workshop", context))
        return self.readers[-1]
