-- A paused endpoint is sent nothing: its user wants it so, or it failed for long.
ALTER TABLE endpoints ADD COLUMN paused_at BIGINT;
ALTER TABLE endpoints ADD COLUMN paused_reason TEXT;
-- What a webhook is besides the endpoint whose id it has. What failed before `resumed_at` is forgiven.
CREATE TABLE webhooks (
  id UUID PRIMARY KEY REFERENCES endpoints (id),
  user_id UUID NOT NULL REFERENCES users (id),
  label TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  rotated_at BIGINT,
  resumed_at BIGINT
);
CREATE INDEX webhooks_user_idx ON webhooks (user_id, id);
-- The HTTP status of the recipient's own answer, on channels where there is one.
ALTER TABLE attempts ADD COLUMN status BIGINT;
-- The log of each webhook, and how it has fared of late. Deliveries of other channels cost nothing here.
CREATE INDEX deliveries_webhook_idx ON deliveries (endpoint_id, notice_id, revision) WHERE channel = 'webhook';
CREATE INDEX deliveries_webhook_decided_idx ON deliveries (endpoint_id, decided_at) WHERE channel = 'webhook';
