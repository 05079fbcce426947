"""Documents of the last weeks, as they are labelled now."""

from collections.abc import Iterator
from datetime import datetime

from core.document import Document
from store.database import Connection
from store.documents import DOCUMENT_COLUMNS, as_document


def labelled_since(con: Connection, since: datetime) -> Iterator[tuple[Document, frozenset[str]]]:
    """Yield each labelled document first seen since then (UTC), the newest first.

    With it come the labels that the labeler assigned; what analysts say does not count here.
    """
    found = con.execute(
        f"SELECT {', '.join(DOCUMENT_COLUMNS)}, "
        "list(label) FILTER (assigned) AS given "
        "FROM base.documents JOIN base.labels ON document_id = id "
        "WHERE first_seen >= ? GROUP BY ALL ORDER BY any_value(first_seen) DESC, id",
        [since],
    )
    while rows := found.fetchmany(1000):
        for *values, given in rows:
            document = as_document(dict(zip(DOCUMENT_COLUMNS, values, strict=True)))
            yield document, frozenset(given or ())
