-- The schema of the main job. The SQLite twin of this file differs only in types and triggers; a test compares
-- the two resulting schemas. Text is told apart and sorted by its octets, as SQLite does, whatever the database's own
-- collation: keys, cursors and lists rely on it.

CREATE TABLE cache_epochs (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    directory BIGINT NOT NULL,
    applications BIGINT NOT NULL,
    sessions BIGINT NOT NULL,
    settings BIGINT NOT NULL
);
INSERT INTO cache_epochs (id, directory, applications, sessions, settings) VALUES (1, 1, 1, 1, 1);

CREATE TABLE settings (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

-- directory ----------------------------------------------------------------------------------------------------

CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    username TEXT COLLATE "C" NOT NULL,
    username_key TEXT COLLATE "C" NOT NULL UNIQUE,
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL UNIQUE,
    display_name TEXT COLLATE "C" NOT NULL,
    -- normalised names, for the search in lists
    search_key TEXT COLLATE "C" NOT NULL,
    manager_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE SET NULL,
    -- every other property, as JSON
    profile TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('staged', 'active', 'suspended')),
    -- raised by each suspension: a session or link of an earlier epoch stays dead when the person comes back
    epoch BIGINT NOT NULL,
    -- whether inbound SCIM may change the person
    scim_managed BOOLEAN NOT NULL,
    -- whether it was inbound SCIM that kept the person out: only then may it let them in
    held_by_scim BOOLEAN NOT NULL DEFAULT FALSE,
    -- what SCIM clients call the person, and as JSON what they said of the address beside itself
    external_id TEXT COLLATE "C",
    email_marks TEXT COLLATE "C",
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX users_manager ON users (manager_id);
CREATE INDEX users_state ON users (state, username_key);
CREATE INDEX users_external_id ON users (external_id);

-- One name space for usernames and e-mail addresses, so that sign-in by either is never ambiguous. A row whose
-- owner is gone is a tombstone.
CREATE TABLE login_names (
    name_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL,
    released_at BIGINT
);
CREATE INDEX login_names_user ON login_names (user_id);

CREATE TABLE groups (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL UNIQUE,
    description TEXT COLLATE "C" NOT NULL,
    built_in BOOLEAN NOT NULL,
    -- whether inbound SCIM may change the group
    scim_managed BOOLEAN NOT NULL,
    external_id TEXT COLLATE "C",
    -- raised, and when, by each change of who is in it
    members_version BIGINT NOT NULL,
    members_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX groups_external_id ON groups (external_id);
CREATE INDEX groups_built_in ON groups (built_in) WHERE built_in;

CREATE TABLE memberships (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, group_id)
);
CREATE INDEX memberships_group ON memberships (group_id, user_id);

-- auth ---------------------------------------------------------------------------------------------------------

