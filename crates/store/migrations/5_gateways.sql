-- Tokens of gateways have a name and may have an end; and gateways are known while they are away.

ALTER TABLE tokens ADD COLUMN id TEXT;

ALTER TABLE tokens ADD COLUMN name TEXT;

ALTER TABLE tokens ADD COLUMN description TEXT;

ALTER TABLE tokens ADD COLUMN expires_at_ms BIGINT;

ALTER TABLE tokens ADD COLUMN last_used_at_ms BIGINT;

-- There was at most one for gateways until now.
UPDATE tokens SET id = 'gt_00000000000000000000000000', name = 'default' WHERE kind = 'gateway';

CREATE UNIQUE INDEX tokens_by_id ON tokens (id);

-- What each running Envoy said of itself last.
CREATE TABLE gateways (
    instance TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    format BIGINT NOT NULL,
    workers BIGINT NOT NULL,
    feed_keys TEXT NOT NULL,
    applied_epoch TEXT,
    applied_revision BIGINT,
    asked_after BIGINT,
    -- By which token it came last. That may be gone.
    token_id TEXT NOT NULL,
    token_name TEXT NOT NULL,
    first_contact_ms BIGINT NOT NULL,
    last_contact_ms BIGINT NOT NULL
);
