"""One file a command of the forebay command line."""
