-- Tokens beside API keys, keys that overlap or come from elsewhere, public collections, and profiles that observe.

-- Sealed under the key for secrets: by it a wrong key is noticed before it is used.
ALTER TABLE state ADD COLUMN secret_check TEXT;

ALTER TABLE access_profiles ADD COLUMN access_method TEXT NOT NULL DEFAULT 'api_key';

-- What tokens have to be like, as JSON. No secret stands in it.
ALTER TABLE access_profiles ADD COLUMN jwt TEXT;

-- The secret with which tokens are signed, sealed.
ALTER TABLE access_profiles ADD COLUMN jwt_secret TEXT;

-- Where the keys of tokens come from, if they are fetched: `jwks URL` or `issuer URL`.
ALTER TABLE access_profiles ADD COLUMN key_set TEXT;

-- The name that an identity provider has for the profile.
ALTER TABLE access_profiles ADD COLUMN token_issuer TEXT;

ALTER TABLE access_profiles ADD COLUMN token_client TEXT;

ALTER TABLE access_profiles ADD COLUMN observe BOOLEAN NOT NULL DEFAULT FALSE;

CREATE INDEX access_profiles_by_key_set ON access_profiles (key_set);

CREATE UNIQUE INDEX access_profiles_by_identity ON access_profiles (token_issuer, token_client);

ALTER TABLE collections ADD COLUMN public BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE collections ADD COLUMN allows_dubious_paths BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE api_keys ADD COLUMN deprecated_at_ms BIGINT;

ALTER TABLE api_keys ADD COLUMN imported BOOLEAN NOT NULL DEFAULT FALSE;
