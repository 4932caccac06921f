-- Huts and springs on the map.
CREATE TABLE place (
  id INTEGER PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('hut', 'spring')),
  open TEXT CHECK (jsonschema('opening', open)),
  at BLOB NOT NULL CHECK (ST_IsValid(at))
) STRICT;

INSERT INTO place (id, name, kind, open, at) VALUES
  (1, 'Lake hut', 'hut', '{"from": "06-01", "to": "09-30"}', ST_GeomFromText('POINT(11.25 47.5)', 4326)),
  (2, 'Cold spring', 'spring', NULL, ST_GeomFromText('POINT(11.5 47.25)', 4326)),
  (3, 'Summit house', 'hut', '{"from": "01-01", "to": "12-31"}', ST_GeomFromText('POINT(10.625 51.8)', 4326));
