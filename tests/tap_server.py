"""A server on loopback for one service of the stand-in, whose answers a test can spoil."""

import io
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import requests
import urllib3

from astroclip_astro.standin.messages import Request


@contextmanager
def session_for_pyvo():
    """Yield a session that reads every reply at once.

    pyvo leaves some unread, whose sockets then stay open.
    """

    def read(response, **_):
        body = io.BytesIO(response.content)
        response.raw = urllib3.HTTPResponse(body, preload_content=False)

    with requests.Session() as session:
        session.hooks["response"].append(read)
        yield session


@contextmanager
def serve_service(service, *, spoil=None):
    """Yield the address of a service; ``spoil(request, answer)`` returns what is sent instead.

    Where it returns None, the connection is closed without an answer.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # an answer in one piece, which is quicker

        def answer(self):
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            query = parse_qs(parts.query, keep_blank_values=True)
            if "form" in self.headers.get("Content-Type", ""):
                query |= parse_qs(body.decode(), keep_blank_values=True)
            base = f"http://127.0.0.1:{self.server.server_port}/tap"
            path = parts.path.removeprefix("/tap")
            request = Request(self.command, path, query, body, base)
            answer = service.answer(request)
            answer = spoil(request, answer) if spoil else answer
            if answer is None:
                self.close_connection = True
                return
            self.close_connection |= "Content-Length" in answer.headers  # a lie
            self.send_response(answer.status)
            headers = {
                "Content-Type": answer.content_type,
                "Content-Length": str(len(answer.body)),
            }
            for name, value in (headers | answer.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/tap"
        finally:
            server.shutdown()
