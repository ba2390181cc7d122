"""What was said before, kept for ``previous_response_id``. Knows nothing of models or HTTP."""
