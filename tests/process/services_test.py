#!/usr/bin/env python3
"""The scheduler as a service manager and a sysadmin meet it. usage: services_test.py BIN_DIRECTORY

Reloads succeed and fail with what they did; backups are made while it runs, restore as what they are, and damage on the
disk makes it not ready; what only a person can mend ends with status 78; a refused sign-in and who did what are in the
log. As root also: checks are made as the service's user, and root's own view never decides.
"""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402

SPEC = """api = "framemill/v1"
name = "served"
show = "test"
shot = "sh10"

[[layer]]
name = "paint"
kind = "command"
argv = ["paint", "{frame}", "{output}"]
frames = "1-4"
output = "paint/v{version:03}/p.{frame:04}.png"
"""
REASON = 'a reason that no other row has'


def until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return value


class Host:
    def __init__(self, binaries, place):
        self.farm = DemoFarm(binaries, place, place, ('w1',))
        self.farm.set_up()
        self.private = self.farm.private
        self.config = self.private / 'scheduler.toml'
        self.store = next(self.private.parent.rglob('jobs.db'), None)

    def scheduler(self, *arguments, user=None):
        command = [str(self.farm.bin / 'framemill-scheduler'), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, user=user,
                              extra_groups=[] if user else None)

    def verb(self, *arguments):
        return self.scheduler(*arguments, '--config', str(self.config))

    def start(self):
        self.farm.start_scheduler()
        self.farm.wait_until(self.farm.client.ready, 30, 'the scheduler is not ready')

    def stop(self):
        process = self.farm.processes.running.pop('scheduler')
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, 'the scheduler did not stop well'

    def log(self):
        return (self.farm.logs / 'scheduler.log').read_text()


def data_directory(host):
    for line in host.config.read_text().splitlines():
        if line.startswith('data_directory'):
            return pathlib.Path(host.config.parent, line.split('"')[1])
    raise AssertionError('no data_directory')


def reloads(host):
    done = host.verb('reload')
    assert done.returncode == 0 and '1 worker keys' in done.stdout and '2 tokens' in done.stdout, done
    tokens = host.private / 'tokens.toml'
    known = tokens.read_text()
    tokens.write_text(known + '[[token]]\nprincipal =\n')
    done = host.verb('reload')
    assert done.returncode == 1 and 'reload.refused' in done.stderr and 'tokens.toml' in done.stderr, done
    assert '1 worker keys' in done.stdout, done  # the other file was taken
    host.farm.client.get('/api/v1/jobs')  # the tokens that were in force still are
    tokens.write_text(known)
    assert host.verb('reload').returncode == 0
    # Settings are read at the start: what was changed is named, and a slip is found before the next start.
    settings = host.config.read_text()
    host.config.write_text('lease_ttl = "90s"\n' + settings)
    done = host.verb('reload')
    assert done.returncode == 0 and 'restart the scheduler to use what was changed: lease_ttl' in done.stdout, done
    host.config.write_text('lease_ttl = "90 parsecs"\n' + settings)
    done = host.verb('reload')
    assert done.returncode != 0, done
    host.config.write_text(settings)


def sign_ins(host):
    for _ in range(5):
        request = urllib.request.Request(host.farm.server + '/api/v1/jobs')
        request.add_header('Authorization', 'Bearer wrong')
        try:
            urllib.request.urlopen(request, timeout=10)
            raise AssertionError('a wrong token gets in')
        except urllib.error.HTTPError as error:
            assert error.code == 401
    until(lambda: 'auth.unknown' in host.log(), 10, 'a refused sign-in is not in the log')
    assert host.log().count('auth.unknown') == 1, 'five refusals of one address within a second are one line'
    spec = host.private / 'job.toml'
    spec.write_text(SPEC)
    job = host.farm.submit(spec=spec)
    done = subprocess.run(host.farm.cli('cancel', str(job), '--reason', REASON), capture_output=True, text=True)
    assert done.returncode == 0, done
    until(lambda: REASON in host.log(), 10, 'who cancelled and why is not in the log')
    [line] = [line for line in host.log().splitlines() if REASON in line]
    assert 'cancel' in line and f'job {job}' in line, line


def backups(host):
    done = host.verb('backup')
    assert done.returncode == 0 and 'the store is intact' in done.stdout, done
    [copy] = list((data_directory(host) / 'backups').glob('jobs-*.db'))
    assert str(copy) in done.stdout, done
    assert copy.stat().st_mode & 0o777 == 0o600
    assert host.scheduler('verify', str(copy)).returncode == 0
    assert host.verb('backup', '--check-only').returncode == 0
    assert len(list((data_directory(host) / 'backups').glob('jobs-*'))) == 2, 'the check left a copy'  # and the lock of verify
    return copy


def restore_drill(host, copy):
    store = data_directory(host) / 'jobs.db'
    host.stop()
    done = host.scheduler('restore', str(copy), str(store), '--reason', 'drill')
    assert done.returncode == 0, done
    assert host.scheduler('verify', str(store)).returncode == 0
    host.start()


def damage(host):
    """Bytes that the disk changes: found by the next backup, and said by /readyz until they are mended."""
    host.stop()
    host.start()  # the log is in the database now
    assert host.verb('backup', '--check-only').returncode == 0  # and all of it in memory
    store = data_directory(host) / 'jobs.db'
    whole = store.read_bytes()
    assert REASON.encode() in whole
    overwrite(store, whole.replace(REASON.encode(), REASON.upper().encode()))
    done = host.verb('backup')
    assert done.returncode == 78 and 'store.corrupt' in done.stderr, done
    assert not host.farm.client.ready(), 'ready with a damaged store'
    overwrite(store, whole)
    assert host.verb('backup').returncode == 0
    assert host.farm.client.ready()


