"""What the scheduler answers, as immutable values. Field names are those of scheduler/http/openapi.yaml; `raw` has the
whole object, also what this version does not know. A reply with a missing or wrong field is a BadReply."""
from __future__ import annotations

import dataclasses
import datetime
import typing
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type, TypeVar

from .errors import BadReply

T = TypeVar('T')

FINAL_STATES = ('done', 'failed', 'cancelled')


def _raw() -> Any:
    return dataclasses.field(repr=False, compare=False)


def parse_time(text: str) -> datetime.datetime:
    """A time of the scheduler ("2026-11-22T09:15:30.250Z") as an aware datetime."""
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))


@dataclasses.dataclass(frozen=True)
class Condition:
    """Why a job that is not over makes no progress."""
    kind: str
    layer: str
    reason: str
    since: Optional[str]


@dataclasses.dataclass(frozen=True)
class Hold:
    kind: str
    principal: str
    since: Optional[str]
    until: Optional[str]
    reason: str


@dataclasses.dataclass(frozen=True)
class Layer:
    index: int
    name: str
    kind: str
    shot: str
    state: str
    condition: Optional[Condition]
    tasks: Mapping[str, int]
    frames: int
    frames_published: int
    windows: int
    variants: int
    failed: int
    eta_ms: Optional[int]


@dataclasses.dataclass(frozen=True)
class Failure:
    """Failures of a job with one code."""
    code: str
    message: str
    count: int
    first_frame: Optional[int]
    layer: str


@dataclasses.dataclass(frozen=True)
class Remake:
    """A job that makes published files of another one again."""
    job: int
    state: str


@dataclasses.dataclass(frozen=True)
class JobSummary:
    id: int
    name: str
    show: str
    sequence: str
    shot: str
    principal: str
    tags: Tuple[str, ...]
    version: int
    state: str
    condition: Optional[Condition]
    priority: int
    submitted: str
    started: Optional[str]
    finished: Optional[str]
    tasks: Mapping[str, int]
    frames: int
    frames_published: int
    eta_ms: Optional[int]
    raw: Mapping[str, Any] = _raw()

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES


@dataclasses.dataclass(frozen=True)
class Job(JobSummary):
    holds: Tuple[Hold, ...] = ()
    layers: Tuple[Layer, ...] = ()
    failures: Tuple[Failure, ...] = ()
    remakes: Tuple[Remake, ...] = ()
    device_us: int = 0


@dataclasses.dataclass(frozen=True)
class Submitted:
    job: int
    version: int
    repeated: bool
    warnings: Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Changed:
    job: int
    state: str
    tasks: int
    remake: Optional[int] = None


@dataclasses.dataclass(frozen=True)
class Frame:
    """A file that a job has made."""
    layer: str
    variant: int
    frame: Optional[int]
    kind: str
    state: str
    root: str
    path: str
    size_bytes: int
    sha256: str
    samples_sha256: Optional[str]
    attempt: str
    raw: Mapping[str, Any] = _raw()


@dataclasses.dataclass(frozen=True)
class Attempt:
    id: str
    layer: str
    phase: str
    variant: int
    frames: str
    worker: str
    slot: str
    live: bool
    granted: str
    ended: Optional[str]
    tasks_committed: int
    outcome: Optional[str]
    code: str
    message: str
    usage: Mapping[str, Any]
    raw: Mapping[str, Any] = _raw()


@dataclasses.dataclass(frozen=True)
class LogTail:
    attempt: str
    layer: str
    frames: str
    worker: str
    outcome: Optional[str]
    code: str
    output_tail: str


@dataclasses.dataclass(frozen=True)
class SlotReason:
    reason: str
    slots: int
    examples: Tuple[str, ...]
    because: str
    remedy: str


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Why a task is not running."""
    job: int
    layer: str
    frame: Optional[int]
    state: str
    sentence: str
    reasons: Tuple[SlotReason, ...]
    can_never_run: bool


@dataclasses.dataclass(frozen=True)
class Slot:
    name: str
    usable: bool
    leases: Tuple[Mapping[str, Any], ...]


@dataclasses.dataclass(frozen=True)
class Worker:
    id: int
    name: str
    version: str
    state: str
    quarantined: bool
    silent_ms: int
    tasks_held: int
    slots: Tuple[Slot, ...]
    commands: Tuple[str, ...]
    raw: Mapping[str, Any] = _raw()


@dataclasses.dataclass(frozen=True)
class WorkerChanged:
    worker: int
    name: str
    state: str
    tasks_taken_back: int
    tasks_held: int


@dataclasses.dataclass(frozen=True)
class Usage:
    """What the jobs of one person in one show have used."""
    show: str
    principal: str
    jobs: int
    jobs_live: int
    frames_published: int
    retries: int
    device_us: int
    raw: Mapping[str, Any] = _raw()


@dataclasses.dataclass(frozen=True)
class Version:
    version: str
    api: str
    epoch: int
    principal: str
    role: str


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happened. `what` is "resync" where events were lost: reload what you know; `snapshot` then has
    live jobs and workers, or is None. `id` is what events(last_id=...) resumes after."""
    type: str
    what: str
    job: Optional[int]
    layer: Optional[str]
    worker: Optional[str]
    time: str
    detail: str
    snapshot: Optional[Mapping[str, Any]] = None
    id: str = ''


def _wrong(place: str, wanted: str, value: object) -> BadReply:
    return BadReply('http.bad_reply', f'{place} of the reply should be {wanted}, not {type(value).__name__}')


def _convert(kind: Any, value: object, place: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin is typing.Union:  # Optional
        return None if value is None else _convert(next(a for a in arguments if a is not type(None)), value, place)
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(place, 'a list', value)
        return tuple(_convert(arguments[0], item, f'{place}[{index}]') for index, item in enumerate(value))
    if dataclasses.is_dataclass(kind):
        return read(typing.cast(Type[Any], kind), value, place)
    if kind in (int, str, bool):
        if type(value) is not kind:
            raise _wrong(place, kind.__name__, value)
        return value
    if not isinstance(value, dict):  # Mapping[str, X]
        raise _wrong(place, 'an object', value)
    return {key: _convert(arguments[1], item, f'{place}.{key}') for key, item in value.items()}


_hints: Dict[type, Dict[str, Any]] = {}


def read(kind: Type[T], value: object, place: str = '') -> T:
    """A value of the dataclass from a JSON object."""
    place = place or kind.__name__
    if not isinstance(value, dict):
        raise _wrong(place, 'an object', value)
    if kind not in _hints:
        _hints[kind] = typing.get_type_hints(kind)
    made: Dict[str, Any] = {}
    for field in dataclasses.fields(typing.cast(Any, kind)):
        if field.name == 'raw':
            made['raw'] = value
        elif field.name in value:
            made[field.name] = _convert(_hints[kind][field.name], value[field.name], f'{place}.{field.name}')
        elif field.default is dataclasses.MISSING:
            raise BadReply('http.bad_reply', f'{place}.{field.name} is missing in the reply')
    return kind(**made)


def read_list(kind: Type[T], body: Mapping[str, Any]) -> List[T]:
    items = body.get('items')
    if not isinstance(items, list):
        raise _wrong('items', 'a list', items)
    return [read(kind, item, f'items[{index}]') for index, item in enumerate(items)]
