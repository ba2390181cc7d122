"""The training of the embedded model: what it is shown, and that a killed training goes on as if it had not been."""

import json
import os
import subprocess
from pathlib import Path
from random import Random

import pytest

from tests.diffusers_fixtures import python
from tests.worker_processes import ROOT
from tools.train_emoji.vocabulary import BACKGROUNDS, HELD, PLAIN, SUBJECTS, article, caption, is_held, words


def test_every_held_request_is_made_of_known_words() -> None:
    assert len(HELD) == len(set(HELD)) == 24
    for request in HELD:
        assert set(request.split()) <= set(words())


def test_held_requests_with_a_background_are_kept_from_the_training() -> None:
    kept = {f"{article(s)} on {article(b)} background" for s in SUBJECTS for b in BACKGROUNDS if is_held(s, b)}
    assert kept == {request for request in HELD if "background" in request and f"{PLAIN} background" not in request}


@pytest.mark.parametrize(("subject", "said"), [("owl", "an owl"), ("cat", "a cat"), ("grapes", "grapes")])
def test_articles(subject: str, said: str) -> None:
    assert article(subject) == said


def test_captions_name_the_background_and_only_known_words() -> None:
    random = Random(1)
    for subject in SUBJECTS:
        for background in BACKGROUNDS:
            said = caption(subject, background, random)
            assert subject in said
            assert set(said.split()) <= set(words())
            assert background == PLAIN or background in said


@pytest.mark.timeout(300)
def test_a_training_in_pieces_is_the_training_in_one_go(tmp_path: Path) -> None:
    child = Path(__file__).with_name("emoji_child.py")
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    command = [str(python()), str(child), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["differ"] == []
    assert found["again"]
    assert found["pictures"] == len(SUBJECTS) * len(BACKGROUNDS) - sum(
        is_held(subject, background) for subject in SUBJECTS for background in BACKGROUNDS
    )
    assert "lion|green" not in found["shown"]
    assert found["size"] == [64, 64]
    assert found["words"]["cat"] == found["words"]["strawberry"] == 1
    assert found["words"]["zebra"] > 1