CREATE TABLE passwords (
    user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    hash TEXT COLLATE "C" NOT NULL,
    -- raised by each new password; hashing the same one anew leaves it
    version BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE roles (
    user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    role TEXT COLLATE "C" NOT NULL,
    granted_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- when the person last proved who they are, by password
    authenticated_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    remembered BOOLEAN NOT NULL,
    source TEXT COLLATE "C",
    -- the /24 or /64 of the source, by which a known place is recognised
    source_prefix TEXT COLLATE "C",
    user_agent TEXT COLLATE "C",
    ended_at BIGINT
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_place ON sessions (source_prefix, created_at, user_id);

-- Failures by what was typed (key `login:…`, a MAC), by account (`account:…`) and by source prefix (`source:…`).
CREATE TABLE throttles (
    throttle_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    window_start BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    consecutive BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    -- whose they are, so that a new password ends them all
    user_id TEXT COLLATE "C"
);
CREATE INDEX throttles_user ON throttles (user_id);

CREATE TABLE api_tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    last_four TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C",
    -- the token it was made with, which it does not outlive
    created_by_token TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);

-- Set-up and password-reset links.
CREATE TABLE one_time_links (
    token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    purpose TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('setup', 'reset')),
    user_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE CASCADE,
    user_epoch BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX one_time_links_user ON one_time_links (user_id);

CREATE TABLE idempotency_keys (
    key_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    request_hash TEXT COLLATE "C" NOT NULL,
    status BIGINT,
    headers TEXT COLLATE "C",
    body BYTEA,
    created_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- applications -------------------------------------------------------------------------------------------------

CREATE TABLE applications (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('saml', 'bookmark')),
    connector TEXT COLLATE "C" NOT NULL,
    -- JSON: the connector as it was when it was taken over
    made_from TEXT NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    label_key TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    slug TEXT COLLATE "C" NOT NULL UNIQUE,
    accent TEXT COLLATE "C" NOT NULL,
    show_in_portal BOOLEAN NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('draft', 'active', 'inactive')),
    idp_entity_id TEXT COLLATE "C" NOT NULL UNIQUE,
    bookmark_url TEXT COLLATE "C",
    -- JSON: values of the placeholders
    placeholders TEXT COLLATE "C" NOT NULL,
    -- JSON: SSO settings, templates included
    sso TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX applications_label ON applications (label_key, id);

-- The IdP URL stands for ever: not the form, not the API, not a hand in the database changes it.
CREATE FUNCTION refuse_idp_url_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'idp_url_immutable';
END;
$$;
CREATE TRIGGER applications_idp_url_immutable BEFORE UPDATE ON applications
FOR EACH ROW WHEN (NEW.slug IS DISTINCT FROM OLD.slug) EXECUTE FUNCTION refuse_idp_url_change();

CREATE TABLE application_logos (
    application_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE,
    png BYTEA NOT NULL,
    digest TEXT COLLATE "C" NOT NULL
);

CREATE TABLE bindings (
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (application_id, group_id)
);
CREATE INDEX bindings_group ON bindings (group_id, application_id);

-- Addresses of deleted applications: 410 and no silent reuse for 90 days.
CREATE TABLE freed_slugs (
    slug TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    label TEXT COLLATE "C" NOT NULL,
    freed_at BIGINT NOT NULL
);

-- Where an application's metadata is fetched from, and how that went.
CREATE TABLE sp_metadata_sources (
    application_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE,
    url TEXT COLLATE "C" NOT NULL,
    -- which of several entities
    entity_id TEXT COLLATE "C",
    -- PEM: the certificate whose key must have signed it
    certificate TEXT COLLATE "C",
    etag TEXT COLLATE "C",
    last_modified TEXT COLLATE "C",
    -- digest of what the copy fetched last asks for
    revision TEXT COLLATE "C" NOT NULL,
    fetched_at BIGINT NOT NULL,
    valid_until BIGINT,
    tried_at BIGINT NOT NULL,
    failure_code TEXT COLLATE "C",
    failure_message TEXT COLLATE "C",
    failing_since BIGINT,
    due_at BIGINT NOT NULL,
    -- one node fetches
    leased_until BIGINT NOT NULL,
    -- JSON: what it asks for and nobody has accepted yet
    pending TEXT COLLATE "C",
    pending_revision TEXT COLLATE "C",
    pending_since BIGINT
);
CREATE INDEX sp_metadata_sources_due ON sp_metadata_sources (due_at);

-- keys ---------------------------------------------------------------------------------------------------------

CREATE TABLE signing_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('current', 'next', 'retired')),
    key_type TEXT COLLATE "C" NOT NULL,
    imported BOOLEAN NOT NULL,
    sealed_key BYTEA NOT NULL,
    certificate BYTEA NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    -- since when the metadata shows the certificate; NULL: it does not
    published_at BIGINT,
    -- for how many days ahead its end was warned of last
    warned_days BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX signing_keys_application ON signing_keys (application_id, state);
-- One signs, and one at most is to follow it.
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (application_id) WHERE state = 'current';
CREATE UNIQUE INDEX signing_keys_next ON signing_keys (application_id) WHERE state = 'next';

-- Keys of the installation that sign its metadata and nothing else: one signs, one at most stands beside it.
CREATE TABLE metadata_keys (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('current', 'next', 'retired')),
    key_type TEXT NOT NULL,
    sealed_key BYTEA NOT NULL,
    certificate BYTEA NOT NULL,
    fingerprint TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX metadata_keys_current ON metadata_keys (state) WHERE state = 'current';

-- Who has fetched an application's metadata lately; a few for each.
CREATE TABLE metadata_fetches (
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    source TEXT COLLATE "C" NOT NULL,
    user_agent TEXT COLLATE "C" NOT NULL,
    fetched_at BIGINT NOT NULL,
    PRIMARY KEY (application_id, source)
);

-- signon -------------------------------------------------------------------------------------------------------

CREATE TABLE pending_requests (
    handle_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- hash of the pre-auth cookie of the browser that brought it
    browser_hash TEXT COLLATE "C" NOT NULL,
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    -- JSON: the raw message as received, and what was decided at first receipt
    request TEXT COLLATE "C" NOT NULL,
    source_prefix TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- when the person proved who they are for this very request (ForceAuthn)
    authenticated_at BIGINT,
    consumed_at BIGINT
);
CREATE INDEX pending_requests_expiry ON pending_requests (expires_at);
CREATE INDEX pending_requests_source ON pending_requests (source_prefix, received_at);

