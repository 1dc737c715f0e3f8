-- What the REST interface finds quickly and does once.

-- Names as they are searched and sorted by, in one case. The control plane folds them: databases do it for some letters
-- only, and no two alike. NULL in what an earlier version wrote, until the database is opened.
ALTER TABLE clients ADD COLUMN folded_name TEXT;

ALTER TABLE access_profiles ADD COLUMN folded_name TEXT;

ALTER TABLE collections ADD COLUMN folded_name TEXT;

ALTER TABLE policies ADD COLUMN folded_name TEXT;

ALTER TABLE tokens ADD COLUMN folded_name TEXT;

-- By what lists of many records are sorted. Their identifiers are in the order of their creation. What never ends comes
-- after everything that does.
CREATE INDEX clients_by_name ON clients (folded_name, id);

CREATE INDEX clients_by_change ON clients (updated_at_ms, id);

CREATE INDEX access_profiles_by_name ON access_profiles (folded_name, id);

CREATE INDEX access_profiles_by_change ON access_profiles (updated_at_ms, id);

CREATE INDEX access_profiles_by_end ON access_profiles (COALESCE(expires_at_ms, 9223372036854775807), id);

-- Which profiles grant a collection is told by the index alone.
DROP INDEX profile_collections_by_collection;

CREATE INDEX profile_collections_by_collection ON profile_collections (collection_id, profile_id);

-- The answers to creations that were asked for with a key of their author's, sealed.
CREATE TABLE kept_answers (
    -- Whose it is, and its key.
    id TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    answer TEXT NOT NULL,
    until_ms BIGINT NOT NULL
);

CREATE INDEX kept_answers_by_end ON kept_answers (until_ms);

-- The SHA-256 of the logo of a client, if it has one.
ALTER TABLE clients ADD COLUMN logo TEXT;

CREATE TABLE client_logos (
    client_id TEXT PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    content BLOB NOT NULL
);
