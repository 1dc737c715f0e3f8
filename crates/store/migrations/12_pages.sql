-- What pages ask of many records: keys by their end and by their age, profiles under a policy by their names and those that
-- have rules for addresses, the quotas of which much is used, and the refusals of a client or a profile.

CREATE INDEX api_keys_by_end ON api_keys (expires_at_ms, id)
    WHERE revoked_at_ms IS NULL AND deprecated_at_ms IS NULL AND expires_at_ms IS NOT NULL;

CREATE INDEX api_keys_by_age ON api_keys (created_at_ms, id) WHERE revoked_at_ms IS NULL;

CREATE INDEX quota_standings_by_end ON quota_standings (until_ms);

CREATE INDEX usage_refusals_by_client ON usage_refusals (client_id, at_ms, id);

CREATE INDEX usage_refusals_by_profile ON usage_refusals (profile_id, at_ms, id);

-- Which clients were refused at an address.
CREATE INDEX usage_refusals_by_address ON usage_refusals (address, client_id);

DROP INDEX access_profiles_by_policy;

CREATE INDEX access_profiles_by_policy ON access_profiles (policy_id, folded_name, id);

-- Rules are found in the index alone, save those that are too long for an index.
CREATE INDEX access_profiles_by_addresses ON access_profiles (addresses, client_id)
    WHERE addresses <> '{}' AND LENGTH(addresses) <= 1000;

CREATE INDEX access_profiles_with_long_addresses ON access_profiles (client_id) WHERE LENGTH(addresses) > 1000;
