-- What a channel has left of its rate and its quota, where no Redis holds it: one row a channel, taken from in bulk.
CREATE TABLE channel_allowances (
  channel TEXT PRIMARY KEY,
  level BIGINT NOT NULL,
  filled_at BIGINT NOT NULL,
  day BIGINT NOT NULL,
  used BIGINT NOT NULL
);
-- How each process that sends stands with each channel, as it said itself a moment ago.
CREATE TABLE channel_senders (
  owner TEXT NOT NULL,
  channel TEXT NOT NULL,
  send_limit BIGINT NOT NULL,
  send_most BIGINT NOT NULL,
  under_way BIGINT NOT NULL,
  resting_until BIGINT,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (owner, channel)
);
