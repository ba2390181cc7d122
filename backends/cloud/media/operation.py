"""How a provider makes pictures or clips, as its file says it: requests as trees with ``${name|filter}``, answers as
JMESPath. Shapes only: ``template`` renders, ``extract`` reads, ``run`` does it.

A name that is missing takes its key away; a list with a missing member is missing as a whole. In a mapping ``$when``
names what must be there for it, ``$each`` what it is repeated for, as ``${item}``.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from backends.wire.media_job import MediaTask

Name = Literal[
    "model", "prompt", "negative_prompt", "size", "n", "seed", "seeds", "steps", "guidance", "strength", "seconds",
    "frames", "fps", "sound", "format", "quality", "effort", "image", "images", "mask", "last", "clip",
]  # fmt: skip
"""What a request may be made of. ``size`` has two sides; ``image``, ``images``, ``mask``, ``last`` and ``clip`` are
files, and with ``_ref`` behind them what an upload made of them."""
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]
Words = tuple[Annotated[str, Meta(min_length=1)], ...]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Method = Literal["GET", "POST", "PUT", "DELETE"]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that is read from a file."""


class Limits(_Strict, frozen=True, kw_only=True):
    """``n`` pictures of one request: more are several requests. ``images``: how many it may be given."""

    n: Annotated[int, Meta(ge=1, le=64)] = 1
    prompt_characters: Annotated[int, Meta(ge=1)] | None = None
    images: Annotated[int, Meta(ge=1)] | None = None


class Request(_Strict, frozen=True, kw_only=True):
    """Serves where all of ``needs`` are present. ``body`` is JSON, ``form`` multipart, and ``poll`` the path of the job
    where it differs from the operation's.
    """

    needs: tuple[Name, ...] = ()
    method: Method = "POST"
    path: str
    headers: dict[HeaderName, str] = {}
    body: dict[str, Any] = {}
    form: dict[str, Any] = {}
    poll: str | None = None


class Upload(_Strict, frozen=True, kw_only=True):
    """One file goes there first: as the whole body, or as ``form``'s field; ``ref`` is what later names it."""

    path: str
    form: str | None = None
    ref: str


class Follow(_Strict, frozen=True, kw_only=True):
    """A later request about the same work: a ``path`` with ``${id}``, or the ``url`` that an answer names. ``ref`` is
    a path into that answer, for a ``path`` with ``${ref}``.
    """

    method: Method = "GET"
    path: str | None = None
    url: str | None = None
    ref: str | None = None
    body: dict[str, Any] = {}


class States(_Strict, frozen=True, kw_only=True):
    """The vendor's words. A word in none of the lists means that the work goes on."""

    queued: Words = ()
    in_progress: Words = ()
    completed: Words
    failed: Words = ()
    cancelled: Words = ()
    refused: Words = ()


class Job(_Strict, frozen=True, kw_only=True):
    """Work that is asked after. ``id`` and ``status`` are JMESPath; ``every``: seconds until the first look, and
    between looks at last. ``working``: statuses of HTTP that say as much. ``whole``: the progress of finished work.
    ``fetch``: where the result is, when not in the answer about the state.
    """

    id: str
    poll: Follow
    every: tuple[Seconds, Seconds] = (2.0, 10.0)
    deadline: Seconds = 900.0
    status: str
    states: States
    working: tuple[int, ...] = ()
    progress: str | None = None
    whole: Annotated[float, Meta(gt=0)] = 100.0
    fetch: Follow | None = None
    cancel: Follow | None = None


class Result(_Strict, frozen=True, kw_only=True):
    """``path`` gives one string or a list of them. ``key``: they are fetched with the provider's key. ``ttl``: seconds
    that links live.
    """

    path: str
    kind: Literal["url", "base64", "either"] = "url"
    key: bool = False
    ttl: Annotated[float, Meta(gt=0)] | None = None


class Failure(_Strict, frozen=True, kw_only=True):
    """How an answer tells of a failure. ``when`` is true of one that came with a status of success; ``message`` are
    paths to its words. Which words mean a refusal of the content, an empty account, a limit, a request that is wrong.
    ``nothing_made``: statuses that prove that no work was begun.
    """

    when: str | None = None
    message: tuple[str, ...] = ()
    refused: Words = ()
    account: Words = ()
    limited: Words = ()
    invalid: Words = ()
    nothing_made: tuple[int, ...] = (429, 503, 529)


class Cost(_Strict, frozen=True, kw_only=True):
    """What the answer says it cost or used, in units of ``usd`` dollars. Of several all are added up."""

    path: str
    usd: Annotated[float, Meta(gt=0)] = 1.0


class Operation(_Strict, frozen=True, kw_only=True):
    """The first operation whose ``tasks`` and ``models`` (patterns; none means all) fit makes it, by the first of its
    ``requests`` whose needs are met. Without ``job`` the answer is the result, within ``seconds``. ``refused`` is true
    of an answer of success that withholds its result.
    """

    makes: Literal["picture", "clip"]
    tasks: tuple[MediaTask, ...]
    models: tuple[str, ...] = ()
    requests: tuple[Request, ...]
    upload: Upload | None = None
    job: Job | None = None
    result: Result
    seconds: Seconds = 300.0
    failure: Failure = Failure()
    refused: str | None = None
    cost: tuple[Cost, ...] = ()
    limits: Limits = Limits()
