"""Submit and watch jobs of a Framemill render farm. docs/python.md is the manual.

    from framemill import Client, JobSpec, generate
    client = Client()
    submitted = client.submit(JobSpec('first look', show='harbor', shot='hb_0010', layers=[
        generate('comp', model='demo-clips@1', prompt='red boat moving left', frames='1001-1096', plan='chain')]))
    job = client.wait(submitted.job, check=True)
"""
from .aio import AsyncClient
from .client import Client
from .errors import (BadReply, Busy, CanNeverRun, ConfigurationError, Conflict, FramemillError, JobCancelled, JobEnded,
                     JobFailed, NotAuthorised, NotFound, ServerError, SpecFinding, SpecInvalid, Unreachable,
                     WaitTimeout)
from .settings import Settings, load_settings
from .spec import JobSpec, Layer, Needs, command, encode, from_layer, from_root, generate, sheet
from .views import (Attempt, Changed, Event, Explanation, Frame, Job, JobSummary, LogTail, Submitted, Usage, Version,
                    Worker, WorkerChanged, parse_time)

__version__ = '0.1.0'

__all__ = [
    'AsyncClient', 'Attempt', 'BadReply', 'Busy', 'CanNeverRun', 'Changed', 'Client', 'ConfigurationError', 'Conflict',
    'Event', 'Explanation', 'Frame', 'FramemillError', 'Job', 'JobCancelled', 'JobEnded', 'JobFailed', 'JobSpec',
    'JobSummary', 'Layer', 'LogTail', 'Needs', 'NotAuthorised', 'NotFound', 'ServerError', 'Settings', 'SpecFinding',
    'SpecInvalid', 'Submitted', 'Unreachable', 'Usage', 'Version', 'WaitTimeout', 'Worker', 'WorkerChanged', 'command',
    'encode', 'from_layer', 'from_root', 'generate', 'load_settings', 'parse_time', 'sheet',
]
