-- One total order that agrees with commit order: whoever takes a position holds this row until its commit.
-- `stamp` is SQLite's stand-in for PostgreSQL's transaction id: the order in which inbox changes commit.
-- `words_version` counts the commits that interned new terms, so that every matcher knows when its words are old.
-- `epoch` names this database's order; a cursor from another one is refused.
CREATE TABLE commit_order (
  id BIGINT PRIMARY KEY,
  position BIGINT NOT NULL,
  stamp BIGINT NOT NULL,
  words_version BIGINT NOT NULL,
  epoch BIGINT NOT NULL
);

-- The catalogue: one document a kind (categories, regions, notice_types, stages).
CREATE TABLE catalogue (
  kind TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  document TEXT NOT NULL,
  loaded_at BIGINT NOT NULL
);

CREATE TABLE users (
  id UUID PRIMARY KEY,
  display_name TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  ended_reason TEXT
);

CREATE TABLE identities (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  address TEXT NOT NULL,
  password_hash TEXT,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX identities_address_key ON identities (kind, address);
CREATE INDEX identities_user_idx ON identities (user_id);

-- Codes sent to prove that an address is its owner's; hashed, counted, short-lived.
CREATE TABLE confirmations (
  id UUID PRIMARY KEY,
  kind TEXT NOT NULL,
  address TEXT NOT NULL,
  purpose TEXT NOT NULL,
  code_hash BYTEA NOT NULL,
  tries BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE INDEX confirmations_address_idx ON confirmations (kind, address, created_at);

CREATE TABLE sessions (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  client TEXT NOT NULL,
  refresh_hash BYTEA NOT NULL,
  refresh_number BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  refreshed_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT,
  ended_reason TEXT
);
CREATE INDEX sessions_user_idx ON sessions (user_id, created_at);

-- Keys that sign access tokens; shared by all copies, oldest kept until nothing they signed is alive.
CREATE TABLE signing_keys (
  kid TEXT PRIMARY KEY,
  private_key BYTEA NOT NULL,
  public_key BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  retired_at BIGINT
);

CREATE TABLE publishers (
  id UUID PRIMARY KEY,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE UNIQUE INDEX publishers_name_key ON publishers (name);

CREATE TABLE publisher_keys (
  id UUID PRIMARY KEY,
  publisher_id UUID NOT NULL REFERENCES publishers (id),
  name TEXT NOT NULL,
  secret_hash BYTEA NOT NULL,
  secret_hint TEXT NOT NULL,
  sources TEXT NOT NULL,
  categories TEXT NOT NULL,
  regions TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,
  ended_at BIGINT
);
CREATE UNIQUE INDEX publisher_keys_secret_key ON publisher_keys (secret_hash);
CREATE INDEX publisher_keys_publisher_idx ON publisher_keys (publisher_id, created_at);

-- What a caller was answered, remembered for 24 h in the transaction of the work.
CREATE TABLE idempotency_keys (
  caller TEXT NOT NULL,
  route TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  body_hash BYTEA NOT NULL,
  status BIGINT NOT NULL,
  response TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (caller, route, idempotency_key)
);
CREATE INDEX idempotency_keys_created_idx ON idempotency_keys (created_at);

-- A notice as it stands now; what it said at each revision is in notice_revisions.
CREATE TABLE notices (
  id UUID PRIMARY KEY,
  publisher_id UUID NOT NULL REFERENCES publishers (id),
  source TEXT NOT NULL,
  source_id TEXT NOT NULL,
  revision BIGINT NOT NULL,
  position BIGINT NOT NULL,
  state TEXT NOT NULL,
  title TEXT NOT NULL,
  category_path TEXT NOT NULL,
  region_path TEXT NOT NULL,
  notice_type TEXT NOT NULL,
  project_key TEXT,
  amount_fen BIGINT,
  bid_deadline_at BIGINT,
  amends UUID,
  duplicate_of UUID,
  content_hash BYTEA NOT NULL,
  published_at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX notices_source_key ON notices (source, source_id);
CREATE INDEX notices_content_idx ON notices (content_hash);
CREATE INDEX notices_project_idx ON notices (project_key, published_at);
CREATE INDEX notices_amends_idx ON notices (amends);
CREATE INDEX notices_published_idx ON notices (published_at, id);

-- Every edition of a notice, immutable. `document` is the structured content as JSON; the columns beside it are
-- what matching reads, resolved when it was stored, so that a match can be recomputed for ever the same way.
CREATE TABLE notice_revisions (
  notice_id UUID NOT NULL REFERENCES notices (id),
  revision BIGINT NOT NULL,
  position BIGINT NOT NULL,
  kind TEXT NOT NULL,
  announce TEXT NOT NULL,
  matcher BIGINT NOT NULL,
  document TEXT NOT NULL,
  body_html TEXT NOT NULL,
  folded TEXT NOT NULL,
  category_path TEXT NOT NULL,
  region_path TEXT NOT NULL,
  notice_type TEXT NOT NULL,
  stage TEXT NOT NULL,
  project_key TEXT,
  purchaser_keys TEXT NOT NULL,
  amount_fen BIGINT,
  changes TEXT NOT NULL,
  reason TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (notice_id, revision)
);

-- The public lists: a row for each scope a notice stands in (c:category, r:region, t:type, p:publisher, ancestors too).
CREATE TABLE notice_scopes (
  scope TEXT COLLATE "C" NOT NULL,
  published_at BIGINT NOT NULL,
  notice_id UUID NOT NULL REFERENCES notices (id),
  PRIMARY KEY (scope, published_at, notice_id)
);

CREATE TABLE notice_sections (
  section_key TEXT NOT NULL,
  notice_id UUID NOT NULL REFERENCES notices (id),
  PRIMARY KEY (section_key, notice_id)
);
CREATE INDEX notice_sections_notice_idx ON notice_sections (notice_id);

-- Interned terms: the words, projects and purchasers that subscriptions name.
CREATE TABLE terms (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind TEXT NOT NULL,
  folded TEXT NOT NULL
);
CREATE UNIQUE INDEX terms_folded_key ON terms (kind, folded);

-- One row for each edition of a subscription's filter: changing it ends one row and starts the next.
-- Positions say for which notices a row counts: started_position < position < ended_position.
CREATE TABLE subscriptions (
  id UUID PRIMARY KEY,
  subscription_id UUID NOT NULL,
  user_id UUID NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  filter TEXT NOT NULL,
  frequency TEXT NOT NULL,
  paused_until BIGINT,
  notice_types TEXT NOT NULL,
  stages TEXT NOT NULL,
  min_fen BIGINT,
  max_fen BIGINT,
  unknown_amount BOOLEAN NOT NULL,
  started_position BIGINT NOT NULL,
  ended_position BIGINT,
  created_at BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  ended_reason TEXT
);
CREATE UNIQUE INDEX subscriptions_current_key ON subscriptions (subscription_id) WHERE ended_at IS NULL;
CREATE INDEX subscriptions_user_idx ON subscriptions (user_id, subscription_id);
CREATE INDEX subscriptions_history_idx ON subscriptions (subscription_id, started_position);

-- Where matching looks a subscription up: its rarest term (0: none) under each category and region ('': any) it names.
CREATE TABLE subscription_keys (
  term_id BIGINT NOT NULL,
  category TEXT NOT NULL,
  region TEXT NOT NULL,
  user_id UUID NOT NULL,
  subscription UUID NOT NULL REFERENCES subscriptions (id),
  PRIMARY KEY (term_id, category, region, user_id, subscription)
);
CREATE INDEX subscription_keys_row_idx ON subscription_keys (subscription);

-- The terms that a subscription needs beyond its key: mode 'all' must be hit, 'none' must not.
CREATE TABLE subscription_terms (
  subscription UUID NOT NULL REFERENCES subscriptions (id),
  mode TEXT NOT NULL,
  term_id BIGINT NOT NULL,
  PRIMARY KEY (subscription, mode, term_id)
);
CREATE INDEX subscription_terms_term_idx ON subscription_terms (term_id);

CREATE TABLE devices (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  session_id UUID NOT NULL REFERENCES sessions (id),
  platform TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  ended_reason TEXT
);
CREATE INDEX devices_user_idx ON devices (user_id, created_at);
CREATE INDEX devices_session_idx ON devices (session_id);

-- Places a message can go. An address belongs to one living endpoint of its channel.
CREATE TABLE endpoints (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  device_id UUID REFERENCES devices (id),
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  ended_reason TEXT
);
CREATE UNIQUE INDEX endpoints_address_key ON endpoints (channel, address) WHERE ended_at IS NULL;
CREATE INDEX endpoints_user_idx ON endpoints (user_id) WHERE ended_at IS NULL;
CREATE INDEX endpoints_device_idx ON endpoints (device_id);

-- The one record that a user has a notice. `stamp` orders changes by commit (see commit_order).
CREATE TABLE inbox_items (
  user_id UUID NOT NULL,
  notice_id UUID NOT NULL,
  revision BIGINT NOT NULL,
  stamp BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  read_at BIGINT,
  archived_at BIGINT,
  removed_at BIGINT,
  PRIMARY KEY (user_id, notice_id)
);
CREATE INDEX inbox_items_stamp_idx ON inbox_items (user_id, stamp, notice_id);
CREATE INDEX inbox_items_notice_idx ON inbox_items (notice_id, user_id);
CREATE INDEX inbox_items_removed_idx ON inbox_items (removed_at) WHERE removed_at IS NOT NULL;

-- The outbox: what was committed and has not been rung yet.
CREATE TABLE outbox (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  fan_out_id UUID NOT NULL,
  lane BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

-- The carrying of one notice revision to all its matches. The plan's lease and cursor live here.
CREATE TABLE fan_outs (
  id UUID PRIMARY KEY,
  notice_id UUID NOT NULL REFERENCES notices (id),
  revision BIGINT NOT NULL,
  kind TEXT NOT NULL,
  announce TEXT NOT NULL,
  position BIGINT NOT NULL,
  lane BIGINT NOT NULL,
  state TEXT NOT NULL,
  cursor UUID,
  chunks BIGINT NOT NULL,
  users BIGINT NOT NULL,
  deadline_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  planned_at BIGINT,
  finished_at BIGINT,
  rung_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  lease_token BIGINT NOT NULL,
  lease_owner TEXT,
  leased_until BIGINT NOT NULL
);
CREATE UNIQUE INDEX fan_outs_revision_key ON fan_outs (notice_id, revision);
CREATE INDEX fan_outs_open_idx ON fan_outs (rung_at) WHERE finished_at IS NULL;
CREATE INDEX fan_outs_created_idx ON fan_outs (created_at, id);

-- A range of users of one fan-out: after_user < user_id <= to_user. Its lease and fencing token live here.
CREATE TABLE chunks (
  id UUID PRIMARY KEY,
  fan_out_id UUID NOT NULL REFERENCES fan_outs (id),
  number BIGINT NOT NULL,
  after_user UUID,
  to_user UUID NOT NULL,
  users BIGINT NOT NULL,
  state TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  inboxed_at BIGINT,
  created_at BIGINT NOT NULL,
  finished_at BIGINT,
  rung_at BIGINT NOT NULL,
  lease_token BIGINT NOT NULL,
  lease_owner TEXT,
  leased_until BIGINT NOT NULL
);
CREATE UNIQUE INDEX chunks_number_key ON chunks (fan_out_id, number);
CREATE INDEX chunks_open_idx ON chunks (rung_at) WHERE state = 'open';
CREATE INDEX chunks_dead_idx ON chunks (finished_at) WHERE state = 'dead';

-- One notice revision to one endpoint, inserted with its first outcome. The endpoint stands before the revision in the
-- key, because the door asks for each endpoint whether it was shown an earlier revision.
CREATE TABLE deliveries (
  notice_id UUID NOT NULL,
  revision BIGINT NOT NULL,
  endpoint_id UUID NOT NULL,
  user_id UUID NOT NULL,
  fan_out_id UUID NOT NULL,
  chunk_id UUID NOT NULL,
  channel TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  shown BOOLEAN NOT NULL,
  attempts BIGINT NOT NULL,
  provider_ref TEXT,
  began_at BIGINT NOT NULL,
  decided_at BIGINT NOT NULL,
  due_at BIGINT,
  lease_token BIGINT NOT NULL,
  leased_until BIGINT NOT NULL,
  PRIMARY KEY (notice_id, endpoint_id, revision)
);
CREATE INDEX deliveries_due_idx ON deliveries (due_at) WHERE state = 'due';
CREATE INDEX deliveries_dead_idx ON deliveries (decided_at) WHERE state IN ('exhausted', 'refused', 'unknown');
CREATE INDEX deliveries_held_idx ON deliveries (decided_at) WHERE state = 'held';
CREATE INDEX deliveries_user_idx ON deliveries (user_id, notice_id);

-- Attempts that did not end the matter at the first try; a first accepted attempt stands in its delivery alone.
CREATE TABLE attempts (
  notice_id UUID NOT NULL,
  revision BIGINT NOT NULL,
  endpoint_id UUID NOT NULL,
  number BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT,
  began_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  PRIMARY KEY (notice_id, revision, endpoint_id, number)
);

-- The queue of the embedded default: bells only, never content.
CREATE TABLE queue_entries (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  lane BIGINT NOT NULL,
  payload TEXT NOT NULL,
  taken_until BIGINT NOT NULL
);
CREATE INDEX queue_entries_lane_idx ON queue_entries (lane, id);

-- What the queue held and nobody could read, kept for the operator.
CREATE TABLE dead_entries (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payload TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
