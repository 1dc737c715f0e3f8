-- What operators manage, and what changed of it. Written so that SQLite and PostgreSQL both take it:
-- identifiers and digests are text in their written form, times are milliseconds since 1970,
-- lists without identity of their own are JSON.

-- One row: to which life of the database its revisions belong, and the newest of them.
CREATE TABLE state (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL,
    revision BIGINT NOT NULL
);

CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    enabled BOOLEAN NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);

CREATE TABLE policies (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    rate_limit TEXT,
    quota TEXT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);

CREATE TABLE collections (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    description TEXT,
    endpoints TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    UNIQUE (name, version)
);

CREATE TABLE access_profiles (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    policy_id TEXT REFERENCES policies (id),
    name TEXT NOT NULL,
    description TEXT,
    addresses TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    expires_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);

CREATE INDEX access_profiles_by_client ON access_profiles (client_id, id);

CREATE INDEX access_profiles_by_policy ON access_profiles (policy_id);

CREATE TABLE profile_collections (
    profile_id TEXT NOT NULL REFERENCES access_profiles (id) ON DELETE CASCADE,
    collection_id TEXT NOT NULL REFERENCES collections (id),
    position BIGINT NOT NULL,
    PRIMARY KEY (profile_id, collection_id)
);

CREATE INDEX profile_collections_by_collection ON profile_collections (collection_id);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    profile_id TEXT NOT NULL REFERENCES access_profiles (id) ON DELETE CASCADE,
    digest TEXT NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT,
    revoked_at_ms BIGINT
);

CREATE INDEX api_keys_by_profile ON api_keys (profile_id);

CREATE TABLE tokens (
    digest TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

-- When each object of the feed became what it is now. What was removed stays as a tombstone.
CREATE TABLE changes (
    kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    revision BIGINT NOT NULL UNIQUE,
    removed BOOLEAN NOT NULL,
    PRIMARY KEY (kind, object_id)
);
