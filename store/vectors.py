"""Vectors of documents: which wait for one, and keeping what an embedding model made.

A document has one vector, of the model that was asked last. Vectors of documents that are gone are
swept away with each saving, whoever removed the documents.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.document import Document
from store.database import Connection, transaction
from store.documents import DOCUMENT_COLUMNS, as_document

_PENDING = (
    "FROM base.documents ANTI JOIN (SELECT document_id AS id FROM base.vectors WHERE model = ?) v "
    "USING (id)"
)


def count_pending(con: Connection, model: str) -> int:
    """Return how many documents have no vector of ``model``."""
    (count,) = con.execute(f"SELECT count(*) {_PENDING}", [model]).fetchall()[0]
    return int(count)


def pending(con: Connection, model: str, limit: int) -> list[tuple[str, Document]]:
    """Return up to ``limit`` (id, document) without a vector of ``model``, in no order."""
    rows = con.execute(
        f"SELECT {', '.join(DOCUMENT_COLUMNS)} {_PENDING} LIMIT ?", [model, limit]
    ).fetchall()
    return [(row[0], as_document(dict(zip(DOCUMENT_COLUMNS, row, strict=True)))) for row in rows]


def save(
    con: Connection, model: str, document_ids: Sequence[str], vectors: NDArray[np.float32]
) -> None:
    """Keep ``vectors`` (len(document_ids), dimensions) in place of older ones; all or nothing.

    A document that is gone by now gets none.
    """
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    encoded = pa.table({"document_id": pa.array(document_ids, pa.string()), "vector": lists})
    with transaction(con):
        con.register("encoded", encoded)
        con.execute(
            "DELETE FROM base.vectors WHERE document_id IN (SELECT document_id FROM encoded) "
            "OR document_id NOT IN (SELECT id FROM base.documents)"
        )
        con.execute(
            "INSERT INTO base.vectors SELECT document_id, ?, vector "
            "FROM encoded SEMI JOIN base.documents ON document_id = id",
            [model],
        )
        con.unregister("encoded")
