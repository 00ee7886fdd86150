"""A t.me of one channel on this machine, as the preview reader meets it.

Messages are dicts of the form Desktop exports (``examples/channel/result.json``), so the same
channel can be read by both readers; beside them a message may carry ``html``, markup that goes
into its bubble as it is. Faults are queued with ``fail`` and served before anything else.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, quote, urlsplit

Message = dict[str, Any]
PAGE = 20
"""Messages a page, as Telegram has it."""
_INLINE = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "spoiler": "tg-spoiler",
    "code": "code",
    "blockquote": "blockquote",
}


class Fault:
    """An answer instead of the page: a status with headers and a body, cut after ``cut`` bytes."""

    def __init__(
        self, status: int = 200, body: bytes | str = b"", cut: int | None = None, **headers: str
    ) -> None:
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.cut = cut
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class PreviewServer:
    """The server; also a context manager. ``asked`` is what it was asked, one path a request,
    ``heard`` the headers of each."""

    def __init__(
        self,
        messages: Iterable[Message] = (),
        *,
        name: str = "workshop",
        channel_id: int = 4_900_000_017,
        title: str = "Мастерская",
        files: Path | None = None,
    ) -> None:
        self.messages = {one["id"]: one for one in messages}
        self.albums: list[tuple[int, ...]] = []
        self.name, self.channel_id, self.title = name, channel_id, title
        self.about = "О малом деле\nи о хлебе"
        self.files = files
        self.generation = 1
        self.validators = True
        self.modified = ""
        self.connections = 0
        self.cuts_albums = False
        self.views = 100
        self.written = max(self.messages, default=0)
        self.other_page = ""
        self.asked: list[str] = []
        self.heard: list[dict[str, str]] = []
        self.faults: list[Fault] = []
        self.rewrite: Callable[[str], str] = lambda page: page
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def home(self) -> str:
        """What the setting ``preview`` is to be."""
        return f"{self.root}/s/"

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def fail(self, *faults: Fault) -> None:
        self.faults += faults

    def expire(self) -> None:
        """Every address of a file that was given so far leads nowhere from now on."""
        self.generation += 1

    # --- Pages ----------------------------------------------------------------------------------

    def page(self, before: int | None) -> str:
        """The page of messages below ``before``, None for the newest."""
        below = [number for number in sorted(self.messages) if before is None or number < before]
        shown = below[-PAGE:]
        if not self.cuts_albums and shown:
            shown = [*self._rest_of_album(shown[0]), *shown]
        blocks, done = [], set[int]()
        for number in shown:
            if number not in done:
                members = [one for one in self._album(number) if one in shown]
                done.update(members)
                blocks.append(self._message([self.messages[one] for one in members]))
        older = shown[0] if shown and shown[0] > min(self.messages) else 0
        return self._frame("".join(blocks), older)

    def _album(self, number: int) -> tuple[int, ...]:
        members = next((one for one in self.albums if number in one), (number,))
        return tuple(one for one in members if one in self.messages)

    def _rest_of_album(self, number: int) -> tuple[int, ...]:
        return tuple(one for one in self._album(number) if one < number)

    def _frame(self, messages: str, older: int) -> str:
        more = f"/s/{self.name}?before={older}"
        title = escape(self.title)
        about = escape(self.about).replace("\n", "<br/>")
        return self.rewrite(
            '<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8">'
            f"<title>{title} – Telegram</title>"
            f'<meta property="og:title" content="{title}">'
            + (f'<link rel="prev" href="{more}">' if older else "")
            + '</head>\n<body class="widget_frame_base tgme_webpreview">'
            '<div class="tgme_channel_info"><div class="tgme_channel_info_header">'
            f'<i class="tgme_page_photo_image"><img src="{self.address("avatar.jpg")}"></i>'
            f'<div class="tgme_channel_info_header_title"><span dir="auto">{title}</span></div>'
            '<div class="tgme_channel_info_header_username">'
            f'<a href="https://t.me/{self.name}">@{self.name}</a></div></div>'
            f'<div class="tgme_channel_info_description">{about}</div></div>'
            '<main class="tgme_main"><section class="tgme_channel_history js-message_history">'
            + (
                '<div class="tgme_widget_message_centered js-messages_more_wrap">'
                f'<a href="{more}" class="tme_messages_more js-messages_more" '
                f'data-before="{older}"></a></div>'
                if older
                else ""
            )
            + messages
            + f"</section></main></body>\n</html>\n<!-- page generated in {len(self.asked)}ms -->\n"
        )

    def address(self, path: str) -> str:
        """Today's address of a file of the channel."""
        token = f"?token={self.generation}"
        return f"{self.root}/file/{quote(path)}{token}"

    def _message(self, members: list[Message]) -> str:
        one = members[0]
        number, service = one["id"], one["type"] == "service"
        kind = " service_message" if service else ""
        told = {"c": -self.channel_id, "p": number, "t": 1_790_000_000, "h": "0"}
        seen = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
        moment = datetime.fromtimestamp(int(one.get("date_unixtime") or 1_740_000_000), UTC)
        signed = one.get("author")
        author = (
            f'<span class="tgme_widget_message_from_author" dir="auto">{escape(signed)}</span>, '
            if signed
            else ""
        )
        link = f"https://t.me/{self.name}/{number}"
        return (
            '<div class="tgme_widget_message_wrap js-widget_message_wrap">'
            f'<div class="tgme_widget_message text_not_supported_wrap{kind} js-widget_message" '
            f'data-post="{self.name}/{number}" data-view="{seen}">\n'
            '<div class="tgme_widget_message_bubble">\n'
            '<div class="tgme_widget_message_author accent_color">'
            f'<a class="tgme_widget_message_owner_name" href="https://t.me/{self.name}">'
            f'<span dir="auto">{escape(self.title)}</span></a></div>\n'
            + ("Channel created" if service else self._content(members))
            + '<div class="tgme_widget_message_footer compact js-message_footer">'
            '<div class="tgme_widget_message_info short js-message_info">'
            f'<span class="tgme_widget_message_views">{self.views}</span>'
            f'<span class="copyonly"> views</span><span class="tgme_widget_message_meta">{author}'
            f'<a class="tgme_widget_message_date" href="{link}">'
            f'<time datetime="{moment.isoformat()}" class="time">{moment:%H:%M}</time></a></span>'
            "</div></div></div></div></div>"
        )

    def _content(self, members: list[Message]) -> str:
        one = members[0]
        parts = [_forward(one), self._reply(one), _via(one)]
        photos = "".join(self._media(member, len(members) > 1) for member in members)
        if len(members) > 1:
            photos = (
                '<div class="tgme_widget_message_grouped_wrap js-message_grouped_wrap">'
                '<div class="tgme_widget_message_grouped js-message_grouped">'
                f'<div class="tgme_widget_message_grouped_layer">{photos}</div></div></div>'
            )
        parts.append(photos)
        body = "<br/><br/>".join(filter(None, (markup(member) for member in members)))
        if body:
            parts.append(
                '<div class="tgme_widget_message_text js-message_text" dir="auto">'
                + body
                + "</div>"
            )
        parts += [_poll(one), _location(one), one.get("html", ""), _reactions(one)]
        if not "".join(parts).strip():
            parts.append(unsupported(f"https://t.me/{self.name}/{one['id']}"))
        return "".join(parts)

    def _reply(self, one: Message) -> str:
        answered = one.get("reply_to_message_id")
        if not answered:
            return ""
        return (
            f'<a class="tgme_widget_message_reply" href="https://t.me/{self.name}/{answered}">'
            '<div class="tgme_widget_message_author accent_color">'
            f'<span class="tgme_widget_message_author_name">{escape(self.title)}</span></div>'
            '<div class="tgme_widget_message_text js-message_reply_text">О чём речь</div></a>'
        )

    def _media(self, one: Message, grouped: bool) -> str:
        link = f"https://t.me/{self.name}/{one['id']}" + ("?single" if grouped else "")
        more = " grouped_media_wrap" if grouped else ""
        more += " tgme_widget_message_spoiler" if one.get("media_spoiler") else ""
        if "photo" in one:
            source = self.address(one["photo"])
            return (
                f'<a class="tgme_widget_message_photo_wrap{more}" href="{link}" style="width:800px;'
                f"background-image:url('{source}')\">"
                '<div class="tgme_widget_message_photo" style="padding-top:75%"></div></a>'
            )
        if "file" not in one:
            return ""
        source = self.address(one["file"])
        thumb = self.address(one["thumbnail"]) if "thumbnail" in one else ""
        seconds = one.get("duration_seconds", 0)
        lasts = f"{seconds // 60}:{seconds % 60:02}"
        kind = one.get("media_type", "")
        if kind in ("video_file", "animation"):
            play = (
                f'<time class="message_video_duration js-message_video_duration">{lasts}</time>'
                if kind == "video_file"
                else ""
            )
            return (
                f'<a class="tgme_widget_message_video_player{more}" href="{link}">'
                f'<i class="tgme_widget_message_video_thumb" '
                f"style=\"background-image:url('{thumb}')\"></i>"
                '<div class="tgme_widget_message_video_wrap" style="width:640px;padding-top:50%">'
                f'<video src="{source}" class="tgme_widget_message_video js-message_video"></video>'
                f"</div>{play}{label()}</a>"
            )
        if kind == "video_message":
            return (
                '<div class="tgme_widget_message_roundvideo_player">'
                f'<i class="tgme_widget_message_roundvideo_thumb" '
                f"style=\"background-image:url('{thumb}')\"></i>"
                f'<video class="tgme_widget_message_roundvideo" src="{source}"></video>{label()}'
                f'<time class="tgme_widget_message_roundvideo_duration">{lasts}</time></div>'
            )
        if kind == "voice_message":
            return (
                f'<a class="tgme_widget_message_voice_player" href="{link}">'
                f'<audio class="tgme_widget_message_voice" src="{source}"></audio>'
                f'<time class="tgme_widget_message_voice_duration">{lasts}</time></a>'
            )
        if kind == "sticker":
            return (
                '<div class="tgme_widget_message_sticker_wrap">'
                f'<i class="tgme_widget_message_sticker" data-webp="{source}"></i></div>'
            )
        audio = " audio" if kind == "audio_file" else ""
        title = one.get("title") if audio else one.get("file_name")
        extra = one.get("performer", "") if audio else "2.1 MB"
        return (
            f'<a class="tgme_widget_message_document_wrap" href="{link}">'
            f'<div class="tgme_widget_message_document_icon accent_bg{audio}"></div>'
            '<div class="tgme_widget_message_document"><div '
            'class="tgme_widget_message_document_title accent_color" dir="auto">'
            f"{escape(title or '')}</div>"
            f'<div class="tgme_widget_message_document_extra" dir="auto">{escape(extra)}</div>'
            "</div></a>"
        )

    # --- Answers --------------------------------------------------------------------------------

    def answer(self, target: str, headers: dict[str, str]) -> Fault:
        """What is answered to a request."""
        parts = urlsplit(target)
        if self.faults:
            return self.faults.pop(0)
        if parts.path.startswith("/file/"):
            return self._file(parts.path.removeprefix("/file/"), parse_qs(parts.query))
        if self.other_page:
            if parts.path.startswith("/s/"):
                return Fault(302, Location=f"{self.root}/{self.name}")
            return Fault(200, self.other_page, Content_Type="text/html; charset=utf-8")
        if parts.path != f"/s/{self.name}":
            return Fault(404)
        wanted = parse_qs(parts.query).get("before", [""])[0]
        page = self.page(int(wanted) if wanted else None)
        etag = f'"{sha256(page.partition("<!-- page")[0].encode()).hexdigest()[:16]}"'
        if self.validators and headers.get("If-None-Match") == etag:
            return Fault(304)
        if self.modified and headers.get("If-Modified-Since") == self.modified:
            return Fault(304)
        more = {"ETag": etag} if self.validators else {}
        more |= {"Last-Modified": self.modified} if self.modified else {}
        return Fault(200, page, Content_Type="text/html; charset=utf-8", **more)

    def _file(self, path: str, query: dict[str, list[str]]) -> Fault:
        from urllib.parse import unquote

        if query.get("token") != [str(self.generation)]:
            return Fault(404)
        found = self.files / unquote(path) if self.files else None
        body = found.read_bytes() if found and found.is_file() else f"bytes of {path}".encode()
        return Fault(200, body, Content_Type="application/octet-stream")


