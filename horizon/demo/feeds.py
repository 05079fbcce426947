"""Feeds, written from records: RSS 2.0 and 1.0, Atom, JSON Feed, and arXiv's own RSS.

Pure functions, after https://www.rssboard.org/rss-specification, https://web.resource.org/rss/1.0/,
RFC 4287, https://www.jsonfeed.org/version/1.1/ and https://info.arxiv.org/help/rss.html.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

from lxml.builder import ElementMaker

from horizon.demo.records import Record, each, filled, instant, rfc822, to_json, to_xml

_ARXIV = "http://arxiv.org/schemas/atom"
_ATOM = "http://www.w3.org/2005/Atom"
_DC = "http://purl.org/dc/elements/1.1/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RSS1 = "http://purl.org/rss/1.0/"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

_arxiv = ElementMaker(namespace=_ARXIV, nsmap={"arxiv": _ARXIV})
_atom = ElementMaker(namespace=_ATOM, nsmap={None: _ATOM, "dc": _DC})
_dc = ElementMaker(namespace=_DC, nsmap={"dc": _DC})
_rdf = ElementMaker(namespace=_RDF, nsmap={None: _RSS1, "rdf": _RDF, "dc": _DC})
_rss = ElementMaker(nsmap={"dc": _DC, "arxiv": _ARXIV})
_rss1 = ElementMaker(namespace=_RSS1, nsmap={None: _RSS1})


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What a feed says of itself."""

    title: str
    url: str
    language: str = "en"


def rss2(channel: Channel, records: Sequence[Record]) -> bytes:
    """Return an RSS 2.0 feed; descriptions are HTML, as most publishers write them."""
    return to_xml(
        _rss.rss(
            _rss.channel(
                _rss.title(channel.title),
                _rss.link(channel.url),
                _rss.description(channel.title),
                _rss.language(channel.language),
                *(_rss.lastBuildDate(rfc822(day)) for day in _newest(records)),
                *(
                    _rss.item(
                        _rss.title(r.title),
                        _rss.link(r.url),
                        _rss.guid(r.id, isPermaLink="false"),
                        _rss.pubDate(rfc822(r.day)),
                        *each(_rss.description, [_html(r.abstract)]),
                        *each(_rss.category, r.categories),
                        *_dublin_core(r),
                    )
                    for r in records
                ),
            ),
            version="2.0",
        )
    )


def rss1(channel: Channel, records: Sequence[Record]) -> bytes:
    """Return an RSS 1.0 feed: RDF, dates and creators in Dublin Core."""
    about, resource = f"{{{_RDF}}}about", f"{{{_RDF}}}resource"
    return to_xml(
        _rdf.RDF(
            _rss1.channel(
                {about: channel.url},
                _rss1.title(channel.title),
                _rss1.link(channel.url),
                _rss1.description(channel.title),
                _dc.language(channel.language),
                _rss1.items(_rdf.Seq(*(_rdf.li({resource: r.url}) for r in records))),
            ),
            *(
                _rss1.item(
                    {about: r.url},
                    _rss1.title(r.title),
                    _rss1.link(r.url),
                    *each(_rss1.description, [_html(r.abstract)]),
                    _dc.date(r.day.isoformat()),
                    *each(_dc.subject, r.categories),
                    *_dublin_core(r),
                )
                for r in records
            ),
        )
    )


def atom(channel: Channel, records: Sequence[Record]) -> bytes:
    """Return an Atom feed; titles are text, summaries HTML, and each says which."""
    return to_xml(
        _atom.feed(
            {_XML_LANG: channel.language},
            _atom.id(channel.url),
            _atom.title(channel.title, type="text"),
            _atom.link(rel="alternate", href=channel.url),
            *(_atom.updated(instant(day)) for day in _newest(records)),
            *(
                _atom.entry(
                    {_XML_LANG: r.language or channel.language},
                    _atom.id(r.id if ":" in r.id else r.url),
                    _atom.title(r.title, type="text"),
                    _atom.link(rel="alternate", href=r.url),
                    _atom.published(instant(r.day)),
                    _atom.updated(instant(r.day)),
                    *(_atom.author(_atom.name(author.name)) for author in r.authors),
                    *(_atom.category(term=category) for category in r.categories),
                    *each(_dc.identifier, [r.doi and f"doi:{r.doi}"]),
                    *(_atom.summary(html, type="html") for html in [_html(r.abstract)] if html),
                )
                for r in records
            ),
        )
    )


def jsonfeed(channel: Channel, records: Sequence[Record]) -> bytes:
    """Return a JSON Feed 1.1; the DOI, where there is one, is the item's external URL."""
    return to_json(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": channel.title,
            "home_page_url": channel.url,
            "language": channel.language,
            "items": [
                filled(
                    id=r.id,
                    url=r.url,
                    external_url=r.doi and f"https://doi.org/{r.doi}",
                    title=r.title,
                    content_html=_html(r.abstract or r.title),
                    date_published=instant(r.day),
                    authors=[{"name": author.name} for author in r.authors],
                    tags=list(r.categories),
                    language=r.language,
                )
                for r in records
            ],
        }
    )


def arxiv_rss(categories: Sequence[str], day: date, records: Sequence[Record]) -> bytes:
    """Return the batch that arXiv announces on ``day`` in ``categories``."""
    name = "+".join(categories)
    return to_xml(
        _rss.rss(
            _rss.channel(
                _rss.title(f"{name} updates on arXiv.org"),
                _rss.link(f"http://rss.arxiv.org/rss/{name}"),
                _rss.description(f"{name} updates on the arXiv.org e-print archive."),
                _rss.language("en-us"),
                _rss.lastBuildDate(rfc822(day)),
                _rss.pubDate(rfc822(day)),
                _rss.skipDays(_rss.day("Sunday"), _rss.day("Saturday")),
                *(_arxiv_item(r, categories, day) for r in records),
            ),
            version="2.0",
        )
    )


def _arxiv_item(r: Record, categories: Sequence[str], day: date) -> Any:
    announced = "new" if r.categories[:1] and r.categories[0] in categories else "cross"
    return _rss.item(
        _rss.title(r.title),
        _rss.link(f"https://arxiv.org/abs/{r.arxiv_id}"),
        _rss.description(
            f"arXiv:{r.arxiv_id}v1 Announce Type: {announced} \nAbstract: {r.abstract}"
        ),
        _rss.guid(f"oai:arXiv.org:{r.arxiv_id}v1", isPermaLink="false"),
        *each(_rss.category, r.categories),
        _rss.pubDate(rfc822(day)),
        _arxiv.announce_type(announced),
        _dc.creator(", ".join(author.name for author in r.authors)),
    )


def _dublin_core(r: Record) -> list[Any]:
    return [
        *each(_dc.creator, [author.name for author in r.authors]),
        *each(_dc.identifier, [r.doi and f"doi:{r.doi}"]),
        *each(_dc.language, [r.language]),
    ]


def _html(text: str) -> str:
    if not text or text.startswith("<"):
        return text
    return f"<p>{escape(text)}</p>"


def _newest(records: Sequence[Record]) -> list[date]:
    """Return the last day of ``records``, or nothing: a feed is dated by what it holds."""
    return sorted({r.day for r in records})[-1:]
