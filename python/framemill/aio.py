"""The same calls for asyncio. Each runs in a thread of the loop's default executor, because the standard library has no
asynchronous HTTP client; iterators fetch ahead by a bounded amount. A task that is cancelled lets the request under
way run out in its thread."""
from __future__ import annotations

import asyncio
import functools
import os
import threading
from typing import Any, AsyncIterator, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, TypeVar, Union

from . import views
from .client import Client, Spec

T = TypeVar('T')
_AHEAD = 64  # items that wait for whoever iterates


async def _in_thread(function: Callable[..., T], *positional: Any, **named: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(function, *positional, **named))


async def _iterate(make: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
    """The items of a blocking iterator, which has a thread of its own: an event stream has no end."""
    loop = asyncio.get_running_loop()
    items: 'asyncio.Queue[Tuple[str, Any]]' = asyncio.Queue()
    room = threading.Semaphore(_AHEAD)
    stopped = threading.Event()

    def put(kind: str, value: object) -> None:
        try:
            loop.call_soon_threadsafe(items.put_nowait, (kind, value))
        except RuntimeError:  # the loop has ended
            stopped.set()

    def produce() -> None:
        try:
            for item in make():
                room.acquire()
                if stopped.is_set():
                    return
                put('item', item)
            put('end', None)
        except BaseException as error:  # handed to whoever iterates
            put('error', error)

    threading.Thread(target=produce, name='framemill', daemon=True).start()
    try:
        while True:
            kind, value = await items.get()
            if kind == 'end':
                return
            if kind == 'error':
                raise value
            room.release()
            yield value
    finally:
        stopped.set()
        room.release()


class AsyncClient:
    """As Client, with coroutines and asynchronous iterators."""

    def __init__(self, server: Optional[str] = None, *, token_file: Union[str, 'os.PathLike[str]', None] = None,
                 token: Optional[str] = None, timeout: float = 30.0) -> None:
        self.sync = Client(server, token_file=token_file, token=token, timeout=timeout)

    async def submit(self, spec: Spec, *, overrides: Sequence[Tuple[str, str]] = (), reason: str = '',
                     idempotency_key: Optional[str] = None, patience: float = 60.0) -> views.Submitted:
        return await _in_thread(self.sync.submit, spec, overrides=overrides, reason=reason,
                                idempotency_key=idempotency_key, patience=patience)

    async def job(self, job: int) -> views.Job:
        return await _in_thread(self.sync.job, job)

    async def plan(self, job: int) -> Dict[str, Any]:
        return await _in_thread(self.sync.plan, job)

    async def wait(self, job: int, *, timeout: Optional[float] = None, patience: float = 60.0,
                   check: bool = False) -> views.Job:
        return await _in_thread(self.sync.wait, job, timeout=timeout, patience=patience, check=check)

    async def cancel(self, job: int, *, reason: str = '') -> views.Changed:
        return await _in_thread(self.sync.cancel, job, reason=reason)

    async def pause(self, job: int, *, for_ms: Optional[int] = None, reason: str = '') -> views.Changed:
        return await _in_thread(self.sync.pause, job, for_ms=for_ms, reason=reason)

    async def resume(self, job: int, *, now: bool = False, reason: str = '') -> views.Changed:
        return await _in_thread(self.sync.resume, job, now=now, reason=reason)

    async def set_deadline(self, job: int, deadline: Optional[str], *, reason: str = '') -> views.Changed:
        return await _in_thread(self.sync.set_deadline, job, deadline, reason=reason)

    async def diagnose(self, job: int) -> Dict[str, Any]:
        return await _in_thread(self.sync.diagnose, job)

    async def set_priority(self, job: int, priority: int, *, reason: str = '') -> views.Changed:
        return await _in_thread(self.sync.set_priority, job, priority, reason=reason)

    async def retry(self, job: int, *, layer: str = '', frames: str = '', remake: bool = False, replace: bool = False,
                    reason: str = '') -> views.Changed:
        return await _in_thread(self.sync.retry, job, layer=layer, frames=frames, remake=remake, replace=replace,
                                reason=reason)

    async def explain(self, job: int, *, layer: Optional[str] = None, variant: Optional[int] = None,
                      frame: Optional[int] = None) -> views.Explanation:
        return await _in_thread(self.sync.explain, job, layer=layer, variant=variant, frame=frame)

    def jobs(self, *, live: Optional[bool] = None, mine: Optional[bool] = None, state: Optional[str] = None,
             show: Optional[str] = None, shot: Optional[str] = None,
             limit: Optional[int] = None) -> AsyncIterator[views.JobSummary]:
        return _iterate(lambda: self.sync.jobs(live=live, mine=mine, state=state, show=show, shot=shot, limit=limit))

    def frames(self, job: int, *, layer: Optional[str] = None, variant: Optional[int] = None,
               limit: Optional[int] = None) -> AsyncIterator[views.Frame]:
        return _iterate(lambda: self.sync.frames(job, layer=layer, variant=variant, limit=limit))

    def attempts(self, job: int, *, layer: Optional[str] = None,
                 limit: Optional[int] = None) -> AsyncIterator[views.Attempt]:
        return _iterate(lambda: self.sync.attempts(job, layer=layer, limit=limit))

    def logs(self, job: int, *, layer: Optional[str] = None, frame: Optional[int] = None,
             limit: Optional[int] = None) -> AsyncIterator[views.LogTail]:
        return _iterate(lambda: self.sync.logs(job, layer=layer, frame=frame, limit=limit))

    def events(self, *, job: Optional[int] = None, last_id: Optional[str] = None,
               patience: float = 60.0) -> AsyncIterator[views.Event]:
        return _iterate(lambda: self.sync.events(job=job, last_id=last_id, patience=patience))

    async def workers(self) -> List[views.Worker]:
        return await _in_thread(self.sync.workers)

    async def drain(self, worker: Union[int, str], *, at: Optional[str] = None,
                    reason: str = '') -> views.WorkerChanged:
        return await _in_thread(self.sync.drain, worker, at=at, reason=reason)

    async def undrain(self, worker: Union[int, str], *, reason: str = '') -> views.WorkerChanged:
        return await _in_thread(self.sync.undrain, worker, reason=reason)

    async def clear_quarantine(self, worker: Union[int, str], *, reason: str = '') -> views.WorkerChanged:
        return await _in_thread(self.sync.clear_quarantine, worker, reason=reason)

    async def usage(self, *, show: Optional[str] = None, principal: Optional[str] = None,
                    live: Optional[bool] = None) -> List[views.Usage]:
        return await _in_thread(self.sync.usage, show=show, principal=principal, live=live)

    async def version(self) -> views.Version:
        return await _in_thread(self.sync.version)
