"""From a video request to a job: its route, what is snapped and said about it, and the files it begins with."""

import secrets

from msgspec import Struct, structs
from msgspec.json import encode

from backends.contract import Task
from backends.errors import BackendError, Cause
from backends.wire.media_job import Lora
from backends.wire.openai_images import asked_size
from backends.wire.openai_videos import ExtendRequest, RemixRequest, VideoRequest, seconds_of
from gateway.catalog.clip_length import nearest, snap_frames
from gateway.catalog.picture_size import Size, snap
from gateway.catalog.profile import Clip, Picture
from gateway.http.errands import visit
from gateway.http.picture_input import Checked
from gateway.http.services import Services
from gateway.jobs.desk import Given
from gateway.jobs.job import Job, NewJob, request_digest
from gateway.jobs.video_spec import KIND, VIDEO, VideoSpec, profile_of, spec_of
from gateway.routing.clip_job import ClipWish, only_able, sections_of
from gateway.routing.preference import preferred
from gateway.routing.presence import changes_clips, require_present
from gateway.routing.route import Route
from gateway.scheduling.replica import base_of
from gateway.telemetry.exchange import Exchange

_SIDES = ("local/", "cloud/")
_MOST_SEED = 2**31
_MOST_EXTENDED_SECONDS = 120.0


class VideoOrder(Struct, frozen=True, kw_only=True):
    """What a client wants made, ready for the desk but for its owner and idempotency key."""

    model: str
    spec: VideoSpec
    given: tuple[Given, ...]
    notes: tuple[str, ...]
    priority: int
    digest: str

    def job(self, job_id: str, owner: str, key: str | None, wait_seconds: float) -> NewJob:
        """The row."""
        return NewJob(
            id=job_id, owner=owner, kind=KIND, model=self.model, spec=encode(self.spec), priority=self.priority,
            notes=self.notes, wait_seconds=wait_seconds, idempotency_key=key, request_digest=self.digest,
        )  # fmt: skip


def order_of(
    services: Services, asker: Exchange, request: VideoRequest, job_id: str, first: Checked | None,
    last: Checked | None, *given: bytes,
) -> VideoOrder:  # fmt: skip
    """``first`` and ``last`` are pictures of the request; ``given`` are digests of their files.

    Raises ``BackendError`` naming the field at fault, and when the model cannot be served here.
    """
    task = Task.VIDEO if first is None else Task.IMAGE_TO_VIDEO
    if last is not None and first is None:
        raise _invalid("last_frame", "a last picture needs a first one: send input_reference too")
    route = _route(services, asker, request.model, task)
    picture, clip = sections_of(route.profile, task)
    asked = asked_size(request.size)
    width, height = snap(asked or _like(first, picture), picture)
    seconds = seconds_of(request.seconds)
    fps = request.fps or clip.fps
    wish = ClipWish(
        task=task,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        width=width,
        height=height,
        frames=snap_frames(seconds, fps, clip),
        fps=fps,
        seed=secrets.randbelow(_MOST_SEED) if request.seed is None else request.seed,
        steps=request.steps,
        guidance=request.guidance if request.guidance is not None else request.guidance_scale,
        loras=tuple(Lora(each.name, each.scale) for each in request.loras or ()),
        sound=request.audio and clip.sound,
        # Paths are known when it runs; until then it counts that they are there.
        first=None if first is None else "first",
        last=None if last is None else "last",
    )
    _require(services, asker, wish, route)
    files = tuple(
        Given(name=f"{role}.{each.format}", path=each.path)
        for role, each in (("first", first), ("last", last))
        if each is not None
    )
    keys = {file.name.partition(".")[0]: f"{job_id}/0/{file.name}" for file in files}
    return VideoOrder(
        model=_name(route, request.model),
        spec=VideoSpec(wish=wish, first=keys.get("first"), last=keys.get("last"), local_only=asker.local_only),
        given=files,
        notes=(*_successor_note(route), *_size_note(asked, wish), *_length_note(seconds, wish, clip)),
        priority=request.priority,
        digest=request_digest(b"create", encode(request), *given),
    )


