"""What the worker processes of ours have in common: their socket, their HTTP server, their end."""
