-- Where a notice stands in the order of commits, in every list that it stands in: the change feed of a scope is one
-- range of an index. A scope that a notice has left stands there with a '-' before it.
CREATE TABLE notice_scopes_in_order (
  scope TEXT COLLATE "C" NOT NULL,
  published_at BIGINT NOT NULL,
  notice_id UUID NOT NULL REFERENCES notices (id),
  position BIGINT NOT NULL,
  PRIMARY KEY (scope, published_at, notice_id)
);
INSERT INTO notice_scopes_in_order
  SELECT s.scope, s.published_at, s.notice_id, n.position FROM notice_scopes s JOIN notices n ON n.id = s.notice_id;
DROP TABLE notice_scopes;
ALTER TABLE notice_scopes_in_order RENAME TO notice_scopes;
CREATE INDEX notice_scopes_position_idx ON notice_scopes (scope, position);
