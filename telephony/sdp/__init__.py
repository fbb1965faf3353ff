"""Session descriptions: lossless parsing, writing and negotiation (RFC 8866, RFC 3264)."""
