"""Pictures and clips of providers: what their files say about requests and answers, and the one runner of it."""
