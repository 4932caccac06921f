"""Bad input of every kind: a clear 4xx in the error shape, never a 500, nothing changed."""
