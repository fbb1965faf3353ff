"""The Realtime WebSocket protocol, one implementation of the voice port."""
