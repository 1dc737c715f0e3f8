-- What the processes over one database tell each other of the gateways.

-- Rises with each save of gateways: each process reads only what is newer than what it knows.
ALTER TABLE state ADD COLUMN fleet_stamp BIGINT NOT NULL DEFAULT 0;

ALTER TABLE gateways ADD COLUMN stamp BIGINT NOT NULL DEFAULT 0;

-- When it said that, by its own clock: of two reports the later one counts.
ALTER TABLE gateways ADD COLUMN at_us BIGINT NOT NULL DEFAULT 0;

-- Which process saved it, and whether it had a question open there.
ALTER TABLE gateways ADD COLUMN saved_by TEXT NOT NULL DEFAULT '';

ALTER TABLE gateways ADD COLUMN asking BOOLEAN NOT NULL DEFAULT FALSE;

-- When it was forgotten, and NULL as long as it is not: others have to hear of that too.
ALTER TABLE gateways ADD COLUMN gone_at_ms BIGINT;

CREATE INDEX gateways_by_stamp ON gateways (stamp);

CREATE TABLE replicas (
    name TEXT PRIMARY KEY,
    beat_at_ms BIGINT NOT NULL,
    unidentified BIGINT NOT NULL
);
