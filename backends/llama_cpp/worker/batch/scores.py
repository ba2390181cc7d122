# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# Arrays of numpy and bytes of the model meet here; the strict check cannot follow numpy's views.
"""Log probabilities from logits."""

from collections.abc import Callable

import numpy as np

from backends.llama_cpp.worker.runtime import Candidate, Score


def score(logits: np.ndarray, token: int, top: int, text: Callable[[int], bytes]) -> Score:
    """The log probability of ``token`` and of the ``top`` likeliest tokens, likeliest first."""
    highest = logits.max()
    total = highest + np.log(np.exp(logits - highest).sum())
    best: list[int] = []
    if top:
        best = np.argpartition(logits, -top)[-top:].tolist()
        best.sort(key=lambda candidate: -logits[candidate])

    def candidate(one: int) -> Candidate:
        return Candidate(one, text(one), float(logits[one] - total))

    return Score(candidate(token), tuple(candidate(one) for one in best))
