"""Anthropic's Messages over backends that speak chat. Pure."""
