-- What analysts say of labels, and vectors that know the model that made them.

-- A history: rows are only added, the latest of a document and label counts.
CREATE TABLE base.feedback (
    document_id VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    verdict BOOLEAN,                -- whether the label applies; NULL: taken back
    who VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    said_at TIMESTAMPTZ NOT NULL
);

-- At most one vector a document.
CREATE TABLE base.vectors (
    document_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    vector FLOAT[] NOT NULL
);
