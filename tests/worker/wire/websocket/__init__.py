"""The WebSocket protocol, its session and its two ports."""
