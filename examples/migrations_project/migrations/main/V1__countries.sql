-- A plain table, which no collection owns: programs and scripts read and write it.
CREATE TABLE countries (
    code TEXT PRIMARY KEY CHECK (length(code) = 2),
    name TEXT NOT NULL,
    vat INTEGER NOT NULL -- percent; a ; within a comment ends nothing
) STRICT;

CREATE TRIGGER countries_upper AFTER INSERT ON countries
WHEN new.code <> upper(new.code)
BEGIN
    UPDATE countries SET code = upper(new.code) WHERE code = new.code;
END;

INSERT INTO countries (code, name, vat) VALUES
    ('de', 'Germany', 19),
    ('fr', 'France', 20),
    ('es', 'Spain', 21);
