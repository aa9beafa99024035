"""Requests to one scheduler: HTTP/1.1 over TCP, TLS or a Unix socket, with the standard library. A reply is bounded in
size and time; redirects are never followed, because the token would go with them."""
from __future__ import annotations

import http.client
import json
import math
import socket
import ssl
import time
import urllib.parse
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from .errors import (BadReply, Busy, ConfigurationError, Conflict, FramemillError, NotAuthorised, NotFound, ServerError,
                     SpecFinding, SpecInvalid, Unreachable)

REPLY_BYTES_MAX = 64 << 20
EVENT_BYTES_MAX = 4 << 20
_PIECE_BYTES = 64 << 10


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__('localhost', timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def query(pairs: Mapping[str, object]) -> str:
    """"?a=b&c=d"; values that are None or empty are left out."""
    kept: List[Tuple[str, str]] = []
    for key, value in pairs.items():
        if value is not None and value != '':
            kept.append((key, ('true' if value else 'false') if isinstance(value, bool) else str(value)))
    return '?' + urllib.parse.urlencode(kept, quote_via=urllib.parse.quote) if kept else ''


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key, '')
    return value if isinstance(value, str) else ''


def _number(body: Mapping[str, Any], key: str) -> Optional[int]:
    value = body.get(key)
    return value if isinstance(value, int) else None


def _findings(body: Mapping[str, Any]) -> List[SpecFinding]:
    listed = body.get('errors')
    return [SpecFinding(_text(entry, 'code'), _text(entry, 'message'), _text(entry, 'field'), _text(entry, 'expected'),
                        _text(entry, 'suggestion'), _number(entry, 'line'), _number(entry, 'column'))
            for entry in (listed if isinstance(listed, list) else []) if isinstance(entry, dict)]


