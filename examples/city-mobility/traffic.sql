-- The traffic bureau's database. The same text runs on SQLite and on PostgreSQL.
--
-- Foreign keys are declared wherever the bureau means them. The passages nevertheless contain rows that
-- break them (a gate taken down, a plate that was never registered here), because that is how such tables
-- look: the cameras' log was loaded in bulk with the checks off.
--   SQLite      does not check foreign keys unless a connection asks for it (PRAGMA foreign_keys = ON).
--   PostgreSQL  checks them; load `passage` as pg_restore --disable-triggers does, with
--               SET session_replication_role = replica;  -- a superuser's, for that session only
-- So the declaration is a promise of the schema, not a fact about the rows. Whoever reads must check.

CREATE TABLE vehicle (
    plate             TEXT PRIMARY KEY,   -- 号牌号码, GA 36
    vehicle_type_code TEXT NOT NULL,      -- 车辆类型, GA/T 24.4 (K33 small car, H31 light truck, ...)
    fuel              TEXT NOT NULL,      -- 燃料种类: A petrol, B diesel, C electric, E gas, O hybrid
    registered_on     TEXT NOT NULL       -- YYYY-MM-DD
);

CREATE TABLE route (
    route_id TEXT PRIMARY KEY,
    name     TEXT NOT NULL
);

CREATE TABLE gate (
    gate_id       TEXT PRIMARY KEY,       -- 卡口
    route_id      TEXT NOT NULL REFERENCES route (route_id),
    name          TEXT NOT NULL,
    latitude_dms  TEXT NOT NULL,          -- degrees, minutes, seconds: 42°22'31.6"N
    longitude_dms TEXT NOT NULL           -- 72°31'10.2"W
);

CREATE TABLE passage (
    passage_id INTEGER PRIMARY KEY,
    plate      TEXT REFERENCES vehicle (plate),   -- as the camera read it; NULL or '' when it could not
    gate_id    TEXT REFERENCES gate (gate_id),
    passed_at  TEXT                               -- local time (America/New_York), as the gate wrote it
);
