"""Our WebSocket protocol (docs/realtime-protocol.md): its messages, its session, its two ports."""
