-- Regions, hikes through them, and what a member likes best.
CREATE TABLE region (
  id INTEGER PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE hike (
  id BLOB PRIMARY KEY NOT NULL CHECK (is_uuid_v7(id)) DEFAULT (uuid_v7()),
  owner BLOB REFERENCES _user (id) ON DELETE CASCADE,
  region INTEGER NOT NULL REFERENCES region (id),
  title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 100),
  km REAL NOT NULL CHECK (km > 0),
  metres_up INTEGER NOT NULL DEFAULT 0,
  gear TEXT CHECK (jsonschema('gear', gear)),
  budget REAL,
  _note TEXT
) STRICT;

CREATE INDEX hike_owner ON hike (owner);
CREATE INDEX hike_region ON hike (region);

CREATE TABLE favourite (
  member BLOB PRIMARY KEY NOT NULL CHECK (is_uuid(member)) REFERENCES _user (id) ON DELETE CASCADE,
  hike BLOB NOT NULL REFERENCES hike (id) ON DELETE CASCADE
) STRICT;

CREATE VIEW hike_overview AS
  SELECT h.id, h.title, h.km, r.name AS region
  FROM hike AS h INNER JOIN region AS r ON h.region = r.id;
