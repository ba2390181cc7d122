"""What engines teach: passed on once, for what the catalog still has, and believed by the next load."""

from backends.errors import BackendError, Cause
from backends.llama_cpp.args import LlamaCppArgs
from gateway.catalog.profile import Footprint, Variant
from gateway.scheduling.footprint import Footprints
from gateway.scheduling.learning import Learning

VARIANT = Variant(name="only", engine=LlamaCppArgs(), footprint=Footprint(weights_bytes=1000, load_seconds=30))


class Found:
    variant = VARIANT


class Lesson:
    def __init__(self) -> None:
        self.footprints = Footprints()
        self.known = True
        self.changes = 0
        self.learning = Learning(self.footprints, self.find, self.changed)

    def find(self, variant_id: str) -> Found:
        if not self.known:
            raise BackendError(Cause.NOT_FOUND, "gone")
        return Found()

    def changed(self) -> None:
        self.changes += 1

    @property
    def expected(self) -> int:
        return self.footprints.expected("m:only", VARIANT).device_bytes


def test_more_than_was_computed_is_believed_at_once() -> None:
    lesson = Lesson()
    lesson.learning.took("m:only", "cpu", 1500, worked=False)
    assert (lesson.expected, lesson.changes) == (1500, 1)


def test_the_same_again_is_no_news() -> None:
    lesson = Lesson()
    for taken in (1500, 1500, 1200, 0):
        lesson.learning.took("m:only", "cpu", taken, worked=False)
    assert lesson.changes == 1
    lesson.learning.took("m:only", "cpu", 1200, worked=True)
    assert lesson.changes == 2, "it has worked by now"
    lesson.learning.took("m:only", "cpu", 1600, worked=True)
    assert (lesson.expected, lesson.changes) == (1600, 3)


def test_how_long_a_load_took_is_remembered() -> None:
    lesson = Lesson()
    lesson.learning.loaded("m:only", 4.0)
    lesson.learning.save()
    assert lesson.footprints.load_seconds("m:only", VARIANT) == 4.0
    assert lesson.changes == 1


def test_what_the_catalog_has_no_more_is_nobodys_lesson() -> None:
    lesson = Lesson()
    lesson.known = False
    lesson.learning.took("m:only", "cpu", 1500, worked=True)
    lesson.learning.loaded("m:only", 4.0)
    lesson.learning.save()
    assert (lesson.expected, lesson.changes) == (1000, 0)
