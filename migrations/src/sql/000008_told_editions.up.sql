-- What was announced since an instant, in the order of commits: filters are tried against it. It holds what narrows a
-- filter without the text, because on SQLite the columns behind a text are read through it.
CREATE INDEX notice_revisions_told_idx ON notice_revisions (created_at, position, stage, notice_type, amount_fen,
  category_path, region_path, amends, notice_id, revision, announce, kind)
  WHERE announce <> 'none' AND kind <> 'withdrawal';
