#!/usr/bin/env python3
"""How often the forecasts of a real farm hold: small command jobs on real workers, whose programs sleep as long as they
draw, compared with what people were told.

usage: eta_calibration.py BIN_DIRECTORY [--jobs 200] [--workers 4] [--mean 1.0] [--seed 1]

Jobs of 2 to 12 frames come in bursts, with priorities from 30 to 70 and deadlines. Every second the list of jobs is read;
of what a job was told one estimate is kept, each with equal chance, and compared with when the job was done. Prints how
many were ready by p50 and p90, how wide the forecasts were, and the Brier score of the deadlines.
"""
import argparse
import datetime
import json
import math
import pathlib
import random
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / 'scripts/lib'))
from demo_setup import DemoFarm  # noqa: E402
from farm_client import FarmError  # noqa: E402

SPEC = """api = "framemill/v1"
name = "j{number}"
show = "{show}"
shot = "sh{number}"
priority = {priority}
deadline = {deadline}
[[layer]]
name = "run"
kind = "command"
argv = ["{program}", "{{output}}", "{scale:.3f}"]
frames = "1-{frames}"
output = "j{number}/v{{version:03}}/out.{{frame:04}}.txt"
"""

# Sleeps for its job's scale times a draw: mostly near one, now and then three times as long.
TOOL = """#!/usr/bin/env python3
import random, sys, time
time.sleep(float(sys.argv[2]) * random.lognormvariate(0, 0.3) * (3 if random.random() < 0.05 else 1))
open(sys.argv[1], 'w').write('x')
"""


def unix(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()


class Told:
    """One of the estimates of a job, each with equal chance."""

    def __init__(self):
        self.kept, self.seen = None, 0

    def add(self, forecast, now, draw):
        self.seen += 1
        if draw.random() * self.seen <= 1:
            self.kept = (now, unix(forecast['ready_p50']), unix(forecast['ready_p90']), forecast['on_time'])


class Calibration:
    def __init__(self, farm, place, arguments):
        self.farm, self.place, self.draw = farm, place, random.Random(arguments.seed)
        self.arguments, self.told, self.submitted = arguments, {}, 0

    def submit_one(self):
        number, draw = self.submitted, self.draw
        frames = draw.randint(2, 12)
        ahead = draw.uniform(5, 20 + 2.5 * self.arguments.mean * frames)
        deadline = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ahead)
        spec = self.place / 'job.toml'
        spec.write_text(SPEC.format(number=number, show=draw.choice(['atlas', 'harbor']), frames=frames,
                                    priority=draw.choice([30, 50, 50, 70]), program=draw.choice(['grain', 'comp']),
                                    deadline=deadline.isoformat(timespec='milliseconds'),
                                    scale=self.arguments.mean * draw.uniform(0.6, 1.6)))
        self.told[self.farm.submit(spec=spec)] = Told()
        self.submitted += 1

    def run(self):
        wanted, next_burst = self.arguments.jobs, 0
        while True:
            live = list(self.farm.client.pages('/api/v1/jobs?live=true'))
            now = time.time()
            for job in live:
                if job['forecast']['state'] == 'estimated' and job['id'] in self.told:
                    self.told[job['id']].add(job['forecast'], now, self.draw)
            if self.submitted == wanted and not live:
                return
            if self.submitted < wanted and now >= next_burst and len(live) < 3 * self.arguments.workers:
                for _ in range(min(self.draw.randint(1, 6), wanted - self.submitted)):
                    self.submit_one()
                next_burst = now + self.draw.uniform(1, 8)
            time.sleep(1)

    def figures(self):
        judged, by_p50, by_p90, width, brier, deadlines = 0, 0, 0, 0.0, 0.0, 0
        for job in self.farm.client.pages('/api/v1/jobs'):
            told = self.told.get(job['id'])
            if told is None or told.kept is None or job['state'] != 'done':
                continue
            now, p50, p90, on_time = told.kept
            finished = unix(job['finished'])
            judged += 1
            by_p50 += finished <= p50
            by_p90 += finished <= p90
            width += math.log(max(p90 - now, 0.1) / max(p50 - now, 0.1))
            if on_time is not None:
                deadlines += 1
                brier += (on_time - (finished <= unix(job['deadline']))) ** 2
        return {'jobs': judged, 'by_p50': by_p50 / judged, 'by_p90': by_p90 / judged,
                'p90_over_p50': math.exp(width / judged), 'brier': brier / max(deadlines, 1)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('binaries')
    parser.add_argument('--jobs', type=int, default=200)
    parser.add_argument('--workers', type=int, default=4)
    parser.add_argument('--mean', type=float, default=1.0, help='seconds of a frame')
    parser.add_argument('--seed', type=int, default=1)
    arguments = parser.parse_args()
    names = tuple(f'w{i}' for i in range(arguments.workers))
    with tempfile.TemporaryDirectory(prefix='framemill-eta-') as temporary:
        place = pathlib.Path(temporary)
        farm = DemoFarm(pathlib.Path(arguments.binaries).resolve(), temporary, temporary, names)
        tool = place / 'tool'
        tool.write_text(TOOL)
        tool.chmod(0o755)
        try:
            farm.set_up()
            for name in names:
                toml = (farm.private / f'{name}.toml').read_text()
                farm.write_private(f'{name}.toml', toml + f'[commands]\ngrain = {json.dumps(str(tool))}\n'
                                                          f'comp = {json.dumps(str(tool))}\n'
                                                          '[confinement]\nmode = "best_effort"\n')
            farm.start()
            calibration = Calibration(farm, place, arguments)
            calibration.run()
            found = calibration.figures()
        except FarmError as error:
            sys.exit(f'eta_calibration: {error}')
        finally:
            farm.processes.stop_all()
    print(f"{found['jobs']} jobs: {100 * found['by_p50']:.1f} % ready by p50, {100 * found['by_p90']:.1f} % by p90; "
          f"p90 is {found['p90_over_p50']:.2f} times p50; Brier score of deadlines {found['brier']:.3f}")


main()
