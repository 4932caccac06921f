"""Who is calling: tokens, passwords, login, lockout, the first superuser."""
