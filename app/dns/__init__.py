"""A stub resolver, sans-IO: questions in, datagrams out, answers back (RFC 1035 7)."""
