"""Labels of documents: which wait for them, and keeping what a labeler said."""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from core.document import Document
from store.database import Connection, transaction
from store.documents import DOCUMENT_COLUMNS, as_document


class LabelRow(NamedTuple):
    """What a labeler said of one document and one label."""

    document_id: str
    scheme: str
    label: str
    score: float  # probability, 0 to 1
    assigned: bool
    origin: str
    reasons: list[str]


_SCHEMA = pa.schema(
    [
        ("document_id", pa.string()),
        ("scheme", pa.string()),
        ("label", pa.string()),
        ("score", pa.float32()),
        ("assigned", pa.bool_()),
        ("origin", pa.string()),
        ("reasons", pa.list_(pa.string())),
    ]
)


def count_pending(con: Connection, labeler: str) -> int:
    """Return how many documents ``labeler`` has not labelled yet."""
    (count,) = con.execute(
        "SELECT count(*) FROM base.documents WHERE labelled_by IS DISTINCT FROM ?", [labeler]
    ).fetchall()[0]
    return int(count)


def pending(con: Connection, labeler: str, limit: int) -> list[tuple[str, Document]]:
    """Return up to ``limit`` (id, document) that ``labeler`` has not labelled yet."""
    rows = con.execute(
        f"SELECT {', '.join(DOCUMENT_COLUMNS)} FROM base.documents "
        "WHERE labelled_by IS DISTINCT FROM ? ORDER BY id LIMIT ?",
        [labeler, limit],
    ).fetchall()
    return [(row[0], as_document(dict(zip(DOCUMENT_COLUMNS, row, strict=True)))) for row in rows]


def save(
    con: Connection, labeler: str, document_ids: Sequence[str], rows: Sequence[LabelRow]
) -> None:
    """Replace the labels of ``document_ids`` by ``rows`` and note who labelled; all or nothing."""
    # zip(*rows) turns rows into columns, the way Arrow wants them.
    columns = list(zip(*rows, strict=True)) or [()] * len(_SCHEMA)
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, _SCHEMA, strict=True)]
    said = pa.table(arrays, schema=_SCHEMA)
    with transaction(con):
        con.register("labelled", pa.table({"id": pa.array(document_ids, pa.string())}))
        con.register("said", said)
        con.execute("DELETE FROM base.labels USING labelled WHERE document_id = labelled.id")
        con.execute("INSERT INTO base.labels BY NAME FROM said")
        con.execute(
            "UPDATE base.documents SET labelled_by = ? FROM labelled "
            "WHERE documents.id = labelled.id",
            [labeler],
        )
        con.unregister("labelled")
        con.unregister("said")
