"""A fake network: a function of the request in place of the sockets."""

import io
import itertools

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse


class Wire(BaseAdapter):
    """Answers requests from a function, or from a list of answers one after the other.

    An answer is (status, headers, body) or an exception.
    """

    def __init__(self, answers):
        super().__init__()
        steps = iter(answers) if not callable(answers) else itertools.repeat(None)
        self.answer = answers if callable(answers) else lambda request: next(steps)
        self.requests = []

    def send(self, request, **options):
        self.requests.append((request, options))
        answer = self.answer(request)
        if isinstance(answer, Exception):
            raise answer
        status, headers, body = answer
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url, request
        response.headers.update(headers)
        response.raw = HTTPResponse(
            io.BytesIO(body), headers=headers, status=status, preload_content=False
        )
        return response

    def close(self):
        pass


def connect(transport, answers):
    """Put a fake network under a transport and return it."""
    wire = Wire(answers)
    for scheme in ("http://", "https://"):
        transport.session.mount(scheme, wire)
    return wire
