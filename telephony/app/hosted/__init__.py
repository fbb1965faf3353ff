"""Calls that a provider holds: told of by its webhook, accepted over HTTP, joined by `call_id`."""
