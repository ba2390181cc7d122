"""Everything that talks to an engine or a provider. Never imports ``gateway``."""
