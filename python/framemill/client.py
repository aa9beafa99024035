"""The scheduler's HTTP API as calls. One Client may be shared by threads: each call has a connection of its own."""
from __future__ import annotations

import json
import os
import pathlib
import time
import uuid
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar, Union

from . import views
from .errors import BadReply, Busy, CanNeverRun, JobCancelled, JobFailed, Unreachable, WaitTimeout
from .settings import load_settings
from .spec import JobSpec
from .transport import Transport, query

T = TypeVar('T')
Spec = Union[JobSpec, Mapping[str, Any], str, 'os.PathLike[str]']

_PAGE = 1000
_LOOK_FIRST_S, _LOOK_LAST_S = 0.1, 1.0  # wait() looks more and more rarely
_EXPLAIN_EVERY_S = 5.0
_SILENCE_S = 45.0  # of an event stream, which says something every 15 s


def _job_path(job: int) -> str:
    if isinstance(job, bool) or not isinstance(job, int) or job < 1:
        raise ValueError(f'{job!r} is not a job number')
    return f'/api/v1/jobs/{job}'


def _worker_path(worker: Union[int, str]) -> str:
    from urllib.parse import quote
    return '/api/v1/workers/' + quote(str(worker), safe='')


def spec_body(spec: Spec, overrides: Sequence[Tuple[str, str]], reason: str) -> Dict[str, object]:
    """A JobSpec, a dictionary, the text of a spec, or the path of a file with one."""
    if isinstance(spec, JobSpec):
        text, form = spec.to_json(), 'json'
    elif isinstance(spec, Mapping):
        text, form = json.dumps(spec), 'json'
    else:
        text = spec if isinstance(spec, str) else pathlib.Path(spec).read_text(encoding='utf-8-sig')
        form = 'json' if text.lstrip().startswith('{') else 'toml'
    return {'spec': text, 'format': form, 'overrides': [list(pair) for pair in overrides], 'reason': reason}


