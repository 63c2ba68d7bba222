DROP INDEX endpoints_address_hash_key;
ALTER TABLE endpoints DROP COLUMN address_hash;
CREATE UNIQUE INDEX endpoints_address_key ON endpoints (channel, address) WHERE ended_at IS NULL;
