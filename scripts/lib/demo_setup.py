"""What the demo's farm is made of: directories, keys, tokens, configurations, and its three daemons."""
import json
import os
import pathlib
import secrets
import socket
import subprocess
import time

from farm_client import Client, FarmError
from farm_processes import Processes

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = 'configs/jobs/harbor.toml'


def toml_text(value):
    """A TOML string: as in JSON, but without JSON's surrogate pairs."""
    return json.dumps(str(value), ensure_ascii=False)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(('127.0.0.1', 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


class DemoFarm:
    def __init__(self, binaries, named_directory, directory, workers=('w1', 'w2')):
        self.named_bin = binaries
        self.bin = REPOSITORY / binaries
        self.named_directory = named_directory
        self.directory = pathlib.Path(directory)
        self.frames = self.directory / 'frames'
        self.private = self.directory / 'farm'
        self.logs = self.directory / 'logs'
        self.workers = list(workers)
        self.named_sample = SAMPLE
        self.server = self.client = None
        for path in (self.directory, self.frames, self.logs):
            path.mkdir(parents=True, exist_ok=True)
        self.private.mkdir(mode=0o700, exist_ok=True)
        self.private.chmod(0o700)
        self.processes = Processes(self.private / 'processes.json')

    # --- files --------------------------------------------------------------------------------------------------------
    def set_up(self):
        """Keys, tokens and configurations; keys and the job store of an earlier run are kept, ports are new."""
        http_port, worker_port = free_ports(2)
        self.server = f'http://127.0.0.1:{http_port}'
        for name in ['scheduler'] + self.workers:
            if not (self.private / f'{name}.key').exists():
                self.run_cli('keys', 'curve', str(self.private / f'{name}.key'))
        if not (self.private / 'token').exists():
            entry = self.run_cli('keys', 'token', '--principal', 'demo', '--role', 'admin', '--out', str(self.private / 'token'))
            self.write_private('tokens.toml', entry)
        if not (self.private / 'page.token').exists():  # for the dashboard: may look and change nothing
            entry = self.run_cli('keys', 'token', '--principal', 'producer', '--role', 'viewer',
                                 '--out', str(self.private / 'page.token'))
            self.write_private('tokens.toml', (self.private / 'tokens.toml').read_text() + entry)
        self.write_private('workers.keys', ''.join(self.public_key_line(name) for name in self.workers))
        marker = self.frames / '.framemill-root'
        if not marker.exists():
            marker.write_text(f'name = "main"\nid = "{secrets.token_hex(16)}"\n')
        (self.private / 'data').mkdir(mode=0o700, exist_ok=True)
        models = toml_text(REPOSITORY / 'models')
        self.write_private('scheduler.toml', f"""listen_http = "127.0.0.1:{http_port}"
listen_workers = "tcp://127.0.0.1:{worker_port}"
data_directory = "data"
key_file = "scheduler.key"
workers_file = "workers.keys"
tokens_file = "tokens.toml"
models = [{models}]
[roots]
main = {toml_text(self.frames)}
""")
        for index, name in enumerate(self.workers):
            self.write_private(f'{name}.toml', f"""name = "{name}"
scheduler = "tcp://127.0.0.1:{worker_port}"
scheduler_key_file = "scheduler.key.pub"
key_file = "{name}.key"
models = [{models}]
drain_timeout = "10s"
[roots]
main = {toml_text(self.frames)}
[[device]]
kind = "cpu"
name = "cpu0"
cpus = [{index % (os.cpu_count() or 1)}]
memory = "2GiB"
[[slot]]
name = "cpu0"
device = "cpu0"
threads = 1
""")
        self.client = Client(self.server, self.private / 'token')

    def public_key_line(self, name):
        kind, key = (self.private / f'{name}.key.pub').read_text().split()[:2]
        return f'{kind} {key} {name}\n'

    def write_private(self, name, text):
        path = self.private / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, 'w') as file:
            file.write(text)

    # --- programs -----------------------------------------------------------------------------------------------------
    def cli(self, *arguments):
        settings = ['--server', self.server, '--token-file', str(self.private / 'token')] if self.client else []
        return [str(self.bin / 'framemill'), *arguments, *settings]

    def run_cli(self, *arguments):
        done = subprocess.run(self.cli(*arguments), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"framemill {' '.join(arguments)}: exit status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def start_scheduler(self):
        self.processes.start('scheduler', [str(self.bin / 'framemill-scheduler'), '--config',
                                           str(self.private / 'scheduler.toml')], self.logs / 'scheduler.log')

    def start_worker(self, name):
        self.processes.start(name, [str(self.bin / 'framemill-worker'), '--config', str(self.private / f'{name}.toml')],
                             self.logs / f'{name}.log')

    def start(self):
        self.start_scheduler()
        for name in self.workers:
            self.start_worker(name)
        self.wait_until(self.client.ready, 20, 'the scheduler is not ready')
        self.wait_until(lambda: len(self.usable_workers()) == len(self.workers), 60, 'the workers have not joined')

    def usable_workers(self):
        try:
            return [w['name'] for w in self.client.workers()
                    if w['state'] == 'up' and any(slot['usable'] for slot in w['slots'])]
        except FarmError:
            return []

    def wait_until(self, condition, seconds, complaint):
        deadline = time.monotonic() + seconds
        while not condition():
            for name, status in self.processes.dead().items():
                log = self.logs / f'{name}.log'
                last = log.read_text(errors='replace').strip().splitlines()[-1:] or ['(it said nothing)']
                raise RuntimeError(f'{name} ended with status {status}: {last[0]} (log: {log})')
            if time.monotonic() > deadline:
                raise RuntimeError(f'{complaint} after {seconds} s; logs: {self.logs}')
            time.sleep(0.05)

    def submit(self, spec=REPOSITORY / SAMPLE, prompt=None, reproducibility=None):
        arguments = ['submit', str(spec), '-q']
        if prompt:
            arguments += ['--set', f'layer.boards.prompt={toml_text(prompt)}']
        if reproducibility:
            for layer in ('boards', 'hb_0010', 'hb_0020'):
                arguments += ['--set', f'layer.{layer}.reproducibility="{reproducibility}"']
        return int(self.run_cli(*arguments).strip())

    def write_pids(self):
        """For `kill $(cat DIR/farm/pids)`: the daemons end by SIGTERM and take their children with them."""
        pids = ' '.join(str(p.pid) for p in self.processes.running.values())
        self.write_private('pids', pids + '\n')
