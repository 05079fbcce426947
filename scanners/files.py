"""Records in a file on this machine: JSON Lines, CSV or Parquet, one document each.

Fields are named as in ``Document``, with ``id`` for the source's own id; what is named otherwise is
kept in ``raw``. pyarrow could read all three, but a JSON or CSV file that is wrong in one line it
gives up as a whole; so it reads Parquet alone.
"""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from core.countries import countries_of
from core.document import Document, Event, Kind, Precision
from core.errors import HorizonError
from scanners.parse import parse_date, parse_language, readable

_PRECISIONS: tuple[Precision, ...] = ("year", "month", "day")
_ROWS = 1000  # of a Parquet file at a time


class FileError(HorizonError):
    """A file cannot be read at all."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A record that could not become a document: where (counted from 1) and why."""

    line: int
    reason: str


def _split(value: object) -> object:
    """Return the names in one text: between semicolons, or between commas as in 'A. B, C. D'."""
    if not isinstance(value, str):
        return value
    parts = value.split(";")
    if len(parts) == 1:
        by_comma = [part.strip() for part in value.split(",")]
        parts = by_comma if all(" " in part for part in by_comma) else parts
    return parts


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Id = Annotated[str, Field(coerce_numbers_to_str=True)]


class _Record(BaseModel):
    """What a record may say; missing and null are the same."""

    model_config = ConfigDict(extra="allow", frozen=True)

    title: str
    id: Id = ""
    native_id: Id = ""
    source: str = Field(default="import", min_length=1)
    kind: Kind | None = None
    abstract: str = ""
    url: str = ""
    published: date | str | int | None = Field(default=None, union_mode="left_to_right")
    precision: Precision = "day"
    doi: str | None = None
    arxiv_id: Id | None = None
    openalex_id: str | None = None
    venue: str = ""
    language: str | None = None
    authors: Names = ()
    affiliations: Names = ()
    countries: Names = ()
    event: Event | None = None
    raw: dict[str, Any] = {}


def read(file: Path) -> Iterator[Document | Wrong]:
    """Yield the documents of ``file``, and what is wrong with the records that are none.

    Raises:
        FileError: the file is of no known kind, or cannot be read.
    """
    rows = _READERS.get(file.suffix.lower())
    if not rows:
        known = ", ".join(_READERS)
        raise FileError(f"{file}: cannot tell the format; name it with one of {known}")
    try:
        for line, row in rows(file):
            yield row if isinstance(row, Wrong) else _document(line, row)
    except OSError as error:
        raise FileError(f"{file}: {error.strerror or error}") from error


def _document(line: int, row: object) -> Document | Wrong:
    if not isinstance(row, dict):
        return Wrong(line, "not an object with fields")
    told = {str(name): value for name, value in row.items() if value is not None and value != ""}
    try:
        return _to_document(_Record.model_validate(told))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        missing = first["type"] == "missing"
        return Wrong(line, f"no {field}" if missing else f"{field}: {first['msg']}")
    except ValueError as error:
        return Wrong(line, str(error))


def _to_document(record: _Record) -> Document:
    """Return the record as a document. Raises ValueError: no document can be made of it."""
    published, precision = _date(record)
    countries = {
        code
        for text in record.countries
        for code in ([text.strip()] if len(text.strip()) == 2 else countries_of([text]))
    }
    return Document(
        kind=record.kind or (Kind.PREPRINT if record.arxiv_id else Kind.PUBLICATION),
        title=readable(record.title),
        source=record.source,
        native_id=record.native_id or record.id,
        url=record.url,
        abstract=readable(record.abstract),
        published=published,
        precision=precision,
        doi=record.doi,
        arxiv_id=record.arxiv_id,
        openalex_id=record.openalex_id,
        venue=record.venue,
        language=parse_language(record.language) if record.language else None,
        authors=record.authors,
        affiliations=record.affiliations,
        countries=tuple(countries) or countries_of(record.affiliations),
        event=record.event,
        raw={**(record.model_extra or {}), **record.raw},
    )


def _date(record: _Record) -> tuple[date | None, Precision]:
    if record.published is None:
        return None, "day"
    found = parse_date(str(record.published))
    if not found:
        raise ValueError(f"published: {str(record.published)[:40]!r} is no date")
    return found[0], min(found[1], record.precision, key=_PRECISIONS.index)


def _json_lines(file: Path) -> Iterator[tuple[int, object]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                yield number, Wrong(number, f"not JSON: {error.msg}")
            except UnicodeDecodeError:
                yield number, Wrong(number, "not UTF-8")
            except (RecursionError, ValueError):  # nested too deeply; a number too long
                yield number, Wrong(number, "not JSON that can be read")


def _csv(file: Path) -> Iterator[tuple[int, object]]:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.DictReader(lines, restkey="more")
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield rows.line_num, Wrong(rows.line_num, f"not CSV: {error}")
            else:
                yield rows.line_num, row


def _parquet(file: Path) -> Iterator[tuple[int, object]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        for batch in pq.ParquetFile(file).iter_batches(_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except pa.ArrowException as error:
        raise FileError(f"{file}: {str(error).splitlines()[0]}") from error


_READERS: dict[str, Callable[[Path], Iterator[tuple[int, object]]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".csv": _csv,
    ".parquet": _parquet,
}
