"""Realtime: who listens to what, judged and shaped by the same SQL as reads, in commit order."""
