/** How the schema came to be, step by step, for both databases. */
export interface Step {
  name: string;
  sql: readonly string[];
}

/**
 * The schema grows by adding: the old release and the new one work on one database during an upgrade. Never change a step that was
 * released; add another. `{identity}` is a number that the database gives, growing with time. Every row carries its tenant, the
 * SIP domain, as the first column of its key.
 */
export const steps: readonly Step[] = [
  {
    name: "tenants",
    sql: [
      `CREATE TABLE accounts (
         tenant TEXT NOT NULL, user_name TEXT NOT NULL, full_name TEXT NOT NULL, extension TEXT NOT NULL,
         password TEXT NOT NULL DEFAULT '', role TEXT NOT NULL DEFAULT 'member', language TEXT NOT NULL DEFAULT 'en',
         voicemail BIGINT NOT NULL DEFAULT 0, availability TEXT NOT NULL DEFAULT 'available', status_text TEXT NOT NULL DEFAULT '',
         history_seen_at BIGINT NOT NULL DEFAULT 0, created_at BIGINT NOT NULL,
         PRIMARY KEY (tenant, user_name), UNIQUE (tenant, extension))`,
      `CREATE TABLE favourites (
         tenant TEXT NOT NULL, user_name TEXT NOT NULL, favourite TEXT NOT NULL, added_at BIGINT NOT NULL,
         PRIMARY KEY (tenant, user_name, favourite),
         FOREIGN KEY (tenant, user_name) REFERENCES accounts (tenant, user_name) ON DELETE CASCADE,
         FOREIGN KEY (tenant, favourite) REFERENCES accounts (tenant, user_name) ON DELETE CASCADE)`,
      `CREATE TABLE servers (tenant TEXT NOT NULL, id TEXT NOT NULL, alive_until BIGINT NOT NULL, PRIMARY KEY (tenant, id))`,
      `CREATE TABLE devices (
         tenant TEXT NOT NULL, id TEXT NOT NULL, user_name TEXT NOT NULL, token_hash TEXT NOT NULL, sip_user TEXT NOT NULL,
         name TEXT NOT NULL, api_token TEXT, home TEXT NOT NULL, connected BIGINT NOT NULL,
         created_at BIGINT NOT NULL, online_until BIGINT NOT NULL, expires_at BIGINT NOT NULL,
         PRIMARY KEY (tenant, id), UNIQUE (tenant, token_hash), UNIQUE (tenant, sip_user),
         FOREIGN KEY (tenant, user_name) REFERENCES accounts (tenant, user_name) ON DELETE CASCADE)`,
      `CREATE INDEX devices_user ON devices (tenant, user_name)`,
      `CREATE INDEX devices_home ON devices (tenant, home)`,
      `CREATE TABLE handovers (
         tenant TEXT NOT NULL, session TEXT NOT NULL, state TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (tenant, session))`,
      `CREATE TABLE api_tokens (
         tenant TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL, scopes TEXT NOT NULL, user_name TEXT,
         created_at BIGINT NOT NULL, last_used_at BIGINT, expires_at BIGINT,
         PRIMARY KEY (tenant, id), UNIQUE (tenant, hash), UNIQUE (tenant, name),
         FOREIGN KEY (tenant, user_name) REFERENCES accounts (tenant, user_name) ON DELETE CASCADE)`,
      `CREATE TABLE call_history (
         tenant TEXT NOT NULL, call_id TEXT NOT NULL, user_name TEXT NOT NULL, direction TEXT NOT NULL,
         peer TEXT NOT NULL, peer_name TEXT NOT NULL, peer_extension TEXT NOT NULL,
         started_at BIGINT NOT NULL, answered_at BIGINT, ended_at BIGINT NOT NULL, reason TEXT NOT NULL, missed BIGINT NOT NULL,
         PRIMARY KEY (tenant, call_id, user_name))`,
      `CREATE INDEX call_history_user ON call_history (tenant, user_name, ended_at)`,
      `CREATE INDEX call_history_age ON call_history (ended_at)`,
      `CREATE TABLE messages (
         id {identity}, tenant TEXT NOT NULL, pair TEXT NOT NULL, sender TEXT NOT NULL, receiver TEXT NOT NULL,
         client_id TEXT NOT NULL, body TEXT NOT NULL, sent_at BIGINT NOT NULL, state TEXT NOT NULL DEFAULT 'sent',
         UNIQUE (tenant, sender, client_id))`,
      `CREATE INDEX messages_pair ON messages (tenant, pair, id)`,
      `CREATE INDEX messages_unread ON messages (tenant, receiver, sender, id) WHERE state <> 'read'`,
      `CREATE INDEX messages_receiver ON messages (tenant, receiver, id)`,
      `CREATE INDEX messages_age ON messages (sent_at)`,
      `CREATE TABLE rooms (
         tenant TEXT NOT NULL, name TEXT NOT NULL, title TEXT NOT NULL, number TEXT, pin TEXT NOT NULL DEFAULT '',
         moderators TEXT NOT NULL DEFAULT '[]', created_at BIGINT NOT NULL, PRIMARY KEY (tenant, name), UNIQUE (tenant, number))`,
      `CREATE TABLE leases (
         tenant TEXT NOT NULL, name TEXT NOT NULL, holder TEXT NOT NULL, held_until BIGINT NOT NULL, PRIMARY KEY (tenant, name))`,
    ],
  },
];

/**
 * What a database file of the first releases holds, which knew one tenant: taken over once. Those tables stay, for going back.
 * Parameter: the tenant.
 */
export const takeOver: readonly string[] = [
  `INSERT INTO accounts (tenant, user_name, full_name, extension, password, availability, created_at)
     SELECT $1, user, name, extension, password, CASE do_not_disturb WHEN 1 THEN 'do-not-disturb' ELSE 'available' END, 0 FROM people`,
  `INSERT INTO devices (tenant, id, user_name, token_hash, sip_user, name, home, connected, created_at, online_until, expires_at)
     SELECT $1, id, user, token_hash, sip_user, '', '', 0, created_at, online_until, expires_at FROM sessions`,
  `INSERT INTO call_history (tenant, call_id, user_name, direction, peer, peer_name, peer_extension, started_at, answered_at, ended_at, reason, missed)
     SELECT $1, calls.id, calls.caller, 'outgoing', people.user, people.name, people.extension, started_at, answered_at, ended_at, reason, 0
     FROM calls JOIN people ON people.user = calls.callee`,
  `INSERT INTO call_history (tenant, call_id, user_name, direction, peer, peer_name, peer_extension, started_at, answered_at, ended_at, reason, missed)
     SELECT $1, calls.id, calls.callee, 'incoming', people.user, people.name, people.extension, started_at, answered_at, ended_at, reason, answered_at IS NULL
     FROM calls JOIN people ON people.user = calls.caller WHERE caller <> callee`,
];
