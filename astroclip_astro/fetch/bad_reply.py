"""What goes wrong between a request and a reply that can be used."""

from __future__ import annotations

from astroclip_astro.errors import AstroclipError


class BadReplyError(AstroclipError):
    """No reply, or one that cannot be used.

    In a run it becomes missing data with `Flag.SOURCE_FAILED`; only who uses a client by hand sees
    it.

    Parameters
    ----------
    message : str
        What was found and expected.
    attempts : int, optional
        How often at most it is worth asking; 1 where asking again cannot help.
    wait : float
        Seconds that the server asked us to wait.
    unreachable : bool
        Whether the service gave no answer of its own: nothing came, or only "busy".
    unanswered : str
        Why no reply came at all, in words; empty where one came.

    Examples
    --------
    >>> BadReplyError("https://archive.example: status 404", attempts=1).attempts
    1
    """

    def __init__(
        self,
        message: str,
        *,
        attempts: int | None = None,
        wait: float = 0,
        unreachable: bool = False,
        unanswered: str = "",
    ) -> None:
        super().__init__(message)
        self.attempts, self.wait, self.unreachable = attempts, wait, unreachable
        self.unanswered = unanswered


class UnreachableError(BadReplyError):
    """A host that has never answered, and is not asked again in this run.

    Parameters
    ----------
    host : str
        Its name, with the port where that is not the usual one.
    reason : str
        Why it cannot be reached, in words.

    Examples
    --------
    >>> print(UnreachableError("archive.example", "its name could not be resolved"))
    archive.example cannot be reached: its name could not be resolved
    """

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"{host} cannot be reached: {reason}", attempts=1)
        self.host, self.reason = host, reason
