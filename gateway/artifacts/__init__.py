"""Files of results: in a folder by default, in a bucket by URL. Knows neither jobs nor HTTP."""