-- The last exchanges of an application, sealed, for a day.
CREATE TABLE exchanges (
    reference TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    recorded_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- code of the refusal; NULL: an assertion was sent
    code TEXT COLLATE "C",
    -- it came with a session; fresh and under a signature of the service provider; from anybody
    room TEXT COLLATE "C" NOT NULL CHECK (room IN ('session', 'signed', 'anyone')),
    -- /24 or /64, of what came without a session
    source_prefix TEXT COLLATE "C",
    sealed BYTEA NOT NULL
);
CREATE INDEX exchanges_application ON exchanges (application_id, recorded_at);
CREATE INDEX exchanges_expiry ON exchanges (expires_at);

-- Until when exchanges that succeed are recorded too.
CREATE TABLE recordings (
    application_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE,
    record_until BIGINT NOT NULL
);

CREATE TABLE seen_requests (
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    request_id TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (application_id, request_id)
);
CREATE INDEX seen_requests_expiry ON seen_requests (expires_at);

-- Persistent NameIDs: never given to anyone else, so no foreign keys, and rows are never deleted.
CREATE TABLE persistent_name_ids (
    value TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    application_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (application_id, user_id)
);

CREATE TABLE sp_sessions (
    session_id TEXT COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    session_index TEXT COLLATE "C" NOT NULL,
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    name_id TEXT COLLATE "C" NOT NULL,
    name_id_format TEXT COLLATE "C" NOT NULL,
    -- its service provider was given the name encrypted, and is given it so again
    name_id_encrypted BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    -- when the service provider asked for its end, or said that it has ended; NULL: it may be open
    ended_at BIGINT,
    PRIMARY KEY (session_id, session_index)
);
CREATE UNIQUE INDEX sp_sessions_application ON sp_sessions (application_id, session_index);
CREATE INDEX sp_sessions_name ON sp_sessions (application_id, name_id, created_at);

-- Responses that a service provider fetches by artifact, sealed, for a minute.
CREATE TABLE artifacts (
    handle_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    -- the session that it signs on with; NULL: an error
    session_id TEXT COLLATE "C" REFERENCES sessions (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL,
    -- of errors, which anybody can have made
    source_prefix TEXT COLLATE "C",
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX artifacts_expiry ON artifacts (expires_at);
CREATE INDEX artifacts_source ON artifacts (source_prefix, issued_at);
CREATE INDEX artifacts_session ON artifacts (session_id);
CREATE INDEX artifacts_application ON artifacts (application_id);

-- Signing out at several service providers, one after another in one browser.
CREATE TABLE logout_runs (
    -- random; counts only together with the cookie of that browser
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    browser_hash TEXT COLLATE "C" NOT NULL,
    -- the application that asked, and its request; NULL: the person did
    application_id TEXT COLLATE "C" REFERENCES applications (id) ON DELETE CASCADE,
    request_id TEXT COLLATE "C",
    relay_state TEXT COLLATE "C",
    -- whom that application means: a session of theirs that is open in this browser ends too
    user_id TEXT COLLATE "C" REFERENCES users (id) ON DELETE CASCADE,
    -- how the answer goes; NULL: none is wanted, or there is no address for it
    answer_by TEXT COLLATE "C" CHECK (answer_by IN ('redirect', 'post')),
    begun_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX logout_runs_browser ON logout_runs (browser_hash, begun_at);
CREATE INDEX logout_runs_expiry ON logout_runs (expires_at);

CREATE TABLE logout_legs (
    run_id TEXT COLLATE "C" NOT NULL REFERENCES logout_runs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    -- the session here that it belongs to
    session_id TEXT COLLATE "C" NOT NULL,
    name_id TEXT COLLATE "C" NOT NULL,
    name_id_format TEXT COLLATE "C" NOT NULL,
    name_id_encrypted BOOLEAN NOT NULL,
    -- JSON
    session_indexes TEXT COLLATE "C" NOT NULL,
    -- ID of our LogoutRequest, and of the one before it where it was sent again
    request_id TEXT COLLATE "C" NOT NULL UNIQUE,
    former_request_id TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'asked', 'signed_out', 'failed', 'no_answer', 'unreachable', 'elsewhere', 'direct')),
    PRIMARY KEY (run_id, position)
);
CREATE INDEX logout_legs_former ON logout_legs (former_request_id) WHERE former_request_id IS NOT NULL;

CREATE TABLE last_uses (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application_id TEXT COLLATE "C" NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, application_id)
);

