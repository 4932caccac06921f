"""Following: the log for server code, at its own pace, as a superuser sees it."""
