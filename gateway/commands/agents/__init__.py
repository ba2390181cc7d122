"""What agents of other makers have to be told to work with this gateway. Pure: nothing is written or started here."""
