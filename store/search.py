"""Finding documents by words."""

from dataclasses import dataclass
from datetime import date

from store.database import Connection


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that a search found, the best first."""

    id: str
    score: float
    title: str
    published: date | None
    countries: tuple[str, ...]
    source: str
    url: str
    labels: tuple[str, ...]


def search(con: Connection, words: str, *, label: str | None = None, limit: int = 20) -> list[Hit]:
    """Return the documents in which every word of ``words`` occurs, titles before abstracts.

    Accents and case do not matter; ``label`` keeps those to which it is assigned.

    Raises:
        ValueError: there is no word to look for.
    """
    terms = words.split()
    if not terms:
        raise ValueError("nothing to search for; give at least one word")
    rows = con.execute(
        """
        WITH terms AS (SELECT DISTINCT lower(strip_accents(unnest($terms))) AS term),
        texts AS (
            SELECT id, lower(strip_accents(title)) AS t, lower(strip_accents(abstract)) AS a
            FROM base.documents
        ),
        found AS (
            SELECT id, sum(3 * (contains(t, term))::INTEGER + contains(a, term)::INTEGER) AS score
            FROM texts, terms
            WHERE contains(t, term) OR contains(a, term)
            GROUP BY id
            HAVING count(*) = (SELECT count(*) FROM terms)
        )
        SELECT id, score, title, published, countries, source, url, coalesce((
            SELECT list(label ORDER BY score DESC) FROM base.effective_labels
            WHERE document_id = id AND assigned
        ), []) AS labels
        FROM found JOIN base.documents USING (id)
        WHERE $label IS NULL OR list_contains(labels, $label)
        ORDER BY score DESC, published DESC NULLS LAST, id
        LIMIT $limit
        """,
        {"terms": terms, "label": label, "limit": limit},
    ).fetchall()
    return [
        Hit(i, score, title, published, tuple(countries), source, url, tuple(labels))
        for i, score, title, published, countries, source, url, labels in rows
    ]
