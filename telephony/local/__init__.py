"""The embedded realtime server: a rule dialog behind the Realtime protocol, without sockets."""
