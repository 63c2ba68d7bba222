CREATE TABLE notice_scopes_alone (
  scope TEXT COLLATE "C" NOT NULL,
  published_at BIGINT NOT NULL,
  notice_id UUID NOT NULL REFERENCES notices (id),
  PRIMARY KEY (scope, published_at, notice_id)
);
INSERT INTO notice_scopes_alone SELECT scope, published_at, notice_id FROM notice_scopes WHERE scope NOT LIKE '-%';
DROP TABLE notice_scopes;
ALTER TABLE notice_scopes_alone RENAME TO notice_scopes;
