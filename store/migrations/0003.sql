-- Likeness: titles and texts find a work again by bands (store/blocking.py), no longer by a key of
-- the whole title. documents.add gives bands to what was stored before there were any.

CREATE TABLE base.bands (band UBIGINT NOT NULL, document_id VARCHAR NOT NULL);

DELETE FROM base.keys WHERE starts_with(key, 'title:');
