DROP TABLE search_index;
-- How many slots of the index were taken.
ALTER TABLE commit_order ADD COLUMN slots BIGINT NOT NULL DEFAULT 0;
-- What the index knows a document by; a document that is revised takes another one.
ALTER TABLE search_documents ADD COLUMN slot BIGINT;
CREATE UNIQUE INDEX search_documents_slot_key ON search_documents (slot);
-- The editions that slots stood for before their notices were revised or withdrawn.
CREATE TABLE search_former (
  slot BIGINT PRIMARY KEY,
  notice_id UUID NOT NULL REFERENCES notices (id),
  revision BIGINT NOT NULL
);
-- Stretches of slots whose tokens were turned round together.
CREATE TABLE search_segments (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  first_slot BIGINT NOT NULL,
  last_slot BIGINT NOT NULL
);
-- The index itself: tokens in order and the slots that have them, some kilobytes a row under the first of its tokens.
CREATE TABLE search_index (
  segment BIGINT NOT NULL,
  token BIGINT NOT NULL,
  block BYTEA NOT NULL,
  PRIMARY KEY (segment, token)
);
UPDATE search_progress SET after_notice = NULL, finished_at = NULL;
