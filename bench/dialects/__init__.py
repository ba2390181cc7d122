"""What it costs to serve agents over a backend that speaks chat: ``python -m bench.dialects``."""
