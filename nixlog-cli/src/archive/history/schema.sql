-- The history of nixlog: one row per recorded run, and what is kept of it.
-- Times are nanoseconds; instants are nanoseconds since 1970 (UTC). NULL: not known.
-- The view `all_units` is the easiest to ask.

-- What was built, without what changes from run to run.
CREATE TABLE projects (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  run TEXT NOT NULL UNIQUE,          -- the id of the recording, which may be gone by now
  project INTEGER REFERENCES projects,
  system TEXT,
  host TEXT,
  started_at INTEGER,
  command TEXT NOT NULL,             -- JSON: a list of words
  nix_version TEXT,
  revision TEXT,                     -- that was checked out where it ran
  inputs_modified INTEGER,           -- seconds since 1970: the newest input of flake.lock
  exit_status INTEGER,
  complete INTEGER NOT NULL,         -- 0: the recording has no end
  timed INTEGER NOT NULL,            -- 0: its times are no good for comparing
  wall_ns INTEGER,
  slots INTEGER,
  path_known INTEGER NOT NULL,       -- 1: the critical path rests on derivations
  substituted INTEGER NOT NULL,      -- paths from caches
  built_asked INTEGER,               -- builds although a cache was asked
  evaluation_ns INTEGER,
  blocked_ns INTEGER,                -- evaluation stood still for the store
  blocked INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_by_project ON runs (project, started_at);
CREATE INDEX runs_by_start ON runs (started_at);

-- The four numbers of each phase: see `nixlog phases`.
CREATE TABLE phases (
  run INTEGER NOT NULL REFERENCES runs,
  phase TEXT NOT NULL,
  wall_ns INTEGER,
  busy_ns INTEGER,
  work_ns INTEGER,
  critical_ns INTEGER,
  units INTEGER NOT NULL,
  PRIMARY KEY (run, phase)
) STRICT, WITHOUT ROWID;

CREATE TABLE builder_phases (
  run INTEGER NOT NULL REFERENCES runs,
  name TEXT NOT NULL,
  work_ns INTEGER,
  critical_ns INTEGER,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE substituters (
  run INTEGER NOT NULL REFERENCES runs,
  uri TEXT NOT NULL,
  asked INTEGER NOT NULL,
  hit INTEGER NOT NULL,
  missed INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  paths INTEGER NOT NULL,
  bytes INTEGER,
  unpacked_bytes INTEGER,
  busy_ns INTEGER,
  latency_p50_ns INTEGER,
  PRIMARY KEY (run, uri)
) STRICT, WITHOUT ROWID;

-- What units of several runs have in common.
CREATE TABLE packages (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,                -- build, source-fetch, substitution, input-fetch, source-import, copy
  pname TEXT NOT NULL,
  name TEXT NOT NULL,                -- with version, without hash
  system TEXT NOT NULL,              -- '' where it is not known
  outputs TEXT NOT NULL,             -- 'dev out'; '' where they are not known
  UNIQUE (pname, kind, name, system, outputs)
) STRICT;

-- Machines and caches.
CREATE TABLE places (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE ends (id INTEGER PRIMARY KEY, name TEXT) STRICT;
CREATE TABLE outcomes (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;

CREATE TABLE units (
  run INTEGER NOT NULL REFERENCES runs,
  nr INTEGER NOT NULL,               -- in the order of the starts
  package INTEGER NOT NULL REFERENCES packages,
  built INTEGER NOT NULL,            -- 1: a build or a source fetch
  path TEXT NOT NULL,                -- of a path below /nix/store the 32 characters of the hash, else all
  machine INTEGER REFERENCES places,
  substituter INTEGER REFERENCES places,
  bytes INTEGER,                     -- over the wire
  unpacked_bytes INTEGER,
  duration_ns INTEGER,
  "end" INTEGER NOT NULL REFERENCES ends,
  outcome INTEGER NOT NULL REFERENCES outcomes,
  critical_ns INTEGER,               -- on the critical path
  saving_ns INTEGER,                 -- what would be saved without it
  builder_phases TEXT,               -- JSON: [["buildPhase", ns], …]
  PRIMARY KEY (run, nr)
) STRICT, WITHOUT ROWID;
CREATE INDEX builds_by_package ON units (package, run) WHERE built = 1;

-- How long builds took on machines that nixlog never saw, in seconds: see `nixlog history import-hydra`.
CREATE TABLE elsewhere (
  pname TEXT NOT NULL,
  machine TEXT NOT NULL,             -- '' where it is not told
  system TEXT NOT NULL,
  n INTEGER NOT NULL,
  p10 REAL NOT NULL,                 -- a tenth of them took less
  p50 REAL NOT NULL,
  p90 REAL NOT NULL,
  PRIMARY KEY (pname, machine, system)
) STRICT, WITHOUT ROWID;

-- Recordings that are not in here: they cannot be read, or are older than what is kept. So nobody tries again.
CREATE TABLE left_out (
  run TEXT PRIMARY KEY,
  why TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW all_units AS
SELECT runs.run, projects.name AS project, runs.started_at, packages.kind, packages.pname, packages.name,
       packages.system, packages.outputs,
       CASE length(units.path) WHEN 32
         THEN '/nix/store/' || units.path || '-' || packages.name || iif(units.built, '.drv', '')
         ELSE units.path END AS path,
       machine.name AS machine, substituter.name AS substituter, units.bytes, units.unpacked_bytes,
       units.duration_ns, ends.name AS "end", outcomes.name AS outcome, units.critical_ns, units.saving_ns,
       units.builder_phases
FROM units
JOIN runs ON runs.id = units.run
JOIN packages ON packages.id = units.package
JOIN ends ON ends.id = units."end"
JOIN outcomes ON outcomes.id = units.outcome
LEFT JOIN projects ON projects.id = runs.project
LEFT JOIN places AS machine ON machine.id = units.machine
LEFT JOIN places AS substituter ON substituter.id = units.substituter;
