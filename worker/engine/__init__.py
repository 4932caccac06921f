"""The worker's side of the engine: snapshots, the link to the writer, the feed, the peers."""