def error_of(status: int, data: bytes) -> FramemillError:
    """The error that a reply with such a status says."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not _text(body, 'code'):
        code, message, field, hint = f'http.status_{status}', f'the server answered with HTTP status {status}', '', ''
        body = {}
    else:
        code, message, field, hint = (_text(body, key) for key in ('code', 'message', 'field', 'hint'))
    if code == 'spec.invalid':
        return SpecInvalid(message, _findings(body), field=field, hint=hint)
    kind = {401: NotAuthorised, 403: NotAuthorised, 404: NotFound, 409: Conflict, 429: Busy, 503: Busy}.get(status,
                                                                                                            ServerError)
    return kind(code, message, field=field, hint=hint, status=status)


class Transport:
    def __init__(self, server: str, token: str, timeout: float) -> None:
        self.server = server
        self._token = token
        self._timeout = timeout
        parts = urllib.parse.urlsplit(server)
        good_address = parts.scheme in ('http', 'https') and parts.hostname and parts.path in ('', '/')
        if not (server.startswith('unix:/') or good_address) or parts.query or parts.fragment or parts.username:
            raise ConfigurationError('config.server', f'{server!r} is not the address of a scheduler', field='server',
                                     hint='use http://HOST:PORT or unix:/PATH')
        try:
            self._port = parts.port
        except ValueError as error:
            raise ConfigurationError('config.server', f'{server!r}: {error}', field='server') from error
        self._host = parts.hostname or ''
        self._scheme = parts.scheme

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self._scheme == 'unix':
            return _UnixConnection(self.server[len('unix:'):], timeout)
        if self._scheme == 'https':
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout,
                                               context=ssl.create_default_context())
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _headers(self, extra: Optional[Mapping[str, str]]) -> Dict[str, str]:
        headers = {'Accept': 'application/json', 'User-Agent': 'framemill-python', **(extra or {})}
        if self._token:
            headers['Authorization'] = 'Bearer ' + self._token
        return headers

    def _send(self, connection: http.client.HTTPConnection, method: str, target: str, body: Optional[bytes],
              headers: Mapping[str, str]) -> http.client.HTTPResponse:
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            return connection.getresponse()
        except http.client.HTTPException as error:
            if isinstance(error, http.client.RemoteDisconnected):
                raise Unreachable('net.closed', f'{self.server}: the connection was closed without a reply') from error
            raise BadReply('http.bad_reply', f'{self.server}: not a reply of a scheduler: {error!r}') from error
        except OSError as error:
            raise Unreachable('net.unreachable', f'{self.server}: {error}') from error
        except ValueError as error:
            raise BadReply('http.bad_reply', f'{self.server}: {error}') from error

    def _read_all(self, response: http.client.HTTPResponse, deadline: float) -> bytes:
        pieces, total = [], 0
        try:
            while True:
                piece = response.read1(_PIECE_BYTES)
                if not piece:
                    break
                pieces.append(piece)
                total += len(piece)
                if total > REPLY_BYTES_MAX:
                    raise BadReply('http.too_large', f'{self.server}: a reply of more than {REPLY_BYTES_MAX} bytes')
                if time.monotonic() > deadline:
                    raise Unreachable('net.timeout', f'{self.server}: the reply took too long')
            if response.length:  # the connection ended before all of it had come
                raise Unreachable('net.closed', f'{self.server}: the connection was lost within a reply')
        except http.client.HTTPException as error:
            raise Unreachable('net.closed', f'{self.server}: the connection was lost within a reply') from error
        except OSError as error:
            raise Unreachable('net.unreachable', f'{self.server}: {error}') from error
        except ValueError as error:
            raise BadReply('http.bad_reply', f'{self.server}: {error}') from error
        return b''.join(pieces)

    def once(self, method: str, target: str, body: Optional[bytes] = None,
             headers: Optional[Mapping[str, str]] = None) -> Dict[str, Any]:
        """One request; its reply, a JSON object, or the error that it says."""
        deadline = time.monotonic() + 4 * self._timeout
        connection = self._connection(self._timeout)
        try:
            response = self._send(connection, method, target, body, self._headers(headers))
            data = self._read_all(response, deadline)
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            error = error_of(response.status, data)
            if isinstance(error, Busy):
                error.retry_after_s = _retry_after(response)
            raise error
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise BadReply('http.bad_reply', f'{self.server}: the reply is not JSON: {error}') from error
        if not isinstance(value, dict):
            raise BadReply('http.bad_reply', f'{self.server}: the reply is not a JSON object')
        return value

    def call(self, method: str, target: str, body: Optional[Mapping[str, object]] = None, *,
             headers: Optional[Mapping[str, str]] = None, busy_s: float = 15.0) -> Dict[str, Any]:
        """once(), and again for a while where the scheduler was too busy to do anything."""
        data = None if body is None else json.dumps(body).encode()
        headers = {**(headers or {}), **({'Content-Type': 'application/json'} if data is not None else {})}
        end = time.monotonic() + busy_s
        while True:
            try:
                return self.once(method, target, data, headers)
            except Busy as error:
                if time.monotonic() + error.retry_after_s > end:
                    raise
                time.sleep(error.retry_after_s)

    def stream(self, target: str, last_id: Optional[str], silence_s: float) -> Iterator[Tuple[Optional[str], str]]:
        """Events of an event stream until it ends: (id, data), after a first (None, '') once it is open. An id may come
        without data (''), and then names the place from which to resume. Raises Unreachable when the stream is lost
        or says nothing for silence_s."""
        headers = self._headers({'Accept': 'text/event-stream', **({'Last-Event-ID': last_id} if last_id else {})})
        connection = self._connection(silence_s)
        try:
            response = self._send(connection, 'GET', target, None, headers)
            if response.status != 200:
                raise error_of(response.status, self._read_all(response, time.monotonic() + self._timeout))
            if response.headers.get_content_type() != 'text/event-stream':
                raise BadReply('http.bad_reply', f'{self.server}: not an event stream')
            yield None, ''
            yield from self._events(response)
        finally:
            connection.close()

    def _events(self, response: http.client.HTTPResponse) -> Iterator[Tuple[Optional[str], str]]:
        identity: Optional[str] = None
        data: List[str] = []
        size = 0
        while True:
            try:
                line = response.readline(EVENT_BYTES_MAX + 1)
            except (http.client.HTTPException, OSError, ValueError) as error:
                raise Unreachable('net.closed', f'{self.server}: the event stream was lost: {error!r}') from error
            if not line:
                raise Unreachable('net.closed', f'{self.server}: the event stream ended')
            size += len(line)
            if size > EVENT_BYTES_MAX:
                raise BadReply('http.too_large', f'{self.server}: an event of more than {EVENT_BYTES_MAX} bytes')
            if not line.endswith(b'\n'):
                raise Unreachable('net.closed', f'{self.server}: the event stream was lost within an event')
            text = line.rstrip(b'\r\n').decode('utf-8', errors='replace')
            if text == '':
                if identity is not None or data:
                    yield identity, '\n'.join(data)
                identity, data, size = None, [], 0
            elif not text.startswith(':'):
                name, _, value = text.partition(':')
                value = value[1:] if value.startswith(' ') else value
                if name == 'data':
                    data.append(value)
                elif name == 'id' and '\0' not in value:
                    identity = value


def _retry_after(response: http.client.HTTPResponse) -> float:
    try:
        wait = float(response.headers.get('Retry-After') or 1)
    except ValueError:
        return 1.0
    return max(wait, 0.1) if math.isfinite(wait) else 1.0
