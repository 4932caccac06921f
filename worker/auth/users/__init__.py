"""Users of the auth API of record APIs: keys and tokens, sessions, login, registration."""
