"""Everything that decides; the only place that serves HTTP."""

__version__ = "0.1.0"
