-- The first schema. Base tables are ours to change; the views of views.sql are a promise.
-- No PRIMARY KEY: DuckDB turns an update of a list column into delete + insert and then sees the
-- key twice; one write path (documents.add, under one lock) keeps ids unique instead.

CREATE TABLE base.documents (
    id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    title VARCHAR NOT NULL CHECK (title <> ''),
    abstract VARCHAR NOT NULL,
    url VARCHAR NOT NULL,
    doi VARCHAR,
    arxiv_id VARCHAR,
    openalex_id VARCHAR,
    venue VARCHAR NOT NULL,
    language VARCHAR,
    published DATE,
    precision VARCHAR NOT NULL CHECK (precision IN ('day', 'month', 'year')),
    source VARCHAR NOT NULL,
    authors VARCHAR[] NOT NULL,
    affiliations VARCHAR[] NOT NULL,
    countries VARCHAR[] NOT NULL,
    event STRUCT(starts DATE, ends DATE, place VARCHAR, country VARCHAR, deadline DATE),
    first_seen TIMESTAMP NOT NULL,  -- UTC
    week VARCHAR NOT NULL,          -- ISO week of the run that brought it, such as 2026-W46
    labelled_by VARCHAR             -- the labeler's name; NULL until its turn comes
);

-- What finds a work again: doi:…, arxiv:…, openalex:…, source:…:…, title:…
CREATE TABLE base.keys (key VARCHAR NOT NULL, document_id VARCHAR NOT NULL);

CREATE TABLE base.sightings (
    document_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    native_id VARCHAR NOT NULL,
    url VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    seen_at TIMESTAMP NOT NULL,     -- UTC
    raw JSON NOT NULL               -- the source's own record
);

CREATE TABLE base.labels (
    document_id VARCHAR NOT NULL,
    scheme VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    score FLOAT NOT NULL CHECK (score BETWEEN 0 AND 1),
    assigned BOOLEAN NOT NULL,
    origin VARCHAR NOT NULL,
    reasons VARCHAR[] NOT NULL
);

CREATE TABLE base.runs (
    run_id VARCHAR NOT NULL,
    week VARCHAR NOT NULL,
    started TIMESTAMP NOT NULL,
    finished TIMESTAMP,
    status VARCHAR NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'interrupted')),
    counts JSON NOT NULL
);

CREATE TABLE base.source_health (
    run_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    checked TIMESTAMP NOT NULL,
    status VARCHAR NOT NULL CHECK (status IN ('ok', 'quiet', 'stale', 'failing', 'waiting')),
    new INTEGER NOT NULL,
    known INTEGER NOT NULL,
    skipped JSON NOT NULL,          -- reason → count
    message VARCHAR NOT NULL
);

CREATE TABLE base.watermarks (source VARCHAR NOT NULL, mark JSON NOT NULL);

CREATE TABLE base.deliveries (
    week VARCHAR NOT NULL,
    subscriber VARCHAR NOT NULL,
    message_id VARCHAR NOT NULL,
    status VARCHAR NOT NULL CHECK (status IN ('pending', 'sent')),
    detail VARCHAR NOT NULL,
    updated TIMESTAMP NOT NULL
);

-- config/partners.yaml, so that the views can tell foreign and partner.
CREATE TABLE base.partners (country VARCHAR NOT NULL, name VARCHAR NOT NULL, home BOOLEAN NOT NULL);
