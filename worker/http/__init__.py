"""HTTP: the server, one request, one response. It knows no dialect, no database and no user."""