-- jobs ---------------------------------------------------------------------------------------------------------

-- What may be different, left by the transaction that changed it.
CREATE TABLE notices (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject TEXT NOT NULL CHECK (subject IN
        ('profile', 'person', 'deleted', 'member', 'group', 'binding', 'application', 'account', 'sweep')),
    user_id TEXT,
    group_id TEXT,
    application_id TEXT,
    leaving BOOLEAN NOT NULL
);

-- mail ---------------------------------------------------------------------------------------------------------

-- What is to be sent, left by the transaction of what it tells of.
CREATE TABLE mails (
    id TEXT NOT NULL PRIMARY KEY,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL
);

CREATE INDEX mails_due ON mails (due_at, id);

-- provisioning -------------------------------------------------------------------------------------------------

-- Where an application's people and groups are provisioned to. None of what follows refers to what may be deleted.
CREATE TABLE connections (
    application_id TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('draft', 'active', 'inactive')),
    -- JSON: address, mappings, what is managed and how
    settings TEXT NOT NULL,
    manage_groups BOOLEAN NOT NULL,
    auth TEXT CHECK (auth IN ('bearer', 'basic', 'oauth2_client_credentials')),
    sealed_secret BYTEA,
    -- the address it was given for; it is sent nowhere else
    secret_for TEXT,
    -- what is shown as a TLS client, where the connector asks for it
    client_certificate BYTEA,
    sealed_client_key BYTEA,
    -- the address whose ids the ledger holds
    ledger_for TEXT,
    secret_set_at BIGINT,
    secret_expires_at BIGINT,
    -- for how many days ahead its end was warned of last
    warned_days BIGINT,
    -- JSON: what the other side says it can
    capabilities TEXT,
    verified_at BIGINT,
    -- when it first took a change
    written_at BIGINT,
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    failure_code TEXT,
    failure_message TEXT,
    paused_until BIGINT NOT NULL,
    -- the same by its pace, which holds up nobody who leaves
    paced_until BIGINT NOT NULL,
    -- when all that is there is read and compared, and what was found last (JSON)
    reconcile_at BIGINT,
    reconciled_at BIGINT,
    drift TEXT,
    -- accounts that went for no reason of their own within an hour, and since when
    left_count BIGINT NOT NULL,
    left_since BIGINT NOT NULL,
    -- one node sends; a lease that is renewed no more is over
    leased_by TEXT,
    lease_renewals BIGINT NOT NULL,
    -- when it was told last that people who left still have their accounts
    stuck_told_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- How many requests an address takes in a time: one bucket for all applications and nodes.
CREATE TABLE paces (
    address TEXT NOT NULL PRIMARY KEY,
    -- what is left, in sixty-thousandths of a request
    room BIGINT NOT NULL,
    filled_at BIGINT NOT NULL
);

-- The ledger: what each application is known to hold of ours, and what is to be done about it.
CREATE TABLE provisioned (
    application_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'group')),
    local_id TEXT NOT NULL,
    -- what it was called last
    name TEXT NOT NULL,
    remote_id TEXT,
    -- whether we made it there or found it
    origin TEXT CHECK (origin IN ('created', 'adopted')),
    -- whether it is active there, as far as we know
    active BOOLEAN NOT NULL,
    -- their person was deleted here, and the policy of then keeps the account, inactive
    kept BOOLEAN NOT NULL DEFAULT FALSE,
    -- nothing gives them the application any more, and it is still to be taken away
    owed BOOLEAN NOT NULL DEFAULT FALSE,
    -- another account of theirs that the application made remote_id beside, and that is still to be taken away
    former_id TEXT,
    -- JSON: the resource as it was last confirmed
    sent TEXT,
    -- raised by whatever may concern it
    marks BIGINT NOT NULL,
    -- NULL: nothing is to be done
    due_at BIGINT,
    -- 0 who leaves, 1 people, 2 groups
    turn BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('synced', 'pending', 'failed', 'conflict', 'awaiting_approval', 'drift', 'accepted')),
    -- a change that was begun and whose outcome is not known
    attempt TEXT,
    attempts BIGINT NOT NULL,
    failing_since BIGINT,
    -- what waits for approval or failed; digest of what is asked for, and of what was approved
    change TEXT,
    asked TEXT,
    -- JSON: what an approval is of
    asked_for TEXT,
    approved TEXT,
    code TEXT,
    message TEXT,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (application_id, kind, local_id)
);
CREATE INDEX provisioned_remote ON provisioned (application_id, kind, remote_id);
CREATE INDEX provisioned_local ON provisioned (local_id, kind);
CREATE INDEX provisioned_due ON provisioned (application_id, turn, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX provisioned_state ON provisioned (application_id, state);

-- Who of ours is in which group of ours there.
CREATE TABLE provisioned_members (
    application_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    remote_user_id TEXT NOT NULL,
    -- found: it was so before we came; sent: a change of it was sent, and no answer came, so it may be so or not; added: by us
    standing TEXT NOT NULL CHECK (standing IN ('found', 'sent', 'added')),
    PRIMARY KEY (application_id, group_id, user_id)
);
CREATE INDEX provisioned_members_user ON provisioned_members (user_id);

-- People as they were read at an application, and what can be made of them here. Nobody is changed by it.
CREATE TABLE import_rows (
    application_id TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    -- the name, folded
    sort_key TEXT NOT NULL,
    user_name TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    -- JSON: the mapped properties, and nothing else
    person TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('new', 'imported', 'conflict', 'error')),
    code TEXT,
    message TEXT,
    -- who they are here
    user_id TEXT,
    -- the import they were chosen for last, and whether it has yet to make them
    job_id TEXT,
    waiting BOOLEAN NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (application_id, remote_id)
);

