"""The smallest app of this stack that keeps the product's promises: what its overhead is against.

granian + Falcon + apsw + ZeroMQ, one table, three routes, no product around them.
"""
