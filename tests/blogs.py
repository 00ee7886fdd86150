"""A blog of a channel in a folder of its own, mirrored by the whole program."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from crosspost.cli import group

Message = dict[str, Any]
SITE = "http://blog.test/"


@dataclass
class Answer:
    code: int
    text: str


@dataclass
class Blog:
    """A channel's export and the blog it becomes, in a folder of their own."""

    root: Path
    title: str = "Мастерская"
    kind: str = "public_channel"
    reader: str = "export"
    settings: str = ""
    tables: str = ""
    credit: str = "из блога автора"
    author: str = "Автор"

    def __post_init__(self) -> None:
        self.export.mkdir(parents=True)
        self.configure()

    @property
    def export(self) -> Path:
        return self.root / "channel"

    @property
    def site(self) -> Path:
        return self.root / "public"

    def configure(self, channel: str = "channel") -> None:
        said = json.dumps  # a JSON string is a TOML string
        (self.root / "crosspost.toml").write_text(
            f"language = 'ru'\nledger = 'ledger.db'\ncache = 'cache'\n[[blog]]\nname = 'b'\n"
            f"channel = {said(channel)}\nreader = '{self.reader}'\nsite = 'local'\n"
            f"{self.settings}\nlink = 'https://t.me/workshop'\ncredit = {said(self.credit)}\n"
            f"[blog.author]\nname = {said(self.author)}\nabout = {said(self.author)}\n"
            f"[site.local]\ntype = 'static'\npath = 'public'\nurl = '{SITE}'\n{self.tables}\n",
            "utf-8",
        )

    def write(self, *messages: Message, **more: Any) -> None:
        whole = {"name": self.title, "type": self.kind, "id": 4_900_000_017, "messages": messages}
        text = json.dumps(whole | more, ensure_ascii=False, indent=1)
        (self.export / "result.json").write_text(text, "utf-8", "surrogatepass")

    def run(self, *words: str) -> Answer:
        config = str(self.root / "crosspost.toml")
        result = CliRunner().invoke(group, ["--config", config, *words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.output
        return Answer(result.exit_code, result.output)

    def sync(self) -> Answer:
        return self.run("sync")

    def page(self, post: int) -> str:
        """The page of a post, which must be there."""
        found = self.page_of(post)
        assert found is not None, post
        return found.read_text("utf-8")

    def page_of(self, post: int) -> Path | None:
        """Where the page of a post is, None when there is none; fails when there are two."""
        found = [*self.site.glob(f"b/{post}.html"), *self.site.glob(f"b/{post}-*.html")]
        assert len(found) < 2, found
        return found[0] if found else None

    @property
    def posts(self) -> list[int]:
        pages = self.site.glob("b/[0-9]*.html")
        return sorted(int(re.match(r"\d+", page.name)[0]) for page in pages)  # type: ignore[index]

    def unchanged(self) -> None:
        """A second run says nothing new, and writes nothing."""
        before = {path: path.stat().st_mtime_ns for path in self.site.rglob("*")}
        again = self.sync()
        assert again == Answer(0, "Nothing to do.\n")
        assert {path: path.stat().st_mtime_ns for path in self.site.rglob("*")} == before