def _handler(server: PreviewServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            server.connections += 1
            with suppress(ConnectionError):
                super().handle()

        def do_GET(self) -> None:
            server.asked.append(self.path)
            server.heard.append(dict(self.headers))
            found = server.answer(self.path, dict(self.headers))
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(found.body if found.cut is None else found.body[: found.cut])
            if found.cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


# --- Pieces of messages -------------------------------------------------------------------------


def markup(one: Message) -> str:
    """A message's text as Telegram's web pages write it."""
    pieces = one.get("text_entities")
    if pieces is None:
        pieces = [{"type": "plain", "text": one.get("text", "")}]
    return "".join(_piece(piece) for piece in pieces)


def _piece(piece: dict[str, Any]) -> str:
    kind = piece["type"]
    text = escape(piece["text"]).replace("\n", "<br/>")
    if tag := _INLINE.get(kind):
        more = " expandable" if piece.get("collapsed") else ""
        return f"<{tag}{more}>{text}</{tag}>"
    if kind == "pre":
        language = piece.get("language")
        code = f'<code class="language-{language}">{text}</code>' if language else text
        return f"<pre>{code}</pre>"
    if kind == "custom_emoji":
        image = "background-image:url('//telegram.org/img/emoji/40/F09F918D.png')"
        drawn = f'<i class="emoji" style="{image}"><b>{text}</b></i>'
        number = str(piece.get("document_id", ""))
        number = number if number.isdigit() else ""
        return f'<tg-emoji emoji-id="{number}">{drawn}</tg-emoji>'
    href = _href(kind, piece)
    if not href:
        return text
    return f'<a href="{escape(href)}" target="_blank" rel="noopener">{text}</a>'


def _href(kind: str, piece: dict[str, Any]) -> str:
    text = piece["text"]
    return {
        "link": text if "://" in text else f"http://{text}",
        "text_link": piece.get("href", ""),
        "mention": f"https://t.me/{text.removeprefix('@')}",
        "hashtag": f"?q={quote(text)}",
        "cashtag": f"?q={quote(text)}",
        "email": f"mailto:{text}",
        "phone": f"tel:{text}",
    }.get(kind, "")


def label(words: str = "This media is not supported in your browser") -> str:
    """What a player says where it cannot play."""
    return (
        '<div class="message_media_not_supported_wrap"><div class="message_media_not_supported">'
        f'<div class="message_media_not_supported_label">{words}</div>'
        '<span class="message_media_view_in_telegram">VIEW IN TELEGRAM</span></div></div>'
    )


def unsupported(link: str) -> str:
    """All that the page shows of a post it cannot show."""
    return (
        '<div class="media_not_supported_cont"><div class="message_media_not_supported_wrap">'
        '<div class="message_media_not_supported"><div class="message_media_not_supported_label">'
        f'Please open Telegram to view this post</div><a href="{link}" '
        'class="message_media_view_in_telegram">VIEW IN TELEGRAM</a></div></div></div>'
    )


def _forward(one: Message) -> str:
    if "forwarded_from" not in one:
        return ""
    name = escape(one["forwarded_from"] or "")
    return (
        '<div class="tgme_widget_message_forwarded_from accent_color">Forwarded from&nbsp;'
        f'<span class="tgme_widget_message_forwarded_from_name"><span dir="auto">{name}</span>'
        "</span></div>"
    )


def _via(one: Message) -> str:
    if not one.get("via_bot"):
        return ""
    name = one["via_bot"].removeprefix("@")
    return (
        '<div>via <a class="tgme_widget_message_via_bot" '
        f'href="https://t.me/{name}">@{name}</a></div>'
    )


def _poll(one: Message) -> str:
    poll = one.get("poll")
    if not poll:
        return ""
    total = max(1, poll["total_voters"])
    options = "".join(
        '<div class="tgme_widget_message_poll_option"><div '
        f'class="tgme_widget_message_poll_option_percent">{answer["voters"] / total:.0%}</div>'
        '<div class="tgme_widget_message_poll_option_value"><div '
        f'class="tgme_widget_message_poll_option_text">{escape(plain(answer["text"]))}</div>'
        "</div></div>"
        for answer in poll["answers"]
    )
    kind = "Final Results" if poll.get("closed") else "Anonymous Poll"
    return (
        '<div class="tgme_widget_message_poll js-poll"><div '
        f'class="tgme_widget_message_poll_question">{escape(plain(poll["question"]))}</div>'
        f'<div class="tgme_widget_message_poll_type">{kind}</div>'
        f'<a class="tgme_widget_message_poll_options" href="https://t.me/x/1">{options}</a></div>'
        f'<span class="tgme_widget_message_voters">{poll["total_voters"]} voters</span>'
    )


def _location(one: Message) -> str:
    at = one.get("location_information")
    if not at:
        return ""
    return (
        '<a class="tgme_widget_message_location_wrap" href="https://maps.google.com/maps?q='
        f'{at["latitude"]},{at["longitude"]}&z=15"><div class="tgme_widget_message_location_title">'
        f"{escape(one.get('place_name', ''))}</div>"
        f'<div class="tgme_widget_message_location_address">{escape(one.get("address", ""))}</div>'
        "</a>"
    )


def _reactions(one: Message) -> str:
    shown = "".join(
        '<span class="tgme_reaction"><i class="emoji"><b>'
        f"{reaction.get('emoji', '')}</b></i>{reaction['count']}</span>"
        for reaction in one.get("reactions", ())
    )
    return f'<div class="tgme_widget_message_reactions">{shown}</div>' if shown else ""


def plain(text: Any) -> str:
    """A poll's words, which Desktop writes as a string or in pieces."""
    if isinstance(text, str):
        return text
    return "".join(one if isinstance(one, str) else one["text"] for one in text)


def landing(
    name: str, *, title: str = "", extra: str = "", action: str = "View in Telegram"
) -> str:
    """t.me/<name>: the page that stands where there is no preview."""
    page = f'<div class="tgme_page_title"><span dir="auto">{escape(title)}</span></div>'
    page += f'<div class="tgme_page_extra">{escape(extra)}</div>'
    return (
        "<!DOCTYPE html><html><head><title>Telegram: Contact @" + name + "</title></head><body>"
        '<div class="tgme_page_wrap"><div class="tgme_page">'
        + (page if title else "<div>If you have <strong>Telegram</strong>, you can contact</div>")
        + f'<div class="tgme_page_action"><a href="tg://resolve?domain={name}">{action}</a></div>'
        "</div></div></body></html>"
    )
