"""A phone agent: it answers phone lines and routes calls with a realtime voice model."""
