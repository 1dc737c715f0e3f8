-- Who manages records: people with passwords and sessions, and robots with tokens. Secrets are kept as digests, and
-- passwords as Argon2id hashes.

CREATE TABLE operators (
    id TEXT PRIMARY KEY,
    -- In lower case: the name to log in with.
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- A PHC string. NULL, as long as none was chosen.
    password TEXT,
    password_changed_at_ms BIGINT,
    -- By which an identity provider knows them.
    provider_issuer TEXT,
    provider_subject TEXT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    last_log_in_at_ms BIGINT,
    UNIQUE (provider_issuer, provider_subject)
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    operator_id TEXT NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    -- How it was opened: by `password`, `link` or `single_sign_on`.
    method TEXT NOT NULL,
    address TEXT,
    user_agent TEXT,
    created_at_ms BIGINT NOT NULL,
    last_used_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);

CREATE INDEX sessions_by_operator ON sessions (operator_id);

-- Links that work once: to choose a password, or, without an operator, to become the first one.
CREATE TABLE links (
    digest TEXT PRIMARY KEY,
    operator_id TEXT REFERENCES operators (id) ON DELETE CASCADE,
    expires_at_ms BIGINT NOT NULL
);

CREATE INDEX links_by_operator ON links (operator_id);

CREATE TABLE robot_tokens (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT,
    role TEXT NOT NULL,
    -- A JSON list of what it is good for. NULL: everything that its role permits.
    resources TEXT,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT,
    last_used_at_ms BIGINT
);
