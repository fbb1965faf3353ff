"""A call: legs, voice session, states, log, and the messages between engine and app."""