def remix_of(services: Services, asker: Exchange, request: RemixRequest, source: Job, job_id: str) -> VideoOrder:
    """The same clip by another prompt: its pictures changed where the model can, else made anew from the same seed."""
    old, clip_key = _finished(source)
    name = request.model or source.model
    route = _named(services, asker, name, Task.VIDEO)
    seed = old.wish.seed if request.seed is None else request.seed
    notes: tuple[str, ...] = ()
    if changes_clips(route, services.table().fits, services.dispatcher.missing):
        task, first, last, clip = Task.VIDEO_TO_VIDEO, None, None, clip_key
    else:
        task, first, last, clip = old.wish.task, old.first, old.last, None
        notes = (f"made anew from seed {seed}: {route.profile.id} cannot change a clip here",)
        if old.extends is not None:
            raise _invalid("video", f"{route.profile.id} cannot change a clip here, and this one was made in parts")
    kept = _kept(old.wish, route, source)
    picture, clip_rule = sections_of(route.profile, task)
    width, height = snap(old.size, picture)
    wish = ClipWish(
        task=task, prompt=request.prompt, negative_prompt=kept.negative_prompt, width=width, height=height,
        frames=nearest(old.frames, clip_rule), fps=old.wish.fps, seed=seed, steps=kept.steps,
        guidance=kept.guidance, strength=request.strength, loras=kept.loras, sound=old.wish.sound,
        first=first, last=last, clip=clip,
    )  # fmt: skip
    _require(services, asker, wish, route)
    files = _copies({"first": first, "last": last, "clip": clip})
    keys = {file.name.partition(".")[0]: f"{job_id}/0/{file.name}" for file in files}
    spec = VideoSpec(
        wish=wish, first=keys.get("first"), last=keys.get("last"), clip=keys.get("clip"), remixed_from=source.id
    )
    digest = request_digest(b"remix", source.id.encode(), encode(request))
    model = _name(route, name)
    return VideoOrder(model=model, spec=spec, given=files, notes=notes, priority=request.priority, digest=digest)


def extension_of(services: Services, asker: Exchange, request: ExtendRequest, source: Job, job_id: str) -> VideoOrder:
    """A clip that begins with all of the other: its last picture is where the new part begins."""
    old, clip_key = _finished(source)
    name = request.model or source.model
    route = _named(services, asker, name, Task.IMAGE_TO_VIDEO)
    notes: tuple[str, ...] = ()
    if request.model is None and Task.IMAGE_TO_VIDEO not in route.profile.tasks:
        route, notes = _instead(services, asker, route)
        name = route.profile.id
    picture, clip = sections_of(route.profile, Task.IMAGE_TO_VIDEO)
    width, height = snap(old.size, picture)  # the worker scales it to the clip that it goes on from
    seconds = seconds_of(request.seconds)
    kept = _kept(old.wish, route, source)
    wish = ClipWish(
        task=Task.IMAGE_TO_VIDEO, prompt=request.prompt, negative_prompt=kept.negative_prompt, width=width,
        height=height, frames=snap_frames(seconds, old.wish.fps, clip), fps=old.wish.fps,
        seed=secrets.randbelow(_MOST_SEED) if request.seed is None else request.seed, steps=kept.steps,
        guidance=kept.guidance, loras=kept.loras, sound=old.wish.sound, clip="clip",
    )  # fmt: skip
    _require(services, asker, wish, route)
    files = _copies({"clip": clip_key})
    spec = VideoSpec(
        wish=wish, clip=f"{job_id}/0/{files[0].name}", extends=source.id, before=old.frames, shown=old.size,
        local_only=asker.local_only,
    )  # fmt: skip
    if spec.seconds > _MOST_EXTENDED_SECONDS:
        raise _invalid("seconds", f"a clip of {spec.seconds:.0f} s is too long: at most {_MOST_EXTENDED_SECONDS:g} s")
    return VideoOrder(
        model=_name(route, name),
        spec=spec,
        given=files,
        notes=(*notes, *_length_note(seconds, wish, clip)),
        priority=request.priority,
        digest=request_digest(b"extend", source.id.encode(), encode(request)),
    )


def _route(services: Services, asker: Exchange, name: str | None, task: Task) -> Route:
    table = services.table()
    name = name or preferred(table.catalog, task, table.fits, services.dispatcher.missing).id
    return _named(services, asker, name, task)


