"""The OpenAI Responses dialect over backends that speak chat completions. Pure: no input or output, no clock."""
