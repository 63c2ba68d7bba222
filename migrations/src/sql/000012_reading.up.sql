-- Counts the commits that changed a notice, so that every copy knows when an answer that it keeps is old.
ALTER TABLE commit_order ADD COLUMN notices BIGINT NOT NULL DEFAULT 0;
-- Words are completed from their beginning.
CREATE INDEX terms_beginning_idx ON terms (kind, folded COLLATE "C");
