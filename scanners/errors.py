"""What can go wrong between us and a source."""

from core.errors import HorizonError


class SourceError(HorizonError):
    """A source could not be read; what was read before stays.

    Attributes:
        url: the address that was asked.
        status: the HTTP status, or None when no answer came.
    """

    def __init__(self, message: str, *, url: str, status: int | None = None) -> None:
        super().__init__(f"{message} ({url}{f', HTTP {status}' if status else ''})")
        self.url = url
        self.status = status


class ComeBackLater(SourceError):  # noqa: N818 - it says what to do
    """The source asks for more patience than one run has; the next run goes on from here.

    Attributes:
        seconds: how long it asked for, or None if it did not say.
    """

    def __init__(
        self, message: str, *, url: str, status: int | None = None, seconds: float | None = None
    ) -> None:
        super().__init__(message, url=url, status=status)
        self.seconds = seconds


class Blocked(SourceError):  # noqa: N818 - the field's word
    """The source does not want us: robots.txt, or 401, 403, 451."""


class Changed(SourceError):  # noqa: N818 - the field's word
    """The source answers, but no longer in the form that we know: a redesign."""
