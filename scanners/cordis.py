"""EU projects from CORDIS: one zip archive a month, as JSON.

https://cordis.europa.eu/data/cordis-HORIZONprojects-json.zip, CC BY 4.0; read are both layouts:

- until July 2026, arrays: ``project.json``, ``organization.json``, ``topics.json``…; the first may
  begin with a byte-order mark;
- since then, a member ``project-rcn-N_en.json`` per project, organisations and topics among its
  ``relations``.

The arrays are read an object at a time (``organization.json`` alone is over 100 MB). ijson (3.6.0,
BSD-3, 0.1 MB, well kept) does that too, and was tried: it is no faster than the standard library's
``raw_decode`` (1.8 s against 2.2 s for 127 MB), refuses a byte-order mark, and stops for good at a
byte that is not UTF-8.
"""

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

from core.countries import country_name
from core.document import Document, Kind
from core.sources import Source
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import Changed, SourceError
from scanners.parse import parse_date, readable

_PAGE_SIZE = 500  # projects
_CHUNK = 1 << 16  # characters
_MAX_OBJECT = 1 << 20  # characters of one object in an array
_MAX_PROJECT = 8 << 20  # bytes of one project's own member
_MAX_MEMBER = 1_000_000_000  # bytes unpacked
_MAX_UNPACKED = 4_000_000_000  # bytes of all members read, again if they are read again

_PROGRAMMES = {"HORIZON": "Horizon Europe", "H2020": "Horizon 2020"}
_DETAILS = ("rcn", "status", "keywords", "startDate", "endDate", "ecMaxContribution", "legalBasis")
_ISO_CODES = {"EL": "GR", "UK": "GB"}  # the Union's own codes for two countries
_PER_PROJECT = re.compile(r"project-rcn-\d+(_en)?\.json")
# A topic of a call, as HORIZON-CL3-2024-BM-01-02 or SU-FCT02-2018; no legal basis (HORIZON.2.3).
_TOPIC = re.compile(r"(?=.{1,60}$)[A-Z][A-Z0-9]*(?:-[A-Za-z0-9]+)*-\d{4}(?:-[A-Za-z0-9]+)*")

# What zipfile, zlib and json raise on members that are broken or encrypted.
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    EOFError,
    OSError,
    RuntimeError,  # encrypted; NotImplementedError and RecursionError too
)


class _Organisation(NamedTuple):
    name: str
    city: str
    country: str
    role: str
    order: int


