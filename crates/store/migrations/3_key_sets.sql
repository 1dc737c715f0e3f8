-- What is known of the key sets that access profiles follow. Each is fetched again and again.

CREATE TABLE key_sets (
    source TEXT PRIMARY KEY,
    keys TEXT NOT NULL,
    -- From where the keys came last, and what the server called that version of them.
    url TEXT,
    etag TEXT,
    -- When it was asked last, and when it answered last.
    asked_at_ms BIGINT,
    fetched_at_ms BIGINT,
    due_at_ms BIGINT NOT NULL,
    -- How often it failed since then, and why it did last.
    failures BIGINT NOT NULL,
    failure TEXT
);

CREATE INDEX key_sets_by_due ON key_sets (due_at_ms);