class Client:
    """`server` and `token_file` default to the settings of the command line. `timeout` is of one request, in s."""

    def __init__(self, server: Optional[str] = None, *, token_file: Union[str, 'os.PathLike[str]', None] = None,
                 token: Optional[str] = None, timeout: float = 30.0) -> None:
        if token is None:
            settings = load_settings(server, token_file)
            server, token = settings.server, settings.token
        elif server is None:
            raise ValueError('a token goes to one server: name it')
        self._transport = Transport(server.rstrip('/'), token, timeout)

    @property
    def server(self) -> str:
        return self._transport.server

    def _get(self, kind: Type[T], target: str) -> T:
        return views.read(kind, self._transport.call('GET', target))

    def _pages(self, kind: Type[T], path: str, parameters: Mapping[str, object], limit: Optional[int]) -> Iterator[T]:
        after: Optional[str] = None
        left = limit
        while left is None or left > 0:
            wanted = _PAGE if left is None else min(_PAGE, left)
            page = self._transport.call('GET', path + query({**parameters, 'limit': wanted, 'after': after}))
            items = views.read_list(kind, page)
            yield from items
            if left is not None:
                left -= len(items)
            following = page.get('next')
            if not following:
                return
            if not isinstance(following, str) or following == after:
                raise BadReply('http.bad_reply', 'a page whose `next` leads nowhere')
            after = following

    # --- jobs ---------------------------------------------------------------------------------------------------------
    def submit(self, spec: Spec, *, overrides: Sequence[Tuple[str, str]] = (), reason: str = '',
               idempotency_key: Optional[str] = None, patience: float = 60.0) -> views.Submitted:
        """Submits a job, once: a reply that was lost is asked for again under the same key for `patience` seconds.
        Raises SpecInvalid with every mistake."""
        body = spec_body(spec, overrides, reason)
        key = idempotency_key or uuid.uuid4().hex
        end = time.monotonic() + patience
        while True:
            try:
                reply = self._transport.call('POST', '/api/v1/jobs', body, headers={'Idempotency-Key': key})
                return views.read(views.Submitted, reply)
            except Unreachable:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)

    def jobs(self, *, live: Optional[bool] = None, mine: Optional[bool] = None, user: Optional[str] = None,
             state: Optional[str] = None, show: Optional[str] = None, sequence: Optional[str] = None,
             shot: Optional[str] = None, tag: Optional[str] = None, text: Optional[str] = None,
             since: Optional[str] = None, limit: Optional[int] = None) -> Iterator[views.JobSummary]:
        """Jobs, newest first. `state` may be a condition, such as 'throttled'; `since` is RFC 3339."""
        return self._pages(views.JobSummary, '/api/v1/jobs',
                           {'live': live, 'mine': mine, 'user': user, 'state': state, 'show': show,
                            'sequence': sequence, 'shot': shot, 'tag': tag, 'text': text, 'since': since}, limit)

    def job(self, job: int) -> views.Job:
        return self._get(views.Job, _job_path(job))

    def plan(self, job: int) -> Dict[str, Any]:
        """The spec as it was accepted, defaults spelled out, and how it was cut."""
        return self._transport.call('GET', _job_path(job) + '/plan')

    def _change(self, job: int, verb: str, body: Mapping[str, object]) -> views.Changed:
        return views.read(views.Changed, self._transport.call('POST', f'{_job_path(job)}/{verb}', body))

    def cancel(self, job: int, *, reason: str = '') -> views.Changed:
        return self._change(job, 'cancel', {'reason': reason})

    def pause(self, job: int, *, for_ms: Optional[int] = None, reason: str = '') -> views.Changed:
        """Until somebody resumes it, or for so many milliseconds."""
        return self._change(job, 'pause', {'reason': reason, **({} if for_ms is None else {'for_ms': for_ms})})

    def resume(self, job: int, *, now: bool = False, reason: str = '') -> views.Changed:
        """After a pause; now: without waiting any longer for its start_after and after_job."""
        return self._change(job, 'resume', {'reason': reason, **({'now': True} if now else {})})

    def set_deadline(self, job: int, deadline: Optional[str], *, reason: str = '') -> views.Changed:
        """RFC 3339 with an offset; None takes it away."""
        return self._change(job, 'deadline', {'deadline': deadline, 'reason': reason})

    def set_priority(self, job: int, priority: int, *, reason: str = '') -> views.Changed:
        return self._change(job, 'priority', {'priority': priority, 'reason': reason})

    def retry(self, job: int, *, layer: str = '', frames: str = '', remake: bool = False, replace: bool = False,
              reason: str = '') -> views.Changed:
        """Opens failed, quarantined or cancelled tasks again. remake: makes published files again, by a job of its own
        (`Changed.remake`)."""
        body: Dict[str, object] = {'layer': layer, 'frames': frames, 'reason': reason}
        if remake or replace:
            body.update(remake=remake, replace=replace)
        return self._change(job, 'retry', body)

    def frames(self, job: int, *, layer: Optional[str] = None, variant: Optional[int] = None,
               limit: Optional[int] = None) -> Iterator[views.Frame]:
        """Files that are committed or published."""
        return self._pages(views.Frame, _job_path(job) + '/frames', {'layer': layer, 'variant': variant}, limit)

    def attempts(self, job: int, *, layer: Optional[str] = None,
                 limit: Optional[int] = None) -> Iterator[views.Attempt]:
        return self._pages(views.Attempt, _job_path(job) + '/attempts', {'layer': layer}, limit)

    def logs(self, job: int, *, layer: Optional[str] = None, frame: Optional[int] = None,
             limit: Optional[int] = None) -> Iterator[views.LogTail]:
        """The end of what each attempt printed, newest first."""
        return self._pages(views.LogTail, _job_path(job) + '/logs', {'layer': layer, 'frame': frame}, limit)

    def explain(self, job: int, *, layer: Optional[str] = None, variant: Optional[int] = None,
                frame: Optional[int] = None) -> views.Explanation:
        """Why a task is not running; without layer and frame, the first that neither runs nor is over."""
        return self._get(views.Explanation, _job_path(job) + '/explain' +
                         query({'layer': layer, 'variant': variant, 'frame': frame}))

    def diagnose(self, job: int) -> Dict[str, Any]:
        """What is wrong with it, whose fault that is, and what to do; `findings` is empty where nothing is."""
        return self._transport.call('GET', _job_path(job) + '/diagnosis')

    def wait(self, job: int, *, timeout: Optional[float] = None, patience: float = 60.0,
             check: bool = False) -> views.Job:
        """Returns the job when it is done, failed or cancelled, and no remake of its files is open. A scheduler that is
        away is waited for, `patience` seconds in one piece. check=True raises JobFailed or JobCancelled instead.
        Raises CanNeverRun when no host could ever take its next work, and WaitTimeout."""
        now = time.monotonic
        end = None if timeout is None else now() + timeout
        heard, explain_at, pause = now(), now(), _LOOK_FIRST_S
        while True:
            try:
                seen = self.job(job)
                heard = now()
                if seen.is_final and not _remake_open(seen):
                    return _checked(seen) if check else seen
                if not seen.is_final and seen.tasks.get('leased', 0) == 0 and now() >= explain_at:
                    explain_at = now() + _EXPLAIN_EVERY_S
                    explanation = self.explain(job)
                    if explanation.can_never_run:
                        raise CanNeverRun('job.can_never_run', explanation.sentence, field='job')
            except (Unreachable, Busy):
                if now() - heard > patience:
                    raise
            if end is not None and now() >= end:
                raise WaitTimeout('wait.timeout', f'job {job} is not over after {timeout:g} s; it keeps running')
            time.sleep(pause if end is None else max(0.0, min(pause, end - now())))
            pause = min(pause * 1.5, _LOOK_LAST_S)

    # --- events -------------------------------------------------------------------------------------------------------
    def events(self, *, job: Optional[int] = None, last_id: Optional[str] = None, patience: float = 60.0,
               on_connect: Optional[Callable[[], None]] = None) -> Iterator[views.Event]:
        """What happens from now on (or after the event `last_id`), without an end. A lost connection or a restart of
        the scheduler is bridged: the stream goes on after the last event, or with an Event whose `what` says that
        events were lost. Raises Unreachable when the scheduler is away for `patience` seconds in one piece.
        `on_connect` is called whenever a stream has begun: what is asked from there on misses nothing that the
        stream does not bring."""
        target = '/api/v1/events' + query({'job': job})
        heard, pause = time.monotonic(), _LOOK_FIRST_S
        while True:
            try:
                for identity, data in self._transport.stream(target, last_id, _SILENCE_S):
                    heard, pause = time.monotonic(), _LOOK_FIRST_S
                    if identity is None and not data and on_connect is not None:
                        on_connect()
                    last_id = identity or last_id
                    if data:
                        yield _event(data, identity or '')
            except (Unreachable, Busy):
                if time.monotonic() - heard > patience:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, 5.0)

    # --- the farm -----------------------------------------------------------------------------------------------------
    def workers(self) -> List[views.Worker]:
        return views.read_list(views.Worker, self._transport.call('GET', '/api/v1/workers'))

    def _change_worker(self, worker: Union[int, str], verb: str, reason: str,
                       at: Optional[str] = None) -> views.WorkerChanged:
        body = {'reason': reason, **({} if at is None else {'at': at})}
        reply = self._transport.call('POST', f'{_worker_path(worker)}/{verb}', body)
        return views.read(views.WorkerChanged, reply)

    def drain(self, worker: Union[int, str], *, at: Optional[str] = None, reason: str = '') -> views.WorkerChanged:
        """By number or name: it finishes what it has begun and gets nothing more; at: from that moment on (RFC 3339),
        and until then only what is over by then."""
        return self._change_worker(worker, 'drain', reason, at)

    def undrain(self, worker: Union[int, str], *, reason: str = '') -> views.WorkerChanged:
        return self._change_worker(worker, 'undrain', reason)

    def clear_quarantine(self, worker: Union[int, str], *, reason: str = '') -> views.WorkerChanged:
        return self._change_worker(worker, 'clear-quarantine', reason)

    def usage(self, *, show: Optional[str] = None, principal: Optional[str] = None,
              live: Optional[bool] = None) -> List[views.Usage]:
        """Device time, jobs and frames by show and person, of the jobs that the scheduler has in memory."""
        parameters = query({'show': show, 'principal': principal, 'live': live})
        return views.read_list(views.Usage, self._transport.call('GET', '/api/v1/usage' + parameters))

    def version(self) -> views.Version:
        return self._get(views.Version, '/api/v1/version')


def _remake_open(job: views.Job) -> bool:
    return any(remake.job != job.id and remake.state not in views.FINAL_STATES for remake in job.remakes)


def _checked(job: views.Job) -> views.Job:
    if job.state == 'done':
        return job
    said = '; '.join(f'{failure.layer}: {failure.message} [{failure.code}]' for failure in job.failures[:3])
    kind, code = (JobCancelled, 'job.cancelled') if job.state == 'cancelled' else (JobFailed, 'job.failed')
    error = kind(code, f'job {job.id} ({job.name}) is {job.state}' + (f': {said}' if said else ''), field='job')
    error.job = job
    raise error


def _event(data: str, identity: str) -> views.Event:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadReply('http.bad_reply', f'an event that is not JSON: {error}') from error
    if not isinstance(value, dict):
        raise BadReply('http.bad_reply', 'an event that is not a JSON object')
    return views.read(views.Event, {**value, 'id': identity}, 'Event')
