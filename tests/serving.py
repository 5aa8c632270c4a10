"""A real HTTP server on this machine that speaks the chat completions protocol, well or badly, as a test says."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[["Asked"], object]


class Asked(BaseHTTPRequestHandler):
    """One request to the server; a reply writes to it."""

    protocol_version = "HTTP/1.1"
    body: dict[str, Any]

    def do_POST(self) -> None:
        served: Server = self.server  # type: ignore[assignment]
        self.body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with served.lock:
            served.asked.append((self.path, self.headers.get("authorization"), self.body))
            reply = served.replies.pop(0) if served.replies else served.otherwise
        reply(self)

    def send(self, status: int, content: str, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(content.encode())), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """A test prints nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.lock = threading.Lock()
        self.asked: list[tuple[str, str | None, dict[str, Any]]] = []
        self.replies: list[Reply] = []
        self.otherwise: Reply = says("blue")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


def says(text: str, finish: str = "stop", **choice: Any) -> Reply:
    """A whole answer."""

    def reply(asked: Asked) -> None:
        message = {"role": "assistant", "content": text}
        choices = [{"index": 0, "message": message, "finish_reason": finish, **choice}]
        usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
        completion = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
        asked.send(200, json.dumps({**completion, "choices": choices, "usage": usage}))

    return reply


def fails(status: int, message: str = "out of order", **headers: str) -> Reply:
    def reply(asked: Asked) -> None:
        asked.send(status, json.dumps({"error": {"message": message, "type": "e", "code": None}}), **headers)

    return reply


def streams(*pieces: str, finish: str | None = "stop", usage: bool = True, then: Reply | None = None) -> Reply:
    """Server-sent events; without a finish the connection just ends."""

    def reply(asked: Asked) -> None:
        asked.send_response(200)
        asked.send_header("content-type", "text/event-stream")
        asked.send_header("connection", "close")
        asked.end_headers()
        head = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
        ends = [None] * len(pieces) + ([finish] if finish else [])
        for piece, end in zip([*pieces, ""], ends, strict=False):
            choice = {"index": 0, "delta": {"content": piece}, "finish_reason": end}
            asked.wfile.write(f"data: {json.dumps({**head, 'choices': [choice]})}\n\n".encode())
            asked.wfile.flush()
        if then:
            then(asked)
        if finish and usage:
            spent = {"prompt_tokens": 11, "completion_tokens": len(pieces), "total_tokens": 11 + len(pieces)}
            asked.wfile.write(f"data: {json.dumps({**head, 'choices': [], 'usage': spent})}\n\n".encode())
        if finish:
            asked.wfile.write(b"data: [DONE]\n\n")
        asked.close_connection = True

    return reply


def hangs(seconds: float) -> Reply:
    def reply(asked: Asked) -> None:
        time.sleep(seconds)
        asked.close_connection = True

    return reply


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
