"""Money: what a call to a provider costs, what may be spent, who spent what. Sends nothing and calls nobody."""
