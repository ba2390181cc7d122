"""The HTTP edge: the only package besides app.py that knows Litestar."""
