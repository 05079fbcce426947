-- The public views: their names and columns are a promise. Made anew whenever the schema moves.

CREATE OR REPLACE VIEW documents AS
SELECT
    id, kind, title, abstract, url, doi, arxiv_id, venue, language, published, first_seen, source,
    authors, affiliations, countries,
    -- NULL where no country is known: neither foreign nor American can be said.
    CASE WHEN len(countries) > 0 THEN
        NOT list_has_all((SELECT list(country) FROM base.partners WHERE home), countries)
    END AS is_foreign,
    list_has_any(
        countries, (SELECT coalesce(list(country), []) FROM base.partners WHERE NOT home)
    ) AS is_partner
FROM base.documents;

-- What analysts last said of each document and label, without what they took back.
CREATE OR REPLACE VIEW base.verdicts AS
WITH last AS (
    SELECT document_id, label, verdict, who, why, said_at FROM base.feedback
    QUALIFY row_number() OVER (PARTITION BY document_id, label ORDER BY said_at DESC) = 1
)
FROM last WHERE verdict IS NOT NULL;

-- The labels that readers see: the labeler's, and where an analyst has spoken, the analyst's.
CREATE OR REPLACE VIEW base.effective_labels AS
SELECT
    l.document_id, l.scheme, l.label,
    if(v.verdict IS NULL, l.score, v.verdict::FLOAT) AS score,
    coalesce(v.verdict, l.assigned) AS assigned,
    if(v.verdict IS NULL, l.origin, 'analyst') AS origin,
    l.reasons
FROM base.labels l LEFT JOIN base.verdicts v USING (document_id, label)
UNION ALL BY NAME
-- Of a label that the labeler said nothing of; its scheme is as with other documents.
SELECT
    v.document_id, coalesce(s.scheme, '') AS scheme, v.label, v.verdict::FLOAT AS score,
    v.verdict AS assigned, 'analyst' AS origin, []::VARCHAR[] AS reasons
FROM base.verdicts v
ANTI JOIN base.labels l USING (document_id, label)
LEFT JOIN (SELECT label, max(scheme) AS scheme FROM base.labels GROUP BY label) s USING (label);

CREATE OR REPLACE VIEW labels AS
SELECT document_id, scheme, label, score, assigned, origin FROM base.effective_labels;

CREATE OR REPLACE VIEW sightings AS
SELECT document_id, source, native_id, url, seen_at FROM base.sightings;

CREATE OR REPLACE VIEW runs AS
SELECT run_id, started, finished, status, counts FROM base.runs;

CREATE OR REPLACE VIEW source_health AS
SELECT
    source, checked, status, new, known, message,
    items, skipped, newest, requests, bytes, seconds, http_status
FROM base.source_health;

CREATE OR REPLACE VIEW forums AS
SELECT
    id AS document_id, title AS name, event.starts AS starts, event.ends AS ends,
    event.place AS place, event.country AS country, event.deadline AS deadline, url
FROM base.documents
WHERE event IS NOT NULL;
