-- The lives of the database, until when removals are told, and the keys that sign what is told.

-- One row for each time that the database was opened, in their order. A life goes on from the revision at which the one
-- before it ended.
CREATE TABLE lives (
    ordinal BIGINT PRIMARY KEY,
    epoch TEXT NOT NULL UNIQUE,
    from_revision BIGINT NOT NULL,
    begun_at_ms BIGINT NOT NULL
);

INSERT INTO lives (ordinal, epoch, from_revision, begun_at_ms) SELECT 1, epoch, 0, 0 FROM state;

ALTER TABLE state DROP COLUMN epoch;

-- The greatest revision of a removal that is not told any more.
ALTER TABLE state ADD COLUMN horizon BIGINT NOT NULL DEFAULT 0;

-- When it was removed, and NULL as long as it exists. When earlier versions removed something is not known.
ALTER TABLE changes ADD COLUMN removed_at_ms BIGINT;

UPDATE changes SET removed_at_ms = 0 WHERE removed;

ALTER TABLE changes DROP COLUMN removed;

CREATE INDEX removals ON changes (removed_at_ms) WHERE removed_at_ms IS NOT NULL;

CREATE TABLE feed_keys (
    id TEXT PRIMARY KEY,
    -- The secret half, sealed.
    secret TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

-- Those that were revoked last are found without reading all that ever were.
DROP INDEX api_keys_by_profile;

CREATE INDEX api_keys_by_profile ON api_keys (profile_id, revoked_at_ms);
