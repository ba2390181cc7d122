"""What OpenAI's image endpoints say: bodies and events, from artifacts of a job."""

import time
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from backends.wire.media_job import Artifact, Preview, Step
from backends.wire.openai_images import ImageRequest
from backends.wire.openai_images_reply import (
    CompletedImage,
    ImageData,
    ImageProgress,
    ImageQueued,
    ImagesAnswer,
    Kind,
    Made,
    PartialImage,
)
from gateway.http.picture_serving import Place
from gateway.routing.picture_job import Wish, guidance_for, steps_for
from gateway.routing.route import Opened
from gateway.spending.money import dollars

Keep = Callable[[Artifact], Awaitable[str]]


class OpenAITelling(Struct, frozen=True, kw_only=True):
    """Implements ``Telling``. ``keep`` makes a link of a picture, for ``response_format: url``."""

    kind: Kind
    request: ImageRequest
    wish: Wish
    keep: Keep | None = None

    def queued(self, place: Place | None) -> bytes:
        said = ImageQueued(type=f"{self.kind}.queued")
        if place is not None:
            said = ImageQueued(type=f"{self.kind}.queued", position=place.ahead, wait_seconds=place.seconds)
        return msgspec.json.encode(said)

    def progress(self, step: Step) -> bytes:
        said = ImageProgress(type=f"{self.kind}.progress", step=step.i, steps=step.n, percent=step.percent)
        return msgspec.json.encode(said)

    def preview(self, preview: Preview) -> bytes:
        return msgspec.json.encode(
            PartialImage(
                type=f"{self.kind}.partial_image",
                b64_json=preview.data,
                created_at=int(time.time()),
                size=f"{preview.width}x{preview.height}",
                quality=self._quality,
                output_format=preview.format,
                partial_image_index=preview.number,
                index=preview.index,
            )
        )

    async def finished(self, artifact: Artifact, opened: Opened) -> bytes:
        return msgspec.json.encode(
            CompletedImage(
                type=f"{self.kind}.completed",
                b64_json=artifact.data,
                created_at=int(time.time()),
                size=f"{artifact.width}x{artifact.height}",
                quality=self._quality,
                output_format=artifact.format,
                index=artifact.index,
                seed=artifact.seed,
                forebay=self._made([artifact], opened),
            )
        )

    async def whole(self, artifacts: list[Artifact], opened: Opened) -> bytes:
        data: list[ImageData] = []
        for each in sorted(artifacts, key=lambda artifact: artifact.index):
            if self.keep is None:
                data.append(ImageData(b64_json=each.data, seed=each.seed))
            else:
                data.append(ImageData(url=await self.keep(each), seed=each.seed))
        return msgspec.json.encode(
            ImagesAnswer(
                created=int(time.time()),
                data=data,
                size=self._size(artifacts),
                quality="medium" if self.wish.effort == "auto" else self.wish.effort,
                output_format=self.wish.output.format,
                forebay=self._made(artifacts, opened),
            )
        )

    @property
    def _quality(self) -> str:
        return "auto" if self.request.quality is None else self.wish.effort

    def _size(self, artifacts: list[Artifact]) -> str:
        first = artifacts[0] if artifacts else None
        return f"{self.wish.width}x{self.wish.height}" if first is None else f"{first.width}x{first.height}"

    def _made(self, artifacts: list[Artifact], opened: Opened) -> Made:
        candidate = opened.candidate
        picture = candidate.profile.picture
        return Made(
            size=self._size(artifacts),
            requested_size=self.request.size,
            seeds=[each.seed for each in artifacts],
            steps=steps_for(self.wish, candidate),
            guidance=None if picture is None else guidance_for(self.wish.guidance, candidate, picture),
            model=candidate.profile.id,
            variant=candidate.variant.name,
            where=opened.where,
            cost_usd=dollars(opened.nanousd),
        )
