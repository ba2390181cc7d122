"""Language rows that the comparison calls closed, as written there, and how long their profiles have."""

TEXT_ROWS: dict[str, dict[str, str]] = {
    "Claude Opus 4": {"claude-opus-4": "retired"},
    "Claude Sonnet 4": {"claude-sonnet-4": "retired"},
    "GPT-4o / GPT-4.1": {"gpt-4o": "ending", "gpt-4.1": "ending"},
    "Gemini 2.5 Pro": {"gemini-2.5-pro": "ending"},
    "Gemini 2.5 Flash": {"gemini-2.5-flash": "ending"},
    "Grok 3/4": {"grok-3": "retired", "grok-4": "retired"},
    "Command R+": {"command-r-plus": "active"},
    "Mistral Large 3": {"mistral-large-3": "active"},
}
