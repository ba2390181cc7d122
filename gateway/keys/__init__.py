"""API keys: made, listed, revoked, verified; only digests are stored."""