class _Project(NamedTuple):
    fields: dict[str, Any]
    topics: list[str]
    organisations: list[_Organisation]


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield the projects of the archive, 500 a page; one empty page if it has not changed.

    ``source.params``: ``topics``, beginnings of the codes of the calls' topics between ``|``, such
    as ``HORIZON-CL3-`` (civil security); without it, all projects. The cursor is the number of
    projects read and the validator of the archive in which they were counted.

    Raises:
        SourceError: no answer, or one that is not a zip archive or broken throughout.
        Changed: the archive has no projects with topics where either layout has them.
    """
    response = http.get(source.url, etag=mark.etag, last_modified=mark.last_modified)
    if response.status == 304:
        yield Page(documents=(), mark=mark.done())
        return
    read = mark.validated(response.headers)
    archive_is = read.etag or read.last_modified
    counted, _, validator = mark.cursor.partition(" ")
    start = int(counted) if validator and validator == archive_is else 0
    archive = _Archive(response.body, source.url)
    found = islice(_projects(archive, source), start, None)
    batch = list(islice(found, _PAGE_SIZE))
    while following := list(islice(found, _PAGE_SIZE)):
        start += len(batch)
        yield _page(batch, source, mark.at(f"{start} {archive_is}"))
        batch = following
    page = _page(batch, source, read.done())
    faults = (Skip("unreadable member", fault) for fault in archive.faults.values())
    yield replace(page, skipped=(*page.skipped, *faults))


def _page(projects: list[_Project], source: Source, mark: Watermark) -> Page:
    documents, skipped = [], []
    for project in projects:
        try:
            documents.append(_document(project, source))
        except ValueError as error:
            skipped.append(Skip(str(error), _text(project.fields, "rcn", "acronym")))
    return Page(documents=tuple(documents), skipped=tuple(skipped), mark=mark)


class _Archive:
    """The members of a zip archive, within caps; ``faults``: member → what is wrong with it."""

    def __init__(self, body: bytes, url: str) -> None:
        self.faults: dict[str, str] = {}
        self._left = _MAX_UNPACKED
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(body))
        except _FAULTS as error:
            raise SourceError(f"the answer is not a zip archive: {error}", url=url) from error
        self.members = {PurePosixPath(info.filename).name: info for info in self._zip.infolist()}

    def objects(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the objects of the array in member ``name``, none if there is no such member."""
        if name not in self.members:
            return
        try:
            with self._open(name, _MAX_MEMBER) as stream:
                for item in _array(stream):
                    if not isinstance(item, dict):
                        raise ValueError("an item is no object")
                    yield item
        except _FAULTS as error:
            self.faults[name] = f"{name}: {error}"

    def object(self, name: str) -> dict[str, Any]:
        """Return the object in member ``name``, empty if it cannot be read."""
        try:
            with self._open(name, _MAX_PROJECT) as stream:
                found = json.loads(stream.read().decode("utf-8-sig", errors="replace"))
            if not isinstance(found, dict):
                raise ValueError("no object")
        except _FAULTS as error:
            self.faults[name] = f"{name}: {error}"
            return {}
        return found

    def _open(self, name: str, limit: int) -> IO[bytes]:
        info = self.members[name]
        # bzip2 and LZMA are not bounded in what one read unpacks; CORDIS deflates. What is read
        # of a member ends at the size that the directory gives, true or not.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("compressed in an unusual way")
        if info.file_size > min(limit, self._left):
            raise ValueError(f"{info.file_size:,} bytes unpacked are too many")
        self._left -= info.file_size
        return self._zip.open(info)


def _array(stream: IO[bytes]) -> Iterator[Any]:
    """Yield the items of the JSON array in ``stream``. Raises ValueError, RecursionError."""
    reader = io.TextIOWrapper(stream, "utf-8-sig", errors="replace")
    decode = json.JSONDecoder().raw_decode
    skip = re.compile(r"[\s,]*").match
    text = reader.read(_CHUNK).lstrip()
    if not text.startswith("["):
        raise ValueError("no array")
    at = 1
    while True:
        at = skip(text, at).end()  # type: ignore[union-attr] # it matches the empty string
        if text.startswith("]", at):
            return
        try:
            item, at = decode(text, at)
        except json.JSONDecodeError:  # perhaps because the item goes on in the next chunk
            more = reader.read(_CHUNK)
            if not more or len(text) - at > _MAX_OBJECT:
                raise
            text, at = text[at:] + more, 0
        else:
            yield item


def _projects(archive: _Archive, source: Source) -> Iterator[_Project]:
    """Yield the projects that ``source`` is after, in the archive's order."""
    prefixes = tuple(filter(None, source.params.get("topics", "").split("|")))

    def wanted(topics: list[str]) -> bool:
        return not prefixes or any(topic.startswith(prefixes) for topic in topics)

    read = _from_arrays if "project.json" in archive.members else _from_members
    any_project = any_topic = False
    for project in read(archive, wanted):
        any_project = any_project or bool(project.fields)
        any_topic = any_topic or bool(project.topics)
        if project.fields and wanted(project.topics):
            yield project
    if archive.faults and not any_project:
        fault = next(iter(archive.faults.values()))
        raise SourceError(f"the archive is broken: {fault}", url=source.url)
    if not any_topic:
        raise Changed("the archive has changed: no topics of calls in it", url=source.url)


def _from_arrays(archive: _Archive, wanted: Callable[[list[str]], bool]) -> Iterator[_Project]:
    """Yield all projects of the old layout, those that are wanted with their organisations."""
    topics: dict[str, list[str]] = {}
    for project in archive.objects("project.json"):
        topics[_text(project, "id")] = re.findall(r"[^\s;,|]+", _text(project, "topics"))
    for row in archive.objects("topics.json"):
        codes = topics.setdefault(_text(row, "projectID"), [])
        if (code := _text(row, "topic")) and code not in codes:
            codes.append(code)
    partners: dict[str, list[_Organisation]] = {
        i: [] for i, codes in topics.items() if wanted(codes)
    }
    for row in archive.objects("organization.json"):
        if (project_id := _text(row, "projectID")) in partners:
            partners[project_id].append(_organisation(row))
    for project in archive.objects("project.json"):
        project_id = _text(project, "id")
        yield _Project(project, topics[project_id], partners.get(project_id, []))


