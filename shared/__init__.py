"""Vocabulary of the house: what two processes share, and nothing that opens a socket or a file
on its own. `shared` imports nothing of ours from outside itself."""
