"""The external engine: any command or loopback URL that speaks OpenAI's HTTP or our worker protocol."""
