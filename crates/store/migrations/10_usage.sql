-- What gateways count: journal, then sums of minutes, hours and days. No foreign keys: usage outlives what it is about.

-- Up to which batch each gateway is counted.
CREATE TABLE usage_instances (
    instance TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- The number of the last batch that was counted.
    number BIGINT NOT NULL,
    -- How many batches never came.
    missing BIGINT NOT NULL,
    -- How many requests it knows not to have counted.
    lost BIGINT NOT NULL,
    heard_at_ms BIGINT NOT NULL
);

CREATE INDEX usage_instances_by_time ON usage_instances (heard_at_ms);

-- Counted, but not yet added to the sums. Each entry is JSON: rows about some of the profiles, of which each is always in
-- the same part.
CREATE TABLE usage_journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    part BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    content TEXT NOT NULL
);

CREATE INDEX usage_journal_by_part ON usage_journal (part, id, row_count);

-- What sums are about. What it does not tell apart, or is not known, is empty.
CREATE TABLE usage_series (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 0 tells all apart, 1 profiles, 2 endpoints, 3 nothing.
    scope BIGINT NOT NULL,
    client_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    collection_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    -- The last minute with a request.
    last_minute BIGINT NOT NULL,
    UNIQUE (profile_id, key_id, collection_id, endpoint, scope)
);

CREATE INDEX usage_series_by_client ON usage_series (client_id, scope);

CREATE INDEX usage_series_by_key ON usage_series (key_id);

CREATE INDEX usage_series_by_end ON usage_series (last_minute);

-- The sums. Those of one moment stand together: few places are written at a time, and expiry takes them in one piece.
CREATE TABLE usage_sums (
    -- 0 for minutes, 1 for hours, 2 for days.
    unit BIGINT NOT NULL,
    scope BIGINT NOT NULL,
    -- When it begins, in minutes since 1970.
    at BIGINT NOT NULL,
    series BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    permitted BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    -- By class of status, and by bucket of latency. NULL for none, which takes no room.
    s0 BIGINT, s1 BIGINT, s2 BIGINT, s3 BIGINT, s4 BIGINT, s5 BIGINT,
    l0 BIGINT, l1 BIGINT, l2 BIGINT, l3 BIGINT, l4 BIGINT, l5 BIGINT, l6 BIGINT, l7 BIGINT, l8 BIGINT,
    l9 BIGINT, l10 BIGINT, l11 BIGINT, l12 BIGINT, l13 BIGINT, l14 BIGINT, l15 BIGINT, l16 BIGINT,
    PRIMARY KEY (unit, scope, at, series)
) WITHOUT ROWID;

-- The same by the reason of refusals.
CREATE TABLE usage_denials (
    unit BIGINT NOT NULL,
    scope BIGINT NOT NULL,
    at BIGINT NOT NULL,
    series BIGINT NOT NULL,
    reason TEXT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (unit, scope, at, series, reason)
) WITHOUT ROWID;

-- A sample of what was refused.
CREATE TABLE usage_refusals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms BIGINT NOT NULL,
    instance TEXT NOT NULL,
    gateway TEXT NOT NULL,
    reason TEXT NOT NULL,
    status BIGINT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    address TEXT,
    key_id TEXT,
    client_id TEXT,
    profile_id TEXT,
    collection_id TEXT,
    decision_id TEXT
);

CREATE INDEX usage_refusals_by_time ON usage_refusals (at_ms, id);
