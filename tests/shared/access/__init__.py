"""Tests of identities and of what rules mean before rows."""
