"""Pictures that come with a request, as a form or inside JSON: stored in a private folder, checked, ready for a worker.

Owns the folder and the one thread that looks at pictures, so that however many clients send them, one at a time is
decoded. How a form is cut is ``multipart``'s, what a picture must be ``picture_input``'s. Nothing is fetched unless a
fetcher is given.
"""

import asyncio
import base64
import binascii
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec
from litestar.types import Receive, Scope
from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.http.fetch import Fetcher
from backends.wire.decode import explain
from backends.wire.openai_images import MOST_IMAGES, GivenImage
from gateway.http.multipart import Form, FormFile, FormLimits, read_form
from gateway.http.picture_input import Checked, PictureLimits, check_mask, check_picture

T = TypeVar("T")
R = TypeVar("R", bound=Struct)

_LORA = re.compile(r"loras\[\d*\]\[(name|scale)\]")
_INNER = re.compile(r"([a-z_]+)\[([a-z_]+)\]")
_DATA_URL = re.compile(r"data:[^,;]{0,100}(?:;[^,;]{1,100}){0,4};base64,", re.IGNORECASE)
_MOST_URL_HEAD = 600
_REMOTE = ("http:", "https:")


class Pictures(Struct, frozen=True, kw_only=True):
    """``mask``, grey and white where the picture is to change, is as large as the first of ``images``."""

    images: tuple[Checked, ...]
    mask: Checked | None = None


class Uploads:
    """One for each process. ``root`` is its own: what a killed gateway left there is removed by ``prepare``."""

    def __init__(self, root: Path, forms: FormLimits, pictures: PictureLimits, remote: Fetcher | None = None) -> None:
        self._root = root
        self._forms = forms
        self._pictures = pictures
        self._remote = remote
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")

    def prepare(self) -> None:
        """An empty folder that only this user may enter."""
        shutil.rmtree(self._root, ignore_errors=True)
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def folder(self) -> tempfile.TemporaryDirectory[str]:
        """For the pictures of one request, removed when it is left."""
        # A check that its client left may still write there: what it leaves behind is removed at the next start.
        return tempfile.TemporaryDirectory(dir=self._root, prefix="", ignore_cleanup_errors=True)

    async def form(self, scope: Scope, receive: Receive, folder: Path, fields: frozenset[str] | None = None) -> Form:
        """As ``read_form``; ``fields`` that may bring files, where they are not those of pictures to edit."""
        limits = self._forms if fields is None else msgspec.structs.replace(self._forms, file_fields=fields)
        return await read_form(scope, receive, folder, limits)

    async def picture(self, file: FormFile) -> Checked:
        """One file, checked. Raises ``BackendError`` with its label."""
        return await self._on_thread(lambda: check_picture(file.path, file.label, self._pictures))

    async def given_picture(self, given: GivenImage, label: str, folder: Path) -> Checked:
        """One picture of a JSON body, checked. Raises ``BackendError`` with its field's name."""
        if self._remote is not None:
            (given,), _ = await self._here(self._remote, (given,), None)
        return await self._on_thread(
            lambda: check_picture(self._stored(given, label, folder / label).path, label, self._pictures)
        )

    async def of_form(self, files: Sequence[FormFile], folder: Path) -> Pictures:
        """The files of a form, checked. Raises ``BackendError`` with the field's name."""
        images = [file for file in files if file.field == "image"]
        masks = [file for file in files if file.field == "mask"]
        _require_count(len(images), "image")
        if len(masks) > 1:
            raise _invalid(masks[1].label, "there is one mask at most")
        return await self._on_thread(lambda: self._checked(images, masks[0] if masks else None, folder))

    async def of_json(self, images: Sequence[GivenImage], mask: GivenImage | None, folder: Path) -> Pictures:
        """The pictures inside a JSON body, checked. Raises ``BackendError`` with the field's name."""
        _require_count(len(images), "images")
        if self._remote is not None:
            images, mask = await self._here(self._remote, images, mask)

        def decoded() -> Pictures:
            files = [self._stored(image, f"images[{i}]", folder / f"image-{i}") for i, image in enumerate(images)]
            over = None if mask is None else self._stored(mask, "mask", folder / "mask")
            return self._checked(files, over, folder)

        return await self._on_thread(decoded)

    async def _here(
        self, remote: Fetcher, images: Sequence[GivenImage], mask: GivenImage | None
    ) -> tuple[Sequence[GivenImage], GivenImage | None]:
        """The same, with the bytes of those that are named by a URL; together no more than a form may have."""
        room = self._forms.most_bytes

        async def here(given: GivenImage, label: str) -> GivenImage:
            nonlocal room
            url = given.image_url or ""
            if given.b64_json is not None or given.file_id is not None or not url.lower().startswith(_REMOTE):
                return given
            raw = await remote.fetch(url, f"{label}.image_url")
            room -= len(raw)
            if room < 0:
                raise _invalid(label, f"pictures are at most {self._forms.most_bytes} bytes together", "file_too_large")
            return GivenImage(b64_json=base64.b64encode(raw).decode())

        fetched = [await here(image, f"images[{i}]") for i, image in enumerate(images)]
        return fetched, None if mask is None else await here(mask, "mask")

    async def _on_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except OSError as error:
            raise BackendError(Cause.STORAGE, "the pictures could not be stored", private=str(error)) from None

    def _checked(self, images: Sequence[FormFile], mask: FormFile | None, folder: Path) -> Pictures:
        checked = tuple(check_picture(file.path, file.label, self._pictures) for file in images)
        if mask is None:
            return Pictures(images=checked)
        grey = check_mask(mask.path, mask.label, checked[0], folder / "mask-grey.png", self._pictures)
        return Pictures(images=checked, mask=grey)

    def _stored(self, given: GivenImage, label: str, path: Path) -> FormFile:
        data = decode_picture(given, label, self._forms.most_file_bytes)
        path.write_bytes(data)
        return FormFile(field=label, label=label, path=path, size=len(data))


