#!/usr/bin/env python3
"""The Python client against servers that answer anything but what a scheduler would. usage: hostile_test.py"""
import asyncio
import contextlib
import json
import os
import pathlib
import socket
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'python'))
import framemill  # noqa: E402
from framemill import transport  # noqa: E402


def reply(body, status='200 OK', headers=''):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f'HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n{headers}\r\n'
    return head.encode() + data


def stream(text):
    return b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n' + text.encode()


def event(identity, **fields):
    body = {'type': 'job', 'what': 'JobQueued', 'job': 1, 'layer': None, 'worker': None, 'time': 't', 'detail': '',
            **fields}
    return f'id: {identity}\nevent: {body["type"]}\ndata: {json.dumps(body)}\n\n'


JOB = {'id': 1, 'name': 'j', 'show': 's', 'sequence': '', 'shot': 'a', 'principal': 'ana', 'tags': [], 'version': 1,
       'state': 'running', 'condition': None, 'priority': 50, 'submitted': 't', 'started': None, 'finished': None,
       'tasks': {'leased': 1}, 'frames': 1, 'frames_published': 0, 'eta_ms': None, 'layers': [], 'failures': []}


class Server:
    """Each connection gets the next answer (bytes), or None: closed without one; the last answer is repeated."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.url = 'http://127.0.0.1:%d' % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                request = b''
                while b'\r\n\r\n' not in request:
                    if not (piece := connection.recv(65536)):
                        break
                    request += piece
                self.requests.append(request.decode('latin-1'))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if answer is not None:
                    connection.sendall(answer)


class Base(unittest.TestCase):
    def client(self, *answers, **options):
        self.server = Server(*answers)
        self.addCleanup(self.server.socket.close)
        return framemill.Client(self.server.url, token='secret', **options)


class Replies(Base):
    def test_what_is_no_reply_of_a_scheduler_is_a_bad_reply(self):
        for answer in (reply(b'<html>'), reply([1]), reply(b'[' * 100_000), reply({}), reply(b'\xff\xfe'),
                       reply({**JOB, 'id': 'one'}), reply({**JOB, 'id': True}), reply({**JOB, 'tags': [1]}),
                       reply({**JOB, 'tasks': [1]}), reply({**JOB, 'layers': [{}]}), b'SSH-2.0-OpenSSH_9\r\n\r\n',
                       b'HTTP/1.1 200 OK\r\n' + b'X: y\r\n' * 5000 + b'\r\n'):
            with self.subTest(answer[:80]), self.assertRaises(framemill.BadReply):
                self.client(answer).job(1)

    def test_fields_that_are_not_known_are_kept_and_do_no_harm(self):
        job = self.client(reply({**JOB, 'new': {'deep': 1}})).job(1)
        self.assertEqual((job.id, job.raw['new'], job.is_final), (1, {'deep': 1}, False))

    def test_a_lost_connection_is_unreachable(self):
        for answer in (None, b'', b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": 1',
                       b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"id"'):
            with self.subTest(answer), self.assertRaises(framemill.Unreachable):
                self.client(answer).job(1)
        closed = Server(None)
        closed.socket.close()
        with self.assertRaises(framemill.Unreachable):
            framemill.Client(closed.url, token='t').job(1)

    def test_a_silent_server_costs_the_timeout_and_no_more(self):
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        with self.assertRaises(framemill.Unreachable):
            framemill.Client('http://127.0.0.1:%d' % listener.getsockname()[1], token='t', timeout=0.3).job(1)

    def test_a_reply_without_an_end_is_given_up(self):
        kept, transport.REPLY_BYTES_MAX = transport.REPLY_BYTES_MAX, 1 << 20
        self.addCleanup(setattr, transport, 'REPLY_BYTES_MAX', kept)
        with self.assertRaises(framemill.BadReply) as caught:
            self.client(b'HTTP/1.1 200 OK\r\n\r\n' + b'x' * (2 << 20)).job(1)
        self.assertEqual(caught.exception.code, 'http.too_large')

    def test_a_redirect_is_not_followed_with_the_token(self):
        other = Server(reply(JOB))
        self.addCleanup(other.socket.close)
        with self.assertRaises(framemill.ServerError) as caught:
            self.client(reply({}, '302 Found', f'Location: {other.url}/\r\n')).job(1)
        self.assertEqual((caught.exception.status, other.requests), (302, []))

    def test_errors_are_classes_with_codes(self):
        said = {'code': 'x.y', 'message': 'm', 'field': 'f', 'hint': 'h'}
        for status, kind in (('401 U', framemill.NotAuthorised), ('403 F', framemill.NotAuthorised),
                             ('404 N', framemill.NotFound), ('409 C', framemill.Conflict),
                             ('500 I', framemill.ServerError), ('400 B', framemill.ServerError)):
            with self.subTest(status), self.assertRaises(kind) as caught:
                self.client(reply(said, status)).job(1)
            self.assertEqual((caught.exception.code, caught.exception.field, caught.exception.hint), ('x.y', 'f', 'h'))
        with self.assertRaises(framemill.SpecInvalid) as caught:
            self.client(reply({**said, 'code': 'spec.invalid', 'errors': [{'code': 'spec.bad_model', 'line': 3}, 7]},
                              '422 U')).submit('api = 1')
        self.assertEqual([(e.code, e.line, e.column) for e in caught.exception.errors], [('spec.bad_model', 3, None)])
        for odd in (b'', b'<html>', b'[1]', b'{"code": 7}'):
            with self.subTest(odd), self.assertRaises(framemill.ServerError) as caught:
                self.client(reply(odd, '500 I')).job(1)
            self.assertEqual(caught.exception.code, 'http.status_500')

    def test_a_busy_server_is_asked_again_after_the_time_it_names(self):
        busy = reply({'code': 'farm.busy', 'message': 'm'}, '503 S', 'Retry-After: 0.1\r\n')
        self.assertEqual(self.client(busy, busy, reply(JOB)).job(1).id, 1)
        self.assertEqual(len(self.server.requests), 3)
        with self.assertRaises(framemill.Busy):
            refusal = reply({'code': 'farm.busy', 'message': 'm'}, '429 T', 'Retry-After: 1e9\r\n')
            self.client(refusal).wait(1, patience=0)

    def test_pages_that_lead_in_circles_end(self):
        page = {'items': [JOB], 'next': '7'}
        with self.assertRaises(framemill.BadReply):
            list(self.client(reply(page)).jobs())
        self.assertEqual([job.id for job in self.client(reply({'items': [JOB], 'next': None})).jobs()], [1])

    def test_nothing_of_a_caller_ends_a_header_or_a_path(self):
        client = self.client(reply({}))
        for job in (0, -1, '1', True, '1/cancel', 1.5):
            with self.assertRaises(ValueError):
                client.job(job)
        with self.assertRaises(framemill.BadReply):
            client.drain('w1/../../jobs/1/cancel?x')
        self.assertIn('POST /api/v1/workers/w1%2F..%2F..%2Fjobs%2F1%2Fcancel%3Fx/drain HTTP', self.server.requests[0])


class Repeats(Base):
    def test_a_submit_whose_reply_is_lost_is_sent_again_under_the_same_key(self):
        done = {'job': 4, 'version': 1, 'repeated': True, 'warnings': []}
        submitted = self.client(None, reply(done, '200 OK')).submit({'api': 'framemill/v1'})
        self.assertEqual(submitted.job, 4)
        keys = [next(line for line in request.split('\r\n') if line.startswith('Idempotency-Key'))
                for request in self.server.requests]
        self.assertEqual(len(keys), 2)
        self.assertEqual(keys[0], keys[1])

    def test_wait_ends_on_every_final_state_and_bridges_lost_connections(self):
        for state in ('done', 'failed', 'cancelled'):
            client = self.client(reply(JOB), None, b'', reply({**JOB, 'state': state}))
            self.assertEqual(client.wait(1).state, state)
        failed = {**JOB, 'state': 'failed', 'failures': [{'code': 'timeout', 'message': 'too slow', 'count': 1,
                                                          'first_frame': 3, 'layer': 'a'}]}
        with self.assertRaises(framemill.JobFailed) as caught:
            self.client(reply(failed)).wait(1, check=True)
        self.assertIn('too slow [timeout]', str(caught.exception))
        self.assertEqual(caught.exception.job.failures[0].first_frame, 3)
        with self.assertRaises(framemill.JobCancelled):
            self.client(reply({**JOB, 'state': 'cancelled'})).wait(1, check=True)

    def test_wait_ends_when_time_or_patience_is_over_or_the_job_can_never_run(self):
        with self.assertRaises(framemill.WaitTimeout):
            self.client(reply(JOB)).wait(1, timeout=0.3)
        with self.assertRaises(framemill.Unreachable):
            self.client(None).wait(1, patience=0.3)
        never = {'job': 1, 'layer': 'a', 'frame': None, 'state': 'ready', 'sentence': 'no GPU', 'reasons': [],
                 'can_never_run': True}
        with self.assertRaises(framemill.CanNeverRun) as caught:
            self.client(reply({**JOB, 'tasks': {'leased': 0}}), reply(never)).wait(1)
        self.assertEqual(caught.exception.message, 'no GPU')

    def test_a_remake_of_published_files_is_waited_for(self):
        done = {**JOB, 'state': 'done'}
        client = self.client(reply({**done, 'remakes': [{'job': 2, 'state': 'running'}]}),
                             reply({**done, 'remakes': [{'job': 2, 'state': 'done'}]}))
        client.wait(1)
        self.assertEqual(len(self.server.requests), 2)


class Events(Base):
    def test_a_stream_that_breaks_anywhere_goes_on_after_the_last_whole_event(self):
        half = event('3.17-1')[:40]
        client = self.client(stream('id: 3.16-0\n\n: still here\n\n' + event('3.17-0') + half), None,
                             stream(event('3.17-1') + event('3.18-0', what='JobDone')))
        seen = []
        for item in client.events():
            seen.append(item.id)
            if item.what == 'JobDone':
                break
        self.assertEqual(seen, ['3.17-0', '3.17-1', '3.18-0'])
        resumed = [request.split('Last-Event-ID: ')[1].split('\r\n')[0] for request in self.server.requests[1:]]
        self.assertEqual(resumed, ['3.17-0', '3.17-0'])
        self.assertNotIn('Last-Event-ID', self.server.requests[0])

    def test_a_lone_id_is_where_a_stream_without_events_resumes(self):
        client = self.client(stream('id: 9.1-0\n\n'), stream(event('9.2-0')))
        self.assertEqual(next(client.events()).id, '9.2-0')
        self.assertIn('Last-Event-ID: 9.1-0', self.server.requests[1])

    def test_bad_events_are_bad_replies_and_an_event_without_an_end_too(self):
        for text in ('data: {\n\n', 'data: 7\n\n', 'data: {"type": 1}\n\n', 'data: ' + '[' * 100_000 + '\n\n'):
            with self.subTest(text[:30]), self.assertRaises(framemill.BadReply):
                next(self.client(stream(text)).events())
        with self.assertRaises(framemill.BadReply):
            next(self.client(reply(JOB)).events())
        kept, transport.EVENT_BYTES_MAX = transport.EVENT_BYTES_MAX, 1 << 16
        self.addCleanup(setattr, transport, 'EVENT_BYTES_MAX', kept)
        with self.assertRaises(framemill.BadReply):
            next(self.client(stream('data: x\n' * 20_000)).events())

    def test_a_refused_stream_is_not_asked_for_again(self):
        with self.assertRaises(framemill.NotAuthorised):
            next(self.client(reply({'code': 'auth.expired', 'message': 'm'}, '401 U')).events())
        self.assertEqual(len(self.server.requests), 1)

    def test_what_is_asked_on_connect_misses_nothing(self):
        client = self.client(stream('id: 9.1-0\n\n' + event('9.2-0')), stream(event('9.3-0')))
        connected = []
        stream_of_events = client.events(on_connect=lambda: connected.append(len(self.server.requests)))
        self.assertEqual([next(stream_of_events).id, next(stream_of_events).id], ['9.2-0', '9.3-0'])
        self.assertEqual(connected, [1, 2])


class Asynchronous(Base):
    def test_calls_run_beside_the_loop_and_errors_arrive(self):
        self.client(reply({**JOB, 'state': 'done'}))
        server, asked = self.server, framemill.AsyncClient(self.server.url, token='t')

        async def run():
            first, second = await asyncio.gather(asked.wait(1), asked.job(1))
            return first.state, second.id
        self.assertEqual(asyncio.run(run()), ('done', 1))
        self.assertEqual(len(server.requests), 2)
        self.client(reply({'code': 'job.unknown', 'message': 'm'}, '404 N'))
        with self.assertRaises(framemill.NotFound):
            asyncio.run(framemill.AsyncClient(self.server.url, token='t').job(1))

    def test_an_event_stream_may_be_left_at_any_time(self):
        self.client(stream(''.join(event(f'1.{i}-0') for i in range(500))))
        asked = framemill.AsyncClient(self.server.url, token='t')

        async def run():
            seen = []
            async for item in asked.events():
                seen.append(item.id)
                if len(seen) == 3:
                    break
            return seen
        self.assertEqual(asyncio.run(run()), ['1.0-0', '1.1-0', '1.2-0'])


class Settings(unittest.TestCase):
    def settings(self, config=None, token='secret\n', mode=0o600, environment=(), **arguments):
        with tempfile.TemporaryDirectory() as home:
            directory = pathlib.Path(home) / '.config/framemill'
            directory.mkdir(parents=True)
            if config is not None:
                (directory / 'config.toml').write_text(config)
            (directory / 'token').write_text(token)
            (directory / 'token').chmod(mode)
            return framemill.load_settings(environment={'HOME': home, **dict(environment)}, **arguments)

    def test_they_are_those_of_the_command_line(self):
        self.assertEqual(self.settings().server, 'http://127.0.0.1:8750')
        self.assertEqual(self.settings().token, 'secret')
        config = 'server = "http://farm:1"  # ours\ntoken_file = "~/.config/framemill/token"\n[roots]\nserver = "x"\n'
        self.assertEqual(self.settings(config), framemill.Settings('http://farm:1', 'secret'))
        self.assertEqual(self.settings(config, environment={'FRAMEMILL_SERVER': 'unix:/s'}).server, 'unix:/s')
        self.assertEqual(self.settings(config, server='http://a:2/').server, 'http://a:2')
        self.assertNotIn('secret', repr(self.settings()))

    def test_old_pythons_read_the_same_of_the_file(self):
        read = framemill.settings._top_level_strings
        text = 'models = ["/a"]\nserver = \'http://farm:1\'\ntoken_file = "t" # x\n[roots]\nserver = "y"\n'
        self.assertEqual(read(text, pathlib.Path('c')), {'server': 'http://farm:1', 'token_file': 't'})
        with self.assertRaises(framemill.ConfigurationError):
            read('server = """x"""\n', pathlib.Path('c'))

    def test_tokens_that_others_can_read_and_bad_settings_are_refused(self):
        wrong_type = 'config.wrong_type' if sys.version_info >= (3, 11) else 'config.syntax'
        for arguments, code in (({'mode': 0o644}, 'token.permissions'), ({'token': 'a b\n'}, 'token.format'),
                                ({'token': ''}, 'token.format'), ({'token': 'x\r\nHost: y'}, 'token.format'),
                                ({'config': 'server = 1\n'}, wrong_type), ({'config': 'server = "'}, 'config.syntax'),
                                ({'environment': {'FRAMEMILL_TOKEN_FILE': '/nowhere/token'}}, 'token.missing')):
            with self.subTest(arguments), self.assertRaises(framemill.ConfigurationError) as caught:
                self.settings(**arguments)
            self.assertEqual(caught.exception.code, code)
        for server in ('farm', 'ftp://farm', 'http://', 'http://u:p@farm', 'http://farm/path', 'http://farm:99999',
                       'unix:x'):
            with self.subTest(server), self.assertRaises(framemill.ConfigurationError):
                framemill.Client(server, token='t')

    def test_a_unix_socket_is_spoken_to(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 's')
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen()

            def serve():
                connection, _ = listener.accept()
                connection.recv(65536)
                connection.sendall(reply(JOB))
                connection.close()
            threading.Thread(target=serve, daemon=True).start()
            self.assertEqual(framemill.Client('unix:' + path, token='t').job(1).id, 1)
            listener.close()


if __name__ == '__main__':
    unittest.main()
