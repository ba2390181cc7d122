"""The table of all tiny pipelines: data that the tests hold against the pipelines. Importable without torch."""

from tests.tiny_models.clip_families import CLIPS
from tests.tiny_models.family import Family
from tests.tiny_models.image_families import IMAGES

FAMILIES: dict[str, Family] = {family.name: family for family in (*IMAGES, *CLIPS)}
