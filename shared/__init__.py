"""Vocabulary of the house: what two processes share.

`shared` imports nothing of ours from outside itself, and opens no socket on its own.
"""
