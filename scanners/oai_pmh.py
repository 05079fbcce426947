"""Repositories by OAI-PMH 2.0: ``ListRecords`` in the formats ``oai_dc`` and ``arXiv``.

sickle (0.7.0, 2020) is not used: it makes its own requests, past our one polite session, and cannot
begin at a resumption token kept from an earlier run.

Protocol: https://www.openarchives.org/OAI/openarchivesprotocol.html;
arXiv: https://info.arxiv.org/help/oa/index.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.countries import countries_of
from core.document import Document, Kind, Precision, web_url
from core.sources import Source
from core.text import plain
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import SourceError
from scanners.mend import is_cut, xml_list
from scanners.parse import (
    element_text,
    find_arxiv_id,
    find_doi,
    local_name,
    parse_date,
    parse_language,
    readable,
)

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_PRECISIONS: tuple[Precision, ...] = ("day", "month", "year")

# dc:type → kind, first match. The words of COAR and info:eu-repo (conferenceObject, workingPaper,
# doctoralThesis), of DiVA ("Conference paper") and of HAL ("Preprints, Working Papers").
_KINDS = (
    (re.compile(r"conference|proceedings|poster", re.I), Kind.PROCEEDINGS),
    (re.compile(r"preprint|working ?paper", re.I), Kind.PREPRINT),
    (re.compile(r"report", re.I), Kind.REPORT),
    (re.compile(r"article|book|journal|thes[ei]s|dissertation", re.I), Kind.PUBLICATION),
)


class OaiError(SourceError):
    """The repository refuses the request; ``code`` is the protocol's (section 3.6)."""

    def __init__(self, code: str, message: str, *, url: str) -> None:
        super().__init__(f"{code}: {message}" if message else code, url=url)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer; ``token`` is '' on the last. ``cut`` if it breaks off, so there may be more."""

    documents: tuple[Document, ...] = ()
    skipped: tuple[Skip, ...] = ()
    token: str = ""
    cut: bool = False


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield the records whose datestamp lies in ``mark.window``, a page per resumption token.

    A token kept from an earlier run may have expired: then the window is begun again, once.

    Raises:
        SourceError: the repository refuses, repeats a token or breaks off.
    """
    kept, used = mark.cursor, {mark.cursor}
    while True:
        response = http.get(
            source.url,
            params=_query(source, mark),
        )
        try:
            answer = parse(response.body, source, url=response.url)
        except OaiError as error:
            if error.code == "badResumptionToken" and kept:
                kept, used, mark = "", {""}, mark.at("")
                continue
            raise
        kept = ""
        fault = ""
        if answer.cut:
            fault = "the answer breaks off before its end"
        elif answer.token and answer.token in used:
            fault = f"resumption token {answer.token!r} comes a second time"
        used.add(answer.token)
        if not fault:
            mark = mark.at(answer.token) if answer.token else mark.done()
        yield Page(documents=answer.documents, skipped=answer.skipped, mark=mark)
        if fault:
            raise SourceError(fault, url=response.url)
        if not answer.token:
            return


def _query(source: Source, mark: Watermark) -> dict[str, str]:
    if mark.cursor:  # an exclusive argument (section 3.5)
        return {"verb": "ListRecords", "resumptionToken": mark.cursor}
    query = {"verb": "ListRecords", "metadataPrefix": "oai_dc", **source.params}
    if mark.window:
        query["from"], query["until"] = (day.isoformat() for day in mark.window)
    return query


def parse(body: bytes, source: Source, *, url: str) -> Answer:
    """Return the documents of one answer, what was skipped, and where the next answer begins.

    What is ill-formed is mended as far as it can be, and told as one more ``Skip``.

    Raises:
        OaiError: the answer is an error, other than that there are no records.
        SourceError: the answer is not XML, or not one to ListRecords or GetRecord.
    """
    root, faults = xml_list(body, url)
    error = root.find("{*}error")
    if error is not None:
        if error.get("code") == "noRecordsMatch":
            return Answer()
        raise OaiError(error.get("code", "error"), plain(element_text(error)), url=url)
    if root.find("{*}ListRecords") is None and root.find("{*}GetRecord") is None:
        raise SourceError("the answer is not a list of OAI-PMH records", url=url)
    documents, skipped = [], []
    for record in root.iter("{*}record"):  # wherever mending has put it
        try:
            documents.append(_document(record, source))
        except ValueError as problem:
            skipped.append(Skip(str(problem), _text(record, "{*}header/{*}identifier")))
    token = root.find(".//{*}resumptionToken")
    if faults:
        skipped.append(Skip("ill-formed XML, mended", f"{faults[0]} ({len(faults)} faults)"))
    return Answer(
        documents=tuple(documents),
        skipped=tuple(skipped),
        token="" if token is None else element_text(token).strip(),
        cut=bool(faults) and token is None and (b"resumptionToken" in body or is_cut(body, root)),
    )


