-- Health in full: what a source answered, not only whether. DuckDB cannot alter a CHECK, so the
-- table is made anew.

CREATE TABLE base.source_health_2 (
    run_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    checked TIMESTAMP NOT NULL,     -- UTC
    status VARCHAR NOT NULL CHECK (status IN (
        'ok', 'quiet', 'stale', 'changed', 'budget', 'blocked', 'failing'
    )),
    items INTEGER NOT NULL,         -- entries seen, those skipped included
    new INTEGER NOT NULL,
    known INTEGER NOT NULL,
    skipped JSON NOT NULL,          -- reason → count
    newest DATE,                    -- latest date of publication among the items
    filled FLOAT,                   -- mean share of the main fields that the items had; NULL: none
    requests INTEGER NOT NULL,
    bytes BIGINT NOT NULL,          -- of bodies, as received
    seconds FLOAT NOT NULL,
    http_status INTEGER,            -- of the answer that was an error
    message VARCHAR NOT NULL
);

INSERT INTO base.source_health_2
SELECT
    run_id, source, checked, if(status = 'waiting', 'budget', status),
    new + known, new, known, skipped, NULL, NULL, 0, 0, 0, NULL, message
FROM base.source_health;

DROP VIEW IF EXISTS source_health;
DROP TABLE base.source_health;
ALTER TABLE base.source_health_2 RENAME TO source_health;
