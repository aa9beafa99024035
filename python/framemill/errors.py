"""What can go wrong, as classes. Each error has the stable `code` of the scheduler (or of this package), the `field` it
is about and a `hint`; either may be empty. Match on the class, or on the code where the class is too coarse."""
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Optional, Sequence, Tuple

if TYPE_CHECKING:
    from .views import Job


class FramemillError(Exception):
    """Any error of this package. `status` is that of the HTTP reply, or None where there was none."""

    def __init__(self, code: str, message: str, *, field: str = '', hint: str = '',
                 status: Optional[int] = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.hint = hint
        self.status = status

    def __str__(self) -> str:
        return f'{self.message} [{self.code}]' + (f': {self.hint}' if self.hint else '')


class ConfigurationError(FramemillError):
    """The settings cannot be used: config.*, token.*."""


class Unreachable(FramemillError):
    """No reply: the scheduler is away, or the connection was lost (net.*). Whether it did so is unknown."""


class BadReply(FramemillError):
    """What came is not a reply of a Framemill scheduler (http.bad_reply), or is too large (http.too_large)."""


class NotAuthorised(FramemillError):
    """No token, a wrong or expired one, or a role without the right (auth.*)."""


class NotFound(FramemillError):
    """A job, layer, frame or worker that does not exist."""


class Conflict(FramemillError):
    """The state of the job or worker forbids it."""


class Busy(FramemillError):
    """The scheduler did not do it: too many requests, or it cannot write now. Try again later."""
    retry_after_s: float = 1.0


class ServerError(FramemillError):
    """The scheduler failed, or refused the request in a way that this version does not know."""


@dataclasses.dataclass(frozen=True)
class SpecFinding:
    """One mistake in a spec. Line and column count from 1; they are None where the spec was built by a program."""
    code: str
    message: str
    field: str
    expected: str
    suggestion: str
    line: Optional[int]
    column: Optional[int]

    def __str__(self) -> str:
        place = f'line {self.line}: ' if self.line is not None else f'{self.field}: ' if self.field else ''
        return f'{place}{self.message} [{self.code}]' + (f' ({self.suggestion})' if self.suggestion else '')


class SpecInvalid(FramemillError):
    """The scheduler refuses the spec; `errors` has every mistake."""

    def __init__(self, message: str, errors: Sequence[SpecFinding], *, field: str = '', hint: str = '') -> None:
        super().__init__('spec.invalid', message, field=field, hint=hint, status=422)
        self.errors: Tuple[SpecFinding, ...] = tuple(errors)

    def __str__(self) -> str:
        return '\n'.join([self.message] + [f'  {finding}' for finding in self.errors])


class WaitTimeout(FramemillError, TimeoutError):
    """wait() was given a time and the job is not over; it keeps running."""


class JobEnded(FramemillError):
    """wait(check=True): the job is over and not done. `job` is its last state."""
    job: Job


class JobFailed(JobEnded):
    """It finished with failures."""


class JobCancelled(JobEnded):
    """Somebody cancelled it."""


class CanNeverRun(FramemillError):
    """No host of this farm can ever take the job's next work; the message says what it lacks."""
