"""RTP and RTCP as data: packets, sequences, reordering, digits (RFC 3550, 3551, 4733)."""
