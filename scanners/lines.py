"""Texts as lines of JSON, ``{"id": …, "title": …, "abstract": …}``: a stream of any length.

``scanners.files`` keeps only records that are right; here whoever asked about an id gets an answer,
so a line is given up only where it holds no object or no id. What else is wrong with it is said.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, BinaryIO

from core.document import Document, Kind
from scanners.files import FileError, Wrong
from scanners.parse import parse_date, parse_language, readable

LONGEST = 16_000_000  # bytes of a line; a longer one is skipped without being held in memory
_PADDING = b" \t\r\n\0"  # a NUL: what a crash leaves at the end of a file
_NO_TITLE = "-"  # a Document needs one, and a guessed one would count as much as a told one

Id = str | int | float


@dataclass(frozen=True, slots=True)
class Record:
    """One object with an id, as told; ``problems`` are those of the line."""

    line: int
    id: Id
    fields: dict[str, Any]
    problems: tuple[str, ...] = ()


def records(stream: BinaryIO) -> Iterator[Record | Wrong]:
    """Yield the objects of ``stream`` in order, and why a line (counted from 1) is none.

    Blank lines are left out. Bytes that are no UTF-8 become U+FFFD.

    Raises:
        FileError: the stream cannot be read to its end.
    """
    try:
        for number, line in _lines(stream):
            if line is None:
                yield Wrong(number, f"longer than {LONGEST:,} bytes")
            elif line := line.strip(_PADDING):
                yield _record(number, line)
    except OSError as error:
        raise FileError(f"{stream.name}: {error.strerror or error}") from error


def to_document(record: Record) -> tuple[Document | None, tuple[str, ...]]:
    """Return the text of ``record``, None if it has none, and what is wrong with its fields.

    Fields besides title and abstract, as far as they are told and make sense: kind, venue,
    language, published. A text of no kind is a publication.
    """
    problems: list[str] = []

    def text(name: str) -> str:
        value = record.fields.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        problems.append(f"{name} is not text")
        return ""

    title, abstract = readable(text("title")), readable(text("abstract"))
    if not title and not abstract:
        problems.append("no text")
        return None, tuple(problems)
    if not title:
        problems.append("no title")
    kind, published = text("kind"), str(record.fields.get("published") or "")
    if kind and kind not in set(Kind):
        problems.append(f"kind {kind[:40]!r} is unknown")
        kind = ""
    date = parse_date(published) if published else None
    if published and not date:
        problems.append(f"published: {published[:40]!r} is no date")
    language = text("language")[:100]
    document = Document(
        kind=Kind(kind) if kind else Kind.PUBLICATION,
        title=title or _NO_TITLE,
        abstract=abstract,
        source="lines",
        native_id=str(record.line),  # ids may repeat, and may be anything
        venue=text("venue"),
        language=parse_language(language) if language else None,
        published=date[0] if date else None,
        precision=date[1] if date else "day",
    )
    return document, tuple(problems)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and bytes of each line; None for a line that is too long."""
    number = 0
    while line := stream.readline(LONGEST):
        number += 1
        if len(line) < LONGEST or line.endswith(b"\n"):
            yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(LONGEST)
        yield number, None


def _record(number: int, line: bytes) -> Record | Wrong:
    problems = []
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode(errors="replace")
        problems.append("not UTF-8")
    try:
        fields = json.loads(text, strict=False)  # control characters in texts are cleaned away
    except json.JSONDecodeError as error:
        return Wrong(number, f"not JSON: {error.msg}")
    except (RecursionError, ValueError):  # nested too deeply; a number too long
        return Wrong(number, "not JSON that can be read")
    if not isinstance(fields, dict):
        return Wrong(number, "not an object with fields")
    id_: Any = fields.get("id")
    if not _is_id(id_):
        return Wrong(number, "no id" if id_ is None or id_ == "" else "id is no text or number")
    return Record(number, id_, fields, tuple(problems))


def _is_id(value: object) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
