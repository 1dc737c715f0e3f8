-- Every change of records: who, what, when, and in answer to which request. Rows are only ever added: no statement of
-- the control plane changes or removes one.

CREATE TABLE audit (
    -- Without gaps, in the order of the commits.
    ordinal BIGINT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    author_kind TEXT NOT NULL,
    author_id TEXT,
    author_name TEXT NOT NULL,
    request_id TEXT,
    kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    object_name TEXT,
    action TEXT NOT NULL,
    -- JSON, without secrets. Of a change, the members that differ.
    state_before TEXT,
    state_after TEXT,
    revision BIGINT NOT NULL
);

CREATE INDEX audit_by_object ON audit (object_id, ordinal);

CREATE INDEX audit_by_author ON audit (author_id, ordinal);

CREATE INDEX audit_by_time ON audit (at_ms);

CREATE INDEX audit_by_request ON audit (request_id);
