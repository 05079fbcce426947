"""The demonstration's own small web: the YAML files beside this module, answered as services do.

Bodies, people and findings in the files are invented. Each file is one source: what it serves and
what it has, dated in days before the Sunday that ends the demonstration's week.
"""

from datetime import date, timedelta
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from core.config import Strict, load_yaml
from core.document import normal_openalex_id
from horizon.demo import feeds, services
from horizon.demo.feeds import Channel
from horizon.demo.records import Author, Record
from horizon.demo.server import Answer, Request, Route, Web
from horizon.demo.services import ATOM_TYPE, JSON_TYPE, RSS_TYPE, XML_TYPE, Shelf

FOLDER = Path(__file__).parent / "web"
_CATEGORY = "cs.CY"  # where the demonstration's preprints are filed: Computers and Society

Service = Literal["arxiv", "oai_arxiv", "openalex", "oai_dc", "rss2", "rss1", "atom", "jsonfeed"]


class _Author(Strict):
    name: str
    institution: str = ""
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")


class _Item(Strict):
    id: str
    days_ago: int = Field(ge=0)
    title: str = Field(min_length=1)
    abstract: str = ""
    authors: tuple[_Author, ...] = ()
    doi: str | None = Field(default=None, pattern=r"^10\.\d{4,9}/\S+$")
    arxiv_id: str | None = Field(default=None, pattern=r"^\d{4}\.\d{5}$")
    venue: str = ""
    type: str = ""
    language: str | None = Field(default=None, pattern=r"^[a-z]{2}$")


class _Source(Strict):
    id: str
    name: str
    serves: Service
    country: str | None = None
    language: str | None = None
    rhythm_days: int = 7


class Sample(Strict):
    """One written source."""

    source: _Source
    items: tuple[_Item, ...] = Field(min_length=1)


def samples() -> list[Sample]:
    """Return the written sources. Raises ConfigError: a file does not fit the format."""
    return [load_yaml(path, Sample) for path in sorted(FOLDER.glob("*.yaml"))]


def demo_web(sunday: date) -> Web:
    """Return the web of all written sources, and of one that fails, in the week to ``sunday``."""
    routes = {_path(sample.source): _route(sample, sunday) for sample in samples()}
    return Web({**routes, _path(_FAILING): _fail})


def demo_sources(web: Web) -> list[dict[str, Any]]:
    """Return the sources of ``web`` as ``config/sources.yaml`` lists them."""
    return [_entry(source, web) for source in (*(s.source for s in samples()), _FAILING)]


_FAILING = _Source(
    id="demo-news-sg",
    name="Singapore Centre for Public Safety Research, news (out of order)",
    serves="rss2",
    country="SG",
    language="en",
)


def _fail(_: Request) -> Answer:
    return Answer(b"internal error\n", "text/plain", HTTPStatus.INTERNAL_SERVER_ERROR)


# What is served → kind and parameters of the source, and the path's last part.
_CATALOGUE: dict[Service, tuple[str, dict[str, str], str]] = {
    "arxiv": ("arxiv", {"search_query": f"cat:{_CATEGORY}"}, "query"),
    "oai_arxiv": ("oai_pmh", {"metadataPrefix": "arXiv"}, "oai"),
    "oai_dc": ("oai_pmh", {"metadataPrefix": "oai_dc"}, "oai"),
    "openalex": ("openalex", {}, "works"),
    "rss2": ("rss", {}, "rss.xml"),
    "rss1": ("rss", {}, "index.rdf"),
    "atom": ("rss", {}, "atom.xml"),
    "jsonfeed": ("rss", {}, "feed.json"),
}


def _path(source: _Source) -> str:
    return f"/{source.id}/{_CATALOGUE[source.serves][2]}"


def _entry(source: _Source, web: Web) -> dict[str, Any]:
    kind, params, _ = _CATALOGUE[source.serves]
    return {
        "id": source.id,
        "kind": kind,
        "name": source.name,
        "url": web.url + _path(source),
        "params": params,
        "country": source.country or "multi",
        "language": source.language,
        "rhythm_days": source.rhythm_days,
        "overlap_days": 30,  # the first run finds a month of everything
        "rate": 60_000,
        "allow_private": True,
    }


def _route(sample: Sample, sunday: date) -> Route:
    source = sample.source
    shelf = Shelf.of(_record(item, source, sunday) for item in sample.items)
    channel = Channel(title=source.name, url=_home(source), language=source.language or "en")
    match source.serves:
        case "arxiv":
            return services.arxiv_api(shelf)
        case "oai_arxiv" | "oai_dc":
            return services.oai_pmh(shelf)
        case "openalex":
            return services.openalex_works(shelf)
        case "rss2":
            return services.feed(channel, shelf, feeds.rss2, RSS_TYPE)
        case "rss1":
            return services.feed(channel, shelf, feeds.rss1, XML_TYPE)
        case "atom":
            return services.feed(channel, shelf, feeds.atom, ATOM_TYPE)
        case "jsonfeed":
            return services.feed(channel, shelf, feeds.jsonfeed, JSON_TYPE)


def _home(source: _Source) -> str:
    """Return an address that nobody owns (RFC 2606): the digest's links must not lead elsewhere."""
    return f"https://{source.id}.example/"


def _record(item: _Item, source: _Source, sunday: date) -> Record:
    preprint = source.serves in ("arxiv", "oai_arxiv")
    return Record(
        id=_work_id(item.id) if source.serves == "openalex" else item.id,
        title=item.title,
        day=sunday - timedelta(days=item.days_ago),
        url=f"{_home(source)}{item.id}",
        abstract=item.abstract,
        authors=tuple(Author(a.name, a.institution, a.country) for a in item.authors),
        doi=item.doi,
        arxiv_id=item.id if preprint else item.arxiv_id,
        venue=item.venue,
        type=item.type,
        language=item.language or source.language,
        categories=(_CATEGORY,) if preprint else (),
    )


def _work_id(name: str) -> str:
    """Return the OpenAlex id in ``name``, or else one made of it."""
    digits = int.from_bytes(blake2b(name.encode(), digest_size=5).digest())
    return normal_openalex_id(name) or f"W{digits}"
