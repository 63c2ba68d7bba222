DROP INDEX deliveries_sending_idx;
DROP INDEX deliveries_held_channel_idx;
CREATE INDEX deliveries_held_idx ON deliveries (decided_at) WHERE state = 'held';
DROP INDEX deliveries_due_channel_idx;
CREATE INDEX deliveries_due_idx ON deliveries (due_at) WHERE state = 'due';
ALTER TABLE inbox_items DROP COLUMN position;
ALTER TABLE notice_revisions DROP COLUMN amends;
CREATE TABLE subscription_keys_alone (
  term_id BIGINT NOT NULL,
  category TEXT NOT NULL,
  region TEXT NOT NULL,
  user_id UUID NOT NULL,
  subscription UUID NOT NULL REFERENCES subscriptions (id),
  PRIMARY KEY (term_id, category, region, user_id, subscription)
);
INSERT INTO subscription_keys_alone SELECT term_id, category, region, user_id, subscription FROM subscription_keys;
DROP TABLE subscription_keys;
ALTER TABLE subscription_keys_alone RENAME TO subscription_keys;
CREATE INDEX subscription_keys_row_idx ON subscription_keys (subscription);