def overwrite(path, contents):
    with open(path, 'r+b') as file:
        file.write(contents)


def needs_a_person(host):
    """What trying again cannot mend ends with status 78, at once, and --check-config says so before."""
    host.stop()
    store = data_directory(host) / 'jobs.db'
    whole = store.read_bytes()
    check = ('--check-config', '--config', str(host.config))
    run = ('--config', str(host.config))
    assert host.scheduler(*check).returncode == 0
    for contents, code in ((whole[:len(whole) // 2], 'store.corrupt'), (b'x' * 8192, 'store.not_a_store')):
        store.write_bytes(contents)
        for arguments in (check, run):
            done = host.scheduler(*arguments)
            assert done.returncode == 78 and code in done.stderr, (arguments, done)
        doctor = subprocess.run(host.farm.cli('doctor', '--config', str(host.config)), capture_output=True, text=True)
        assert doctor.returncode == 78 and code in doctor.stdout, doctor
    store.write_bytes(whole)
    text = host.config.read_text()
    for changed, code in ((text.replace('= "data"', '= "nowhere"'), 'config.data_directory'),
                          (text.replace('listen_http = "', 'listen_http = "unix:/nowhere/at/all.sock" # "'), 'net.bind')):
        assert changed != text
        host.config.write_text(changed)
        done = host.scheduler(*check)
        assert done.returncode == 78 and code in done.stderr, done
    host.config.write_text(text)
    assert host.scheduler(*check).returncode == 0


def faults(host, nobody):
    """What may be wrong with a farm of the user nobody: a name, how to break it, the code that must be found."""
    data = data_directory(host)
    store, key, tokens = data / 'jobs.db', host.private / 'scheduler.key', host.private / 'tokens.toml'
    text = host.config.read_text()
    whole = store.read_bytes()
    return [
        ('a key of root\'s', lambda: os.chown(key, 0, 0), 'keys.'),
        ('a key that others can read', lambda: os.chmod(key, 0o644), 'keys.permissions'),
        ('tokens that others can write', lambda: os.chmod(tokens, 0o666), 'tokens.permissions'),
        ('a data directory of root\'s', lambda: os.chown(data, 0, 0), 'config.data_directory'),
        ('a store of root\'s', lambda: os.chown(store, 0, 0), 'store.file'),
        ('a truncated store', lambda: overwrite_with(store, whole[:len(whole) // 2]), 'store.corrupt'),
        ('something else than a store', lambda: overwrite_with(store, b'x' * 8192), 'store.not_a_store'),
        ('a socket where nobody can make one',
         lambda: host.config.write_text('listen_http = "unix:/usr/framemill.sock"\n' + without(text, 'listen_http')),
         'net.bind'),
        ('a group that the user is not in',
         lambda: host.config.write_text(f'listen_http = "unix:{data}/http.sock"\nhttp_socket_group = "shadow"\n'
                                        + without(text, 'listen_http')), 'net.bind')]


def without(text, key):
    return ''.join(line for line in text.splitlines(True) if not line.startswith(key))


def overwrite_with(path, contents):
    path.write_bytes(contents)


def as_service_user(host, place):
    """A correct farm of a user of its own is correct in root's eyes, too; whatever is wrong with it gets one verdict,
    whether root asks or that user does; and no advice takes the farm down."""
    if os.geteuid() != 0:
        return
    nobody = pwd.getpwnam('nobody')
    os.chmod(place, 0o755)
    data = data_directory(host)
    snapshot = pathlib.Path(place) / 'snapshot'
    own(host.private, nobody)
    check = ['--check-config', '--config', str(host.config)]
    can_execute = subprocess.run([str(host.farm.bin / 'framemill-scheduler'), '--version'], user='nobody', extra_groups=[],
                                 capture_output=True).returncode == 0
    done = host.scheduler(*check, '--user', 'nobody')
    assert done.returncode == 0 and 'checked as the user nobody' in done.stdout, done
    shutil.copytree(host.private, snapshot)
    for name, break_it, code in faults(host, nobody):
        break_it()
        by_root = host.scheduler(*check, '--user', 'nobody')
        assert by_root.returncode == 78 and code in by_root.stderr, (name, by_root)
        assert 'chown 0' not in by_root.stderr, (name, by_root)
        if can_execute:
            by_user = host.scheduler(*check, user='nobody')
            assert (by_user.returncode, by_user.stderr) == (by_root.returncode, by_root.stderr), (name, by_user, by_root)
        doctor = subprocess.run(host.farm.cli('doctor', '--config', str(host.config), '--user', 'nobody'),
                                capture_output=True, text=True)
        assert doctor.returncode in (1, 78) and 'as this user' in doctor.stdout, (name, doctor)
        assert 'chown 0' not in doctor.stdout, (name, doctor)
        shutil.rmtree(host.private)
        shutil.copytree(snapshot, host.private)
        own(host.private, nobody)
    assert host.scheduler(*check, '--user', 'nobody').returncode == 0
    assert data.stat().st_uid == nobody.pw_uid


def own(directory, user):
    os.chmod(directory, 0o700)
    for path in [directory, *directory.rglob('*')]:
        os.chown(path, user.pw_uid, user.pw_gid)


def main():
    binaries = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix='framemill-services-') as temporary:
        host = Host(binaries, temporary)
        try:
            host.start()
            reloads(host)
            sign_ins(host)
            copy = backups(host)
            restore_drill(host, copy)
            damage(host)
            needs_a_person(host)
            as_service_user(host, temporary)
        finally:
            host.farm.processes.stop_all()


main()
