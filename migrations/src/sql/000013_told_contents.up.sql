-- Names what an edition says; nothing for those of before, until somebody asks. A start does not wait for them.
ALTER TABLE notice_revisions ADD COLUMN content_hash BYTEA;
-- How far a content was announced, the widest first.
CREATE INDEX notice_revisions_content_idx ON notice_revisions (content_hash, announce, notice_id) WHERE announce <> 'none';
-- Announced editions that have no hash yet.
CREATE INDEX notice_revisions_unknown_idx ON notice_revisions (notice_id, revision)
  WHERE content_hash IS NULL AND announce <> 'none';
