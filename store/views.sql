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

CREATE OR REPLACE VIEW labels AS
SELECT document_id, scheme, label, score, assigned, origin FROM base.labels;

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
