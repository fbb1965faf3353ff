"""A SIP user agent without sockets: messages, transactions, dialogs (RFC 3261, 6026)."""