def decode_picture(given: GivenImage, label: str, most_bytes: int) -> bytes:
    """The bytes of a picture inside JSON. Raises ``BackendError(INVALID_REQUEST)`` naming ``label`` or its field."""
    ways = [way for way in ("image_url", "b64_json", "file_id") if getattr(given, way) is not None]
    if len(ways) != 1:
        raise _invalid(label, "give one of image_url and b64_json")
    field = f"{label}.{ways[0]}"
    if given.file_id is not None:
        raise _invalid(field, "no files are kept here: send the picture itself as image_url or b64_json")
    text = given.b64_json or ""
    start = 0
    if given.image_url is not None:
        text = given.image_url
        head = _DATA_URL.match(text[:_MOST_URL_HEAD])
        if head is None:
            raise _invalid(field, "send the bytes as a data: URL in base64; nothing is fetched")
        start = head.end()
    if (len(text) - start) // 4 * 3 > most_bytes + 2:
        raise _invalid(field, f"a picture has at most {most_bytes} bytes", "file_too_large")
    try:
        return base64.b64decode(text[start:], validate=True)
    except (binascii.Error, ValueError):
        raise _invalid(field, "this is not base64") from None


def request_of(form: Form, wanted: type[R]) -> R:
    """The texts of a form as the request that JSON would have been; blank ones count as absent.

    Lists come as repeated fields (``seed``, ``seed[]``), LoRAs as JSON or as ``loras[][name]`` and ``loras[][scale]``,
    what is an object in JSON as its fields: ``video[id]``.
    Raises ``BackendError(INVALID_REQUEST)`` with the field's name.
    """
    values: dict[str, object] = {}
    seeds: list[str] = []
    loras: dict[str, list[str]] = {"name": [], "scale": []}
    inner: dict[str, dict[str, object]] = {}
    for name, text in form.texts:
        lora = _LORA.fullmatch(name)
        if lora is not None:
            loras[lora[1]].append(text)
        elif name in ("seed", "seed[]"):
            seeds.append(text)
        elif name in values:
            raise _invalid(name, "it is here twice")
        elif text and (part := _INNER.fullmatch(name)) is not None:
            inner.setdefault(part[1], {})[part[2]] = text
        elif text:
            values[name] = _parsed(text) if name == "loras" else text
    values = inner | values
    if loras["name"] or loras["scale"]:
        values["loras"] = _lora_list(loras["name"], loras["scale"])
    if any(seeds):
        values["seed"] = seeds if len(seeds) > 1 or ("seed[]", seeds[0]) in form.texts else seeds[0]
    try:
        return msgspec.convert(values, wanted, strict=False)
    except msgspec.ValidationError as error:
        detail, param = explain(str(error))
        raise BackendError(Cause.INVALID_REQUEST, detail, param=param) from None


def _parsed(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise _invalid("loras", "this is not valid JSON") from None


def _lora_list(names: list[str], scales: list[str]) -> list[dict[str, str]]:
    # Clients send all names and then all scales: which belongs to which is plain only where none is left out.
    if not scales:
        return [{"name": name} for name in names]
    if len(names) != len(scales):
        raise _invalid("loras", "give each LoRA its scale, or none of them")
    return [{"name": name, "scale": scale} for name, scale in zip(names, scales, strict=True)]


def _require_count(count: int, field: str) -> None:
    if not count:
        raise _invalid(field, "a picture is missing")
    if count > MOST_IMAGES:
        raise _invalid(f"{field}[{MOST_IMAGES}]", f"there are at most {MOST_IMAGES} pictures")


def _invalid(label: str, reason: str, code: str | None = None) -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, f"{label}: {reason}", param=label, code=code)