def _named(services: Services, asker: Exchange, name: str, task: Task) -> Route:
    """Raises ``BackendError``, also where only providers could serve it and none may be asked."""
    route = services.table().route(name)
    services.spillway.require(route, visit(services, asker, route, task))
    return route


def _instead(services: Services, asker: Exchange, route: Route) -> tuple[Route, tuple[str, ...]]:
    """What goes on from a clip of a model that begins with no picture: the best that does and is here, and a note."""
    try:
        other = _route(services, asker, None, Task.IMAGE_TO_VIDEO)
    except BackendError:
        return route, ()  # what this model serves says more than what others lack
    return other, (f"goes on with {other.profile.id}: {route.profile.id} does not begin with a picture",)


def _require(services: Services, asker: Exchange, wish: ClipWish, route: Route) -> None:
    """Raises ``BackendError`` when no variant can do it, or none of those that can is here and fits, and no provider
    may be asked."""
    able = only_able(wish, route)
    spills = bool(able.cloud) and (not able.candidates or able.profile.spill is not None)
    if spills and wish.clip is None and services.spillway.ways(able, visit(services, asker, able, wish.task)).open:
        return
    if not able.candidates:
        raise _invalid("video", f"{able.profile.id} does not go on from a clip here")
    require_present(able, services.table().fits, services.dispatcher.missing)


def _name(route: Route, asked: str | None) -> str:
    """What the job keeps: the profile, with its variant or its side where the client named one."""
    variants = {base_of(candidate.target.variant_id) for candidate in route.candidates}
    if asked is not None and asked.startswith(_SIDES):
        return f"{asked.partition('/')[0]}/{route.profile.id}"
    pinned = asked is not None and len(variants) == 1 and asked.endswith(f":{route.candidates[0].variant.name}")
    return variants.pop() if pinned else route.profile.id


def _like(first: Checked | None, picture: Picture) -> Size | None:
    """As many pixels as usual, in the picture's aspect."""
    if first is None:
        return None
    scale = (picture.width * picture.height / (first.width * first.height)) ** 0.5
    return max(1, round(first.width * scale)), max(1, round(first.height * scale))


def _kept(wish: ClipWish, route: Route, source: Job) -> ClipWish:
    """What holds of an earlier wish for another model: steps and the like are each model's own."""
    if route.profile.id == profile_of(source.model):
        return wish
    return structs.replace(wish, negative_prompt=None, steps=None, guidance=None, loras=())


def _successor_note(route: Route) -> tuple[str, ...]:
    return (f"{route.profile.id} instead of {route.instead_of}, which is gone",) if route.instead_of else ()


def _size_note(asked: Size | None, wish: ClipWish) -> tuple[str, ...]:
    if asked is None or asked == (wish.width, wish.height):
        return ()
    return (f"size {wish.width}x{wish.height} instead of {asked[0]}x{asked[1]}",)


def _length_note(seconds: float | None, wish: ClipWish, clip: Clip) -> tuple[str, ...]:
    if seconds is None or round(seconds * wish.fps) == wish.frames:
        return ()
    rule = f"{clip.every} n + {clip.plus}" if clip.plus else f"multiples of {clip.every}"
    why = f"clips have {clip.least_frames} to {clip.most_frames} pictures, {rule}"
    return (f"{wish.frames} pictures instead of {round(seconds * wish.fps)}: {why}",)


def _finished(source: Job) -> tuple[VideoSpec, str]:
    """Of a completed video, what was asked and the key of its clip. Raises ``BackendError(INVALID_REQUEST)``."""
    key = next((artifact.key for artifact in source.result if artifact.name == VIDEO), None)
    if source.status != "completed" or key is None:
        raise BackendError(
            Cause.INVALID_REQUEST, f"this video is {source.status}, not completed", param="video",
            code="video_not_ready",
        )  # fmt: skip
    return spec_of(source.spec), key


def _copies(keys: dict[str, str | None]) -> tuple[Given, ...]:
    return tuple(
        Given(name=f"{role}.{key.rpartition('.')[2]}", key=key) for role, key in keys.items() if key is not None
    )


def _invalid(param: str, detail: str) -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, detail, param=param)
