INSERT INTO region (id, name) VALUES (1, 'Alps'), (2, 'Harz'), (3, 'Tatra');

INSERT INTO hike (id, region, title, km, metres_up, gear, budget, _note) VALUES
  (uuid_parse('0199c0de-0000-7000-8000-000000000001'), 1, 'Three lakes', 14.5, 820,
   '[{"what": "poles", "pieces": 2}, {"what": "map"}]', 40, 'nobody is shown this'),
  (uuid_parse('0199c0de-0000-7000-8000-000000000002'), 1, 'Glacier path', 21, 1650,
   '[{"what": "rope"}]', 120, NULL),
  (uuid_parse('0199c0de-0000-7000-8000-000000000003'), 2, 'Brocken', 17.25, 700, NULL, NULL, NULL),
  (uuid_parse('0199c0de-0000-7000-8000-000000000004'), 2, 'Bode gorge', 10, 210, '[]', NULL, NULL),
  (uuid_parse('0199c0de-0000-7000-8000-000000000005'), 3, 'Sea Eye', 18, 450, NULL, NULL, NULL);