def _document(record: Any, source: Source) -> Document:
    """Return the document of ``record``. Raises ValueError with the reason why there is none."""
    header, metadata = record.find("{*}header"), record.find("{*}metadata")
    if header is not None and header.get("status") == "deleted":
        raise ValueError("deleted at source")
    fields = None if metadata is None else metadata.find("*")
    if fields is None:
        raise ValueError("no metadata")
    name = local_name(fields)
    raw = {
        "identifier": _text(record, "{*}header/{*}identifier"),
        "datestamp": _text(record, "{*}header/{*}datestamp"),
        "sets": _texts(record, "{*}header/{*}setSpec"),
    }
    if name == "dc":
        return _dublin_core(fields, raw, source)
    if name == "arXiv":
        return _arxiv(fields, raw, source)
    raise ValueError(f"unknown format {name}")


def _texts(element: Any, path: str) -> list[str]:
    """Return the texts at ``path``, without the empty ones."""
    return [text for found in element.iterfind(path) if (text := plain(element_text(found)))]


def _text(element: Any, path: str) -> str:
    return next(iter(_texts(element, path)), "")


def _dublin_core(fields: Any, raw: dict[str, Any], source: Source) -> Document:
    identifiers = _texts(fields, "{*}identifier")
    # dc:relation names other works too, except in the one form of OpenAIRE's guidelines.
    names = identifiers + [r for r in _texts(fields, "{*}relation") if "altIdentifier" in r]
    doi = next(filter(None, map(find_doi, names)), None)
    types = _texts(fields, "{*}type")
    languages = map(parse_language, _texts(fields, "{*}language"))
    published, precision = _earliest(_texts(fields, "{*}date"))
    return Document(
        kind=_kind(types) or source.yields or Kind.PUBLICATION,
        title=_title(fields, source.language),
        source=source.id,
        native_id=raw["identifier"],
        url=_url(identifiers, doi),
        abstract=max(map(readable, _texts(fields, "{*}description")), key=len, default=""),
        published=published,
        precision=precision,
        doi=doi,
        arxiv_id=next(filter(None, map(find_arxiv_id, names)), None),
        venue=_venue(fields),
        language=next(filter(None, languages), source.language),
        authors=tuple(  # without the years of birth and death that libraries add
            re.sub(r",\s*\d{4}-(\d{4})?$", "", name) for name in _texts(fields, "{*}creator")
        ),
        countries=source.countries,
        raw={**raw, "types": types, "subjects": _texts(fields, "{*}subject")},
    )


def _title(fields: Any, language: str | None) -> str:
    """Return the title in ``language`` if there is one, else the first."""
    titles = [
        (parse_language(title.get(_LANG, "")), text)
        for title in fields.iterfind("{*}title")
        if (text := readable(element_text(title)))
    ]
    return next((t for of, t in titles if of and of == language), titles[0][1] if titles else "")


def _kind(types: list[str]) -> Kind | None:
    return next((kind for words, kind in _KINDS if words.search(" ".join(types))), None)


def _earliest(dates: list[str]) -> tuple[date | None, Precision]:
    """Return the earliest date; of those in one year the most precise, which says more."""
    found = [day for day in map(parse_date, dates) if day]
    if not found:
        return None, "day"
    return min(found, key=lambda day: (day[0].year, _PRECISIONS.index(day[1]), day[0]))


def _url(identifiers: list[str], doi: str | None) -> str:
    """Return the page about the work, else the work itself, else where its DOI leads."""
    urls = list(filter(None, map(web_url, identifiers)))
    urls.sort(key=lambda url: url.lower().endswith((".pdf", "/document")))  # stable
    return urls[0] if urls else f"https://doi.org/{doi}" if doi else ""


def _venue(fields: Any) -> str:
    """Return where the work appeared: the source that is not an address or ISSN, or publisher."""
    sources = [
        s for s in _texts(fields, "{*}source") if not re.match(r"https?:|e?issn|urn:", s, re.I)
    ]
    return readable(next(iter(sources + _texts(fields, "{*}publisher")), ""))


def _arxiv(fields: Any, raw: dict[str, Any], source: Source) -> Document:
    arxiv_id = _text(fields, "{*}id")
    authors = fields.findall("{*}authors/{*}author")
    affiliations = tuple(a for author in authors for a in _texts(author, "{*}affiliation"))
    published = parse_date(_text(fields, "{*}created"))
    details = ("updated", "categories", "comments", "license")
    return Document(
        kind=source.yields or Kind.PREPRINT,
        title=_text(fields, "{*}title"),
        source=source.id,
        native_id=raw["identifier"],
        url=f"https://arxiv.org/abs/{arxiv_id}" if arxiv_id else "",
        abstract=_text(fields, "{*}abstract"),
        published=published[0] if published else None,
        precision=published[1] if published else "day",
        doi=_text(fields, "{*}doi"),
        arxiv_id=arxiv_id,
        venue=_text(fields, "{*}journal-ref") or "arXiv",
        language=source.language,
        authors=tuple(
            " ".join(_text(author, f"{{*}}{part}") for part in ("forenames", "keyname", "suffix"))
            for author in authors
        ),
        affiliations=affiliations,
        countries=countries_of(affiliations) or source.countries,
        raw=raw | {name: _text(fields, f"{{*}}{name}") for name in details},
    )
