"""A proxy that stands before a real site and does what goes wrong on the way.

    with Faulty(site.url) as way:
        way.fault = lambda method, path: "cut-after" if method == "POST" else ""

Faults: ``cut-before`` and ``cut-after`` the site has worked, ``half`` of the answer, ``slow``,
``garbage``, ``login``, ``moved``, ``stripped`` (the Authorization header), ``basic`` (the web
server's own password), ``firewall``, or a status such as ``500`` or ``429:7`` with Retry-After.
"""

import http.client
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

LOGIN = b'<!DOCTYPE html><title>Log In</title><form><input type="password" name="pwd"></form>'


class Faulty:
    """``seen`` lists the requests that came, ``reached`` those that got to the site."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.fault: Callable[[str, str], str] = lambda method, path: ""
        self.seen: list[tuple[str, str]] = []
        self.reached: list[tuple[str, str]] = []
        self.over = threading.Event()
        way = self

        class Handler(_Handler):
            faulty = way

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> "Faulty":
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    faulty: Faulty
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = (self.command, urlsplit(self.path).path)
        self.faulty.seen.append(request)
        fault = self.faulty.fault(*request)
        if fault == "cut-before":
            return self._cut()
        if fault == "slow":
            self.faulty.over.wait(20)
            return self._cut()
        made = self._made(fault)
        if made:
            return self._answer(*made)
        self.faulty.reached.append(request)
        status, headers, answer = self._asked(body, stripped=fault == "stripped")
        if fault == "cut-after":
            return self._cut()
        return self._answer(status, headers, answer, half=fault == "half")

    do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = _do  # noqa: N815

    def _made(self, fault: str) -> tuple[int, dict[str, str], bytes] | None:
        html, json = {"Content-Type": "text/html"}, {"Content-Type": "application/json"}
        if fault == "garbage":
            return 200, json, b'{"id": 12, "li'
        if fault == "login":
            return 200, html, LOGIN
        if fault == "moved":
            return 302, {"Location": f"http://elsewhere.example{self.path}"}, b""
        if fault == "basic":
            return 401, html | {"WWW-Authenticate": "Basic"}, b"<h1>401</h1>"
        if fault == "firewall":
            return 403, html, b"<title>Blocked by firewall</title>"
        status, _, wait = fault.partition(":")
        if status.isdigit():
            return int(status), html | ({"Retry-After": wait} if wait else {}), b"<h1>Sorry</h1>"
        return None

    def _asked(self, body: bytes, *, stripped: bool) -> tuple[int, dict[str, str], bytes]:
        target = self.faulty.target
        headers = {
            key: value
            for key, value in self.headers.items()
            if key.lower() not in ("connection", "accept-encoding")
            and not (stripped and key.lower() == "authorization")
        }
        headers["Host"] = target.netloc
        if "Origin" in headers:  # the site compares it with its own
            headers["Origin"] = f"{target.scheme}://{target.netloc}"
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            kept = {"Content-Type": answer.getheader("Content-Type") or "text/plain"}
            for name in ("Location", "Set-Cookie"):
                if given := answer.headers.get_all(name):
                    kept[name] = "\n".join(given)
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, *, half: bool = False
    ) -> None:
        self.send_response(status)
        for key, value in headers.items():
            for one in value.split("\n"):
                self.send_header(key, one)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if half else body)
        if half:
            self.wfile.flush()
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
