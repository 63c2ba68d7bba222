DROP INDEX notice_revisions_unknown_idx;
DROP INDEX notice_revisions_content_idx;
ALTER TABLE notice_revisions DROP COLUMN content_hash;
