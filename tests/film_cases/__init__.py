"""Cases of ``backends.diffusers.worker.film``, which run where PyAV and numpy are: in the engine's environment.

``tests/contract/test_diffusers_film.py`` runs them from the gateway's. No part of it imports them.
"""

CASE = "case_"
