"""Room for one more job."""

import pytest

from backends.errors import BackendError, Cause
from gateway.artifacts.room import Room, require_room

ROOM = Room(each=10, total=100)


@pytest.mark.parametrize(("taken", "free"), [(0, 20), (90, 20), (0, None)])
def test_there_is_room(taken: int, free: int | None) -> None:
    require_room(ROOM, taken, free)


@pytest.mark.parametrize(("taken", "free", "word"), [(91, None, "room"), (0, 19, "disk"), (200, 0, "room")])
def test_there_is_none(taken: int, free: int | None, word: str) -> None:
    with pytest.raises(BackendError, match=word) as refused:
        require_room(ROOM, taken, free)
    assert refused.value.cause is Cause.STORAGE
