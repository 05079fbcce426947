"""What analysts say of labels: a history, of which the latest word on each label counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.document import Document, normal_arxiv_id, normal_doi, normal_openalex_id
from core.errors import HorizonError
from core.text import plain
from store.database import Connection
from store.documents import DOCUMENT_COLUMNS, as_document
from store.works import arxiv_of_doi

_COLUMNS = ", ".join(DOCUMENT_COLUMNS)


class UnknownDocumentError(HorizonError):
    """No document, or not one alone, is meant; the message says how to name one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An analyst's latest word on one label of one document."""

    document_id: str
    document: Document
    label: str
    verdict: bool  # whether the label applies
    who: str
    why: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document whose label is to be judged, with what the labeler said of it."""

    document_id: str
    document: Document
    score: float  # probability, 0 to 1
    reasons: tuple[str, ...]


def find(con: Connection, reference: str) -> tuple[str, Document]:
    """Return the id and the document that ``reference`` names.

    It may be the id, an address under which the document was seen, a DOI, an arXiv id or an
    OpenAlex id, each bare or as a URL.

    Raises:
        UnknownDocumentError: there is none, or there are several.
    """
    reference = plain(reference)
    doi = normal_doi(reference)
    arxiv_id = normal_arxiv_id(reference) or arxiv_of_doi(doi)
    openalex_id = normal_openalex_id(reference)
    by_key = "id IN (SELECT document_id FROM base.keys WHERE key = ?)"
    for where, value in (  # an address may hold what only looks like an identifier
        ("id = ?", reference),
        ("id IN (SELECT document_id FROM base.sightings WHERE url = ?)", reference),
        (by_key, doi and f"doi:{doi}"),
        (by_key, arxiv_id and f"arxiv:{arxiv_id}"),
        (by_key, openalex_id and f"openalex:{openalex_id}"),
    ):
        if not value:
            continue
        rows = con.execute(
            f"SELECT {_COLUMNS} FROM base.documents WHERE {where} ORDER BY id LIMIT 4", [value]
        ).fetchall()
        if len(rows) > 1:
            ids = ", ".join(row[0] for row in rows[:3]) + (", …" if len(rows) > 3 else "")
            raise UnknownDocumentError(
                f"{reference} leads to several documents; name one by its id: {ids}"
            )
        if rows:
            return rows[0][0], _document(rows[0])
    raise UnknownDocumentError(
        f"no document {reference!r} in the store; give its id ('horizon search --json' shows it), "
        "DOI, arXiv id or URL"
    )


def add(
    con: Connection, document_id: str, label: str, verdict: bool | None, who: str, why: str
) -> None:
    """Note what ``who`` says of ``label`` on a document, named as for :func:`find`.

    ``verdict`` is whether the label applies; None takes back what was said before.

    Raises:
        UnknownDocumentError: there is no such document, or there are several.
    """
    document_id, _ = find(con, document_id)
    con.execute(
        "INSERT INTO base.feedback VALUES (?, ?, ?, ?, ?, ?)",
        [document_id, label, verdict, plain(who), plain(why), datetime.now(UTC)],
    )


def latest(con: Connection) -> list[Verdict]:
    """Return what counts, the oldest first, with the documents as they are now."""
    rows = con.execute(
        f"SELECT {_COLUMNS}, label, verdict, who, why, said_at "
        "FROM base.verdicts JOIN base.documents ON document_id = id "
        "ORDER BY said_at, document_id, label"
    ).fetchall()
    return [
        Verdict(document_id, _document((document_id, *values)), label, verdict, who, why, said_at)
        for document_id, *values, label, verdict, who, why, said_at in rows
    ]


def uncertain(con: Connection, label: str, limit: int) -> list[Candidate]:
    """Return up to ``limit`` documents whose ``label`` is least certain and not yet judged.

    A calibrated probability is least certain at one half; of those that are as near to it, to the
    hundredth, the newest come first.
    """
    rows = con.execute(
        f"SELECT {_COLUMNS}, score, reasons "
        "FROM base.labels l JOIN base.documents ON l.document_id = id "
        "ANTI JOIN base.verdicts v ON v.document_id = l.document_id AND v.label = l.label "
        "WHERE l.label = ? "
        "ORDER BY round(abs(score - 0.5), 2), published DESC NULLS LAST, id LIMIT ?",
        [label, limit],
    ).fetchall()
    return [
        Candidate(document_id, _document((document_id, *values)), score, tuple(reasons))
        for document_id, *values, score, reasons in rows
    ]


def _document(values: Sequence[Any]) -> Document:
    return as_document(dict(zip(DOCUMENT_COLUMNS, values, strict=True)))
