DROP INDEX deliveries_webhook_decided_idx;
DROP INDEX deliveries_webhook_idx;
ALTER TABLE attempts DROP COLUMN status;
DROP TABLE webhooks;
ALTER TABLE endpoints DROP COLUMN paused_reason;
ALTER TABLE endpoints DROP COLUMN paused_at;