def _from_members(archive: _Archive, _: Callable[[list[str]], bool]) -> Iterator[_Project]:
    """Yield all projects of the new layout."""
    for name in filter(_PER_PROJECT.fullmatch, archive.members):
        fields = archive.object(name)
        fields = _mapping(fields.get("project")) or fields
        related = list(_associations(fields))
        codes = re.findall(r"[^\s;,|]+", _text(fields, "topics"))
        for kind, row in related:
            if "call" not in kind and re.search("topic|programme", kind):
                codes += [_text(row, key) for key in ("code", "identifier", "title", "id")]
        yield _Project(
            fields,
            list(dict.fromkeys(filter(_TOPIC.fullmatch, codes))),
            [_organisation(row) for kind, row in related if "organi" in kind],
        )


def _associations(fields: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield kind and record of what a project is related to: a list, or lists by kind."""
    associations = _mapping(fields.get("relations")).get("associations")
    by_kind = associations if isinstance(associations, dict) else {"": associations}
    for kind, rows in by_kind.items():
        for row in rows if isinstance(rows, list) else [rows]:
            if isinstance(row, dict):
                kinds = (kind, _text(row, "contenttype"), _text(row, "type", "@type"))
                yield " ".join(kinds).lower(), row


def _organisation(row: dict[str, Any]) -> _Organisation:
    address = {**row, **_mapping(row.get("address"))}
    code = _text(address, "country").upper()
    order = _text(row, "order", "@order")
    return _Organisation(
        name=_text(row, "name", "legalName"),
        city=_text(address, "city"),
        country=_ISO_CODES.get(code, code) if re.fullmatch("[A-Z]{2}", code) else "",
        role=_text(row, "role", "type", "@type"),
        order=int(order) if re.fullmatch(r"\d{1,6}", order, re.ASCII) else 0,
    )


def _document(project: _Project, source: Source) -> Document:
    """Return the document of a project. Raises ValueError."""
    fields, topics, _ = project
    project_id = _text(fields, "id")
    if not re.fullmatch(r"\d+", project_id, re.ASCII):
        raise ValueError("no number of the grant")
    partners = sorted(project.organisations, key=lambda o: (o.role != "coordinator", o.order))
    title = _text(fields, "title")
    acronym = _text(fields, "acronym")
    published, precision = (
        parse_date(_text(fields, "ecSignatureDate"))
        or parse_date(_text(fields, "startDate"))
        or (None, "day")
    )
    framework = "H2020" if "h2020" in source.url.lower() else "HORIZON"
    programme = _PROGRAMMES.get(_text(fields, "frameworkProgramme") or framework, "")
    return Document(
        kind=Kind.PROJECT,
        title=f"{acronym}: {title}" if acronym and title else title,
        abstract=readable(_text(fields, "objective")),
        source=source.id,
        native_id=project_id,
        url=f"https://cordis.europa.eu/project/id/{project_id}",
        doi=_text(fields, "grantDoi") or _text(_mapping(fields.get("identifiers")), "grantDoi"),
        published=published,
        precision=precision,
        venue=", ".join(filter(None, (programme, *topics))),
        language=source.language,
        affiliations=tuple(
            ", ".join(filter(None, (o.name, o.city, country_name(o.country)))) for o in partners
        ),
        countries=tuple({o.country for o in partners if o.country}) or source.countries,
        raw={"topics": topics} | {name: _text(fields, name) for name in _DETAILS},
    )


def _text(record: dict[str, Any], *names: str) -> str:
    """Return the first of the fields that holds a text or a number, as text; else ''."""
    values = (record.get(name) for name in names)
    return next((str(v).strip() for v in values if isinstance(v, str | int | float) and v), "")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
