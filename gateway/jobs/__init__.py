"""Durable jobs: work that outlives requests and processes, in a table that several gateways may share."""
