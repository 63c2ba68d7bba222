-- What can be found: one row a notice. `doc` orders them by the second of publishing and then by when they came; the
-- index knows a notice by it. `head` is what of a notice is always shown, folded; `text_revision` names the edition
-- whose folded text counts too, none when the notice is withdrawn.
CREATE TABLE search_documents (
  doc BIGINT PRIMARY KEY,
  notice_id UUID NOT NULL REFERENCES notices (id),
  revision BIGINT NOT NULL,
  text_revision BIGINT,
  published_at BIGINT NOT NULL,
  head TEXT NOT NULL
);
CREATE UNIQUE INDEX search_documents_notice_key ON search_documents (notice_id);
-- How far the notices of before have been indexed, in the order of their ids.
CREATE TABLE search_progress (
  id BIGINT PRIMARY KEY,
  after_notice UUID,
  finished_at BIGINT
);
INSERT INTO search_progress (id) VALUES (1);
-- How often a notice was read.
CREATE TABLE notice_views (
  notice_id UUID PRIMARY KEY REFERENCES notices (id),
  views BIGINT NOT NULL
);
