-- The copies of a subscription's columns follow it: positions, pause and the rest are written to both in one
-- transaction. `more_terms`: whether rows of subscription_terms must be asked too.
CREATE TABLE subscription_keys_that_match (
  term_id BIGINT NOT NULL,
  category TEXT NOT NULL,
  region TEXT NOT NULL,
  user_id UUID NOT NULL,
  subscription UUID NOT NULL REFERENCES subscriptions (id),
  subscription_id UUID NOT NULL,
  started_position BIGINT NOT NULL,
  ended_position BIGINT,
  paused_until BIGINT,
  notice_types TEXT NOT NULL,
  stages TEXT NOT NULL,
  min_fen BIGINT,
  max_fen BIGINT,
  unknown_amount BOOLEAN NOT NULL,
  more_terms BOOLEAN NOT NULL,
  PRIMARY KEY (term_id, category, region, user_id, subscription)
);
INSERT INTO subscription_keys_that_match
  SELECT k.term_id, k.category, k.region, k.user_id, k.subscription, s.subscription_id, s.started_position,
    s.ended_position, s.paused_until, s.notice_types, s.stages, s.min_fen, s.max_fen, s.unknown_amount,
    EXISTS (SELECT 1 FROM subscription_terms t WHERE t.subscription = s.id)
  FROM subscription_keys k JOIN subscriptions s ON s.id = k.subscription;
DROP TABLE subscription_keys;
ALTER TABLE subscription_keys_that_match RENAME TO subscription_keys;
CREATE INDEX subscription_keys_row_idx ON subscription_keys (subscription);
CREATE INDEX subscription_keys_match_idx ON subscription_keys (term_id, category, region, user_id, started_position,
  ended_position, paused_until, unknown_amount, more_terms, min_fen, max_fen, notice_types, stages, subscription_id,
  subscription);
-- What an edition amends is the edition's own: a later one may amend something else.
ALTER TABLE notice_revisions ADD COLUMN amends UUID;
UPDATE notice_revisions SET amends = (SELECT n.amends FROM notices n WHERE n.id = notice_revisions.notice_id);
-- The position of the edition that brought the item: whoever holds a notice does so from then on.
ALTER TABLE inbox_items ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
-- Each channel's due deliveries are leased by themselves. A held one is due at its deadline, to be ended then.
DROP INDEX deliveries_due_idx;
CREATE INDEX deliveries_due_channel_idx ON deliveries (channel, due_at) WHERE state = 'due';
DROP INDEX deliveries_held_idx;
UPDATE deliveries SET due_at = (SELECT f.deadline_at FROM fan_outs f WHERE f.id = deliveries.fan_out_id)
  WHERE state = 'held';
CREATE INDEX deliveries_held_channel_idx ON deliveries (channel, due_at) WHERE state = 'held';
-- Intents: what was begun where a repeat is forbidden.
CREATE INDEX deliveries_sending_idx ON deliveries (chunk_id) WHERE state = 'sending';
