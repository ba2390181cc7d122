"""What the gateway costs: CPU per plain request and per streamed chunk, against peers in the same run."""
