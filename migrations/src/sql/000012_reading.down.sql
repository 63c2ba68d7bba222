DROP INDEX terms_beginning_idx;
ALTER TABLE commit_order DROP COLUMN notices;
