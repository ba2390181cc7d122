"""Chat over servers that speak Anthropic's Messages: the way opposite to ``anthropic``. Pure."""
