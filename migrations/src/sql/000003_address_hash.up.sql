DROP INDEX endpoints_address_key;
-- An address belongs to one living endpoint of its channel. Without a hash: the address is forgotten.
CREATE UNIQUE INDEX endpoints_address_hash_key ON endpoints (channel, address_hash) WHERE ended_at IS NULL;
