"""The queries on which a backend of this kind falls off a cliff, on 100,000 posts.

The data and the scenarios are those of PocketBase's own published benchmark, rebuilt from outside:
its figures stand beside ours in the report.
"""