CREATE INDEX import_rows_by_name ON import_rows (application_id, sort_key, remote_id);
CREATE INDEX import_rows_by_job ON import_rows (job_id, sort_key, remote_id);

CREATE TABLE import_jobs (
    id TEXT NOT NULL PRIMARY KEY,
    application_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'done', 'cancelled')),
    total BIGINT NOT NULL,
    imported BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    -- who began it: people are made in their name
    asker_kind TEXT NOT NULL,
    asker_id TEXT NOT NULL,
    asker_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);

CREATE INDEX import_jobs_by_application ON import_jobs (application_id, created_at);
-- one at a time
CREATE UNIQUE INDEX import_jobs_running ON import_jobs (application_id) WHERE status = 'running';

-- events -------------------------------------------------------------------------------------------------------

CREATE TABLE events (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    actor_kind TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C",
    target_kind TEXT COLLATE "C",
    target_id TEXT COLLATE "C",
    application_id TEXT COLLATE "C",
    request_id TEXT COLLATE "C" NOT NULL,
    -- JSON without personal data
    details TEXT COLLATE "C" NOT NULL,
    -- SHA-256 of the personal side row with its salt: erasing the row leaves the commitment
    commitment TEXT COLLATE "C" NOT NULL
);
-- Every sign-on adds to an index, so there are only those that a list goes along; a sign-on's target is its
-- application.
CREATE INDEX events_actor ON events (actor_id, id);
CREATE INDEX events_application ON events (application_id, id);
CREATE INDEX events_target ON events (target_id, id) WHERE target_kind <> 'application';

CREATE TABLE event_persons (
    event_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    salt TEXT COLLATE "C" NOT NULL,
    -- JSON: names, address, user agent
    person TEXT COLLATE "C" NOT NULL
);

-- The chain: given by the sealer, in its own order, without gaps.
CREATE TABLE event_seals (
    seq BIGINT NOT NULL PRIMARY KEY,
    event_id TEXT COLLATE "C" NOT NULL UNIQUE,
    hash TEXT COLLATE "C" NOT NULL
);

-- Ids of events that wait for the sealer.
CREATE TABLE unsealed_events (
    event_id TEXT COLLATE "C" NOT NULL PRIMARY KEY
);

CREATE TABLE event_checkpoints (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    mac TEXT COLLATE "C" NOT NULL
);

-- The sealed end of the chain: which seal is the last, and which the last checkpoint. One row.
CREATE TABLE event_head (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    checkpoint TEXT COLLATE "C" NOT NULL,
    mac TEXT COLLATE "C" NOT NULL
);

CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events_append_only';
END;
$$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_seals_append_only BEFORE UPDATE OR DELETE ON event_seals
FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_checkpoints_append_only BEFORE UPDATE OR DELETE ON event_checkpoints
FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_head_forward BEFORE UPDATE ON event_head
FOR EACH ROW WHEN (NEW.seq < OLD.seq) EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_head_stays BEFORE DELETE ON event_head
FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_seals_no_truncate BEFORE TRUNCATE ON event_seals
FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_checkpoints_no_truncate BEFORE TRUNCATE ON event_checkpoints
FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_head_no_truncate BEFORE TRUNCATE ON event_head
FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change();
