DROP INDEX notice_revisions_told_idx;
