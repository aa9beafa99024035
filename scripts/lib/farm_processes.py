"""The processes of a small farm on this machine: started, found again by pid and start time, stopped without leftovers."""
import json
import os
import pathlib
import signal
import subprocess
import time


def start_time(pid):
    """Clock ticks since boot at which the process started (field 22 of /proc/PID/stat), or None when it is gone."""
    try:
        text = pathlib.Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return None
    fields = text[text.rindex(')') + 2:].split()
    return None if fields[0] == 'Z' else int(fields[19])


class Processes:
    """Named processes whose pids stand in a file, so that a later run finds what a killed one left behind."""

    def __init__(self, record):
        self.record = pathlib.Path(record)
        self.running = {}  # name -> Popen

    def stop_leftovers(self, kept=False):
        """Ends what an earlier run recorded and what still is that very process; returns their names. What was kept on
        purpose ends by SIGTERM, what a killed run left behind by SIGKILL."""
        try:
            entries = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return []
        alive = lambda: [e for e in entries if start_time(e['pid']) == e['start_time']]
        found = [entry['name'] for entry in alive()]
        for number, seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 5))[0 if kept else 1:]:
            for entry in alive():
                kill_group(entry['pid'], number)
            deadline = time.monotonic() + seconds
            while alive() and time.monotonic() < deadline:
                time.sleep(0.05)
        self.record.unlink(missing_ok=True)
        return found

    def start(self, name, argv, log, environment=None):
        with open(log, 'ab') as output:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       start_new_session=True, env=environment)
        self.running[name] = process
        self.write_record()
        return process

    def write_record(self):
        entries = [{'name': name, 'pid': p.pid, 'start_time': start_time(p.pid)} for name, p in self.running.items()]
        temporary = self.record.with_suffix('.tmp')
        temporary.write_text(json.dumps(entries))
        temporary.replace(self.record)

    def pause(self, name):
        self.running[name].send_signal(signal.SIGSTOP)

    def resume(self, name):
        self.running[name].send_signal(signal.SIGCONT)

    def kill(self, name):
        """kill -9, as a power cut would: nothing of the process gets to say goodbye."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.write_record()
        return process.pid

    def dead(self):
        """Names of processes that ended by themselves, with their exit statuses."""
        return {name: p.returncode for name, p in self.running.items() if p.poll() is not None}

    def stop_all(self, seconds=15):
        """SIGTERM, workers first; then SIGKILL for what does not end in time."""
        order = sorted(self.running, key=lambda name: name == 'scheduler')
        for name in order:
            if self.running[name].poll() is None:
                self.running[name].send_signal(signal.SIGTERM)
        quick = time.monotonic() + 0.5
        while time.monotonic() < quick and any(p.poll() is None for p in self.running.values()):
            time.sleep(0.02)
        for name in order:
            if self.running[name].poll() is None and name != 'scheduler':
                self.running[name].send_signal(signal.SIGTERM)  # a second one: do not wait for windows in flight
        deadline = time.monotonic() + seconds
        for name in order:
            process = self.running[name]
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                kill_group(process.pid, signal.SIGKILL)
                process.wait()
        self.running.clear()
        self.record.unlink(missing_ok=True)


def kill_group(pid, number):
    for kill in (lambda: os.killpg(pid, number), lambda: os.kill(pid, number)):
        try:
            kill()
        except (ProcessLookupError, PermissionError):
            pass


def processes_of(directory):
    """Pids of processes that work in the directory or name it on their command line: daemons, executors, their children."""
    directory = str(pathlib.Path(directory).resolve())
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        if not entry.name.isdigit() or int(entry.name) in (os.getpid(), os.getppid()):
            continue
        try:
            arguments = (entry / 'cmdline').read_bytes().decode(errors='replace').split('\0')
            working = os.readlink(entry / 'cwd')
            program = os.readlink(entry / 'exe')
        except OSError:
            continue
        ours = 'framemill' in pathlib.Path(program).name or 'ffmpeg' in pathlib.Path(program).name
        named = any(argument == directory or argument.startswith(directory + '/') or f'={directory}/' in argument
                    for argument in arguments)
        if (ours and named or working.startswith(directory + '/')) and start_time(int(entry.name)) is not None:
            found.append(int(entry.name))
    return found
