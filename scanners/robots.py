"""robots.txt as RFC 9309 says, parsed by protego (BSD-3; ``urllib.robotparser`` predates the RFC).

An answer of 4xx means that there are no rules, no answer or 5xx that nothing may be fetched
(RFC 9309, 2.3.1.3 and 2.3.1.4).
"""

from dataclasses import dataclass

from protego import Protego

_AGENT = "Horizon"
_MAX_BYTES = 512 * 1024  # RFC 9309, 2.5: at least 500 KiB must be read


@dataclass(frozen=True, slots=True)
class Rules:
    """What one host allows us."""

    _parsed: Protego | None  # None: nothing

    @classmethod
    def parse(cls, body: bytes) -> "Rules":
        """Read a robots.txt."""
        return cls(Protego.parse(body[:_MAX_BYTES].decode("utf-8", errors="replace")))

    @classmethod
    def nothing(cls) -> "Rules":
        """Return the rules of a host that cannot be asked."""
        return cls(None)

    def allows(self, url: str) -> bool:
        """Whether ``url`` may be fetched."""
        return self._parsed is not None and bool(self._parsed.can_fetch(url, _AGENT))

    @property
    def crawl_delay(self) -> float:
        """Seconds between two requests that the host asks for; 0 if it says nothing."""
        return float((self._parsed and self._parsed.crawl_delay(_AGENT)) or 0)
