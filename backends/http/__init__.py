"""The upstream side of HTTP: connections, pool, relay."""
