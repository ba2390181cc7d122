"""What the gateway costs in front of vLLM."""
