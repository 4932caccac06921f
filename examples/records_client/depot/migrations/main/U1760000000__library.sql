-- A library: tables that check what they hold, and a view over both.
CREATE TABLE author (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL
) STRICT;

CREATE TABLE book (
  id BLOB PRIMARY KEY NOT NULL CHECK (is_uuid_v7(id)) DEFAULT (uuid_v7()),
  title TEXT NOT NULL,
  author INTEGER NOT NULL REFERENCES author (id) ON DELETE CASCADE,
  year INTEGER,
  copies INTEGER NOT NULL DEFAULT 1 CHECK (copies >= 0),
  tags TEXT CHECK (jsonschema('std.KeyValue', tags)),
  shelf BLOB CHECK (ST_IsValid(shelf)),
  price REAL,
  _supplier TEXT,
  _owner BLOB REFERENCES _user (id)
) STRICT;

CREATE INDEX book_author ON book (author);

CREATE VIEW catalogue AS
  SELECT b.id, b.title, b.year, a.name FROM book AS b INNER JOIN author AS a ON b.author = a.id;

INSERT INTO author VALUES
  (1, 'Mary Shelley'), (2, 'Jules Verne'), (9007199254740993, 'Ursula K. Le Guin');

INSERT INTO book (id, title, author, year, tags, shelf, price, _supplier) VALUES
  (uuid_parse('0198f0c0-0000-7000-8000-000000000001'), 'Frankenstein', 1, 1818,
   '{"genre": "horror"}', ST_GeomFromText('POINT(1 2)'), 12.5, 'nobody is shown this'),
  (uuid_parse('0198f0c0-0000-7000-8000-000000000002'), 'The Last Man', 1, 1826, NULL,
   ST_GeomFromText('POINT(4 2)'), 9.25, NULL),
  (uuid_parse('0198f0c0-0000-7000-8000-000000000003'), 'Around the World in Eighty Days', 2, 1872,
   NULL, NULL, 9.75, NULL),
  (uuid_parse('0198f0c0-0000-7000-8000-000000000004'), 'The Dispossessed', 9007199254740993, 1974,
   '{"genre": "utopia"}', NULL, 14, NULL);
