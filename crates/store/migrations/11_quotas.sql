-- What was last judged of the quota of a profile. It is about the quota that it was judged by, and no other.
CREATE TABLE quota_standings (
    profile_id TEXT PRIMARY KEY REFERENCES access_profiles (id) ON DELETE CASCADE,
    -- The quota, as JSON.
    quota TEXT NOT NULL,
    -- When the window ends.
    until_ms BIGINT NOT NULL,
    -- What was reached: 80 or 100 of a hundred.
    percent BIGINT NOT NULL
);

-- What was told of it: added to and never changed. No foreign keys: it outlives what it is about.
CREATE TABLE quota_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms BIGINT NOT NULL,
    client_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    quota TEXT NOT NULL,
    from_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    used BIGINT NOT NULL,
    percent BIGINT NOT NULL
);

CREATE INDEX quota_events_by_time ON quota_events (at_ms);

CREATE INDEX quota_events_by_profile ON quota_events (profile_id, id);
