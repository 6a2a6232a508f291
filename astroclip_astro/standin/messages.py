"""What the stand-in's services are asked, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    Parameters
    ----------
    method : str
        ``GET``, ``POST`` or ``DELETE``.
    path : str
        Below the service, ``/find/`` for example.
    query : dict of str to list of str
        Parameters of the address, blank ones too; of a form body as well.
    body : bytes
        The body.
    base : str
        Address of the service as the client sees it, ``http://127.0.0.1:5000/tap``.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    body: bytes = b""
    base: str = ""

    def below(self, prefix: str) -> Request:
        """Return the same request as a service below a prefix sees it."""
        return replace(self, path=self.path.removeprefix(prefix), base=self.base + prefix)


@dataclass(frozen=True)
class Answer:
    """One HTTP reply.

    Parameters
    ----------
    status : int
        HTTP status.
    content_type : str
        With parameters, if any.
    body : bytes
        The body.
    headers : dict of str to str
        Further headers, ``Location`` for example.
    """

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
