"""From a model name to an answer: candidates, breaker, budget, dispatch up to the commit point."""
