"""A source's way through the one polite client: robots.txt, rate, budget, private addresses."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from core.sources import Source
from scanners.errors import Blocked, ComeBackLater
from scanners.http import Http, Response

# Interfaces whose providers document their use by programs; robots.txt speaks to crawlers of pages.
_INTERFACES = {"arxiv", "cordis", "crossref", "dblp", "gtr", "oai_pmh", "openalex"}


class Access:
    """What one source may ask of the network in one harvest.

    Attributes:
        requests: how many requests it has made.
        bytes: how many bytes of bodies it has received.
    """

    def __init__(self, http: Http, source: Source) -> None:
        self._http = http
        self._source = source
        self._requests_before = http.requests
        self._bytes_before = http.bytes

    @property
    def requests(self) -> int:
        """Requests made so far, tries, redirects and robots.txt included."""
        return self._http.requests - self._requests_before

    @property
    def bytes(self) -> int:
        """Bytes received so far."""
        return self._http.bytes - self._bytes_before

    @staticmethod
    def honours_robots(source: Source) -> bool:
        """Whether robots.txt speaks of ``source``: it is a page, not an interface for programs."""
        return source.kind not in _INTERFACES

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        etag: str = "",
        last_modified: str = "",
    ) -> Response:
        """Fetch ``url`` as ``Http.get`` does, within the source's own limits.

        Raises:
            Blocked: robots.txt forbids it, or the server does (401, 403, 451).
            ComeBackLater: the budget of this harvest is spent, or the server asks for patience.
            SourceError: no answer, or one that is an error.
        """
        source = self._source
        if source.budget is not None and self.requests >= source.budget:
            raise ComeBackLater(
                f"the budget of {source.budget} requests is spent; the next run goes on", url=url
            )
        interval = None if source.rate is None else 60 / source.rate
        if self.honours_robots(source):
            rules = self._http.robots(url, allow_private=source.allow_private)
            if not rules.allows(url):
                raise Blocked(
                    f"robots.txt of {urlsplit(url).hostname} forbids it; see the source's terms",
                    url=url,
                )
            if rules.crawl_delay:
                interval = max(interval or 0, rules.crawl_delay)
        return self._http.get(
            url,
            params=params,
            headers=headers,
            etag=etag,
            last_modified=last_modified,
            allow_private=source.allow_private,
            interval=interval,
        )
