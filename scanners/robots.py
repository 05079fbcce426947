"""robots.txt as RFC 9309 says, parsed by protego (BSD-3; ``urllib.robotparser`` predates it)."""

from dataclasses import dataclass

from protego import Protego

_AGENT = "Horizon"
_MAX_BYTES = 512 * 1024  # RFC 9309, 2.5: at least 500 KiB must be read


@dataclass(frozen=True, slots=True)
class Rules:
    """What one host allows us."""

    _parsed: Protego

    @classmethod
    def parse(cls, body: bytes) -> "Rules":
        """Read a robots.txt."""
        return cls(Protego.parse(body[:_MAX_BYTES].decode("utf-8", errors="replace")))

    def allows(self, url: str) -> bool:
        """Whether ``url`` may be fetched."""
        return bool(self._parsed.can_fetch(url, _AGENT))

    @property
    def crawl_delay(self) -> float:
        """Seconds between two requests that the host asks for; 0 if it says nothing."""
        return float(self._parsed.crawl_delay(_AGENT) or 0)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """Addresses of the sitemaps that the host names (https://www.sitemaps.org/protocol.html)."""
        return tuple(self._parsed.sitemaps)
