CREATE TABLE job (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  schema INTEGER NOT NULL,
  cookie INTEGER NOT NULL,
  created INTEGER NOT NULL,
  duplicates INTEGER NOT NULL,
  devices INTEGER NOT NULL,
  searched INTEGER NOT NULL,
  counts TEXT NOT NULL CHECK (json_valid(counts)),
  digest BLOB CHECK (length(digest) = 32),
  fold INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  text TEXT NOT NULL CHECK (json_valid(text)),
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE holder (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  since INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE operations (
  position INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  type TEXT,
  created INTEGER,
  duration TEXT,
  error_code TEXT,
  device_seen INTEGER,
  phase TEXT NOT NULL CHECK (phase IN ('unsent', 'maybe_sent', 'accepted')),
  attempts INTEGER NOT NULL,
  cancel_sent_at INTEGER,
  maybe_delivered_at INTEGER,
  accepted_at INTEGER,
  resolved_at INTEGER,
  verdict TEXT CHECK (verdict IN
    ('cancelled', 'completed', 'failed', 'expired', 'pending', 'gone', 'unverified')),
  operation TEXT CHECK (json_valid(operation)),
  error TEXT CHECK (json_valid(error)),
  parent_exists INTEGER CHECK (parent_exists IN (0, 1)),
  body_sha256 BLOB CHECK (length(body_sha256) = 32),
  checksum INTEGER NOT NULL
) STRICT;

CREATE INDEX operations_by_verdict ON operations (verdict, position)
WHERE verdict IN ('completed', 'gone');

CREATE TABLE enterprises (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  operations INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE devices (
  position INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  seen INTEGER,
  searched INTEGER,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE sends (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  call TEXT NOT NULL,
  resource TEXT NOT NULL,
  lane INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE INDEX sends_by_time ON sends (at);

CREATE TABLE limits (
  id INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  span TEXT NOT NULL,
  calls INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  UNIQUE (lane, span)
) STRICT;

CREATE TABLE pauses (
  lane INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  until INTEGER NOT NULL,
  calls INTEGER,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  begun INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  boot TEXT,
  uptime INTEGER,
  ended INTEGER,
  how TEXT,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE seal (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  lifted INTEGER NOT NULL
) STRICT;

CREATE TABLE edits (
  place TEXT NOT NULL,
  event TEXT NOT NULL,
  first INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (place, event)
) STRICT;
