#!/usr/bin/env python3
"""The units of systemd/ are well formed, and no more exposed than we say. usage: units_test.py

systemd-analyze judges them where they lie; a machine without it is left out (status 77).
"""
import pathlib
import re
import shutil
import subprocess
import sys

UNITS = pathlib.Path(__file__).resolve().parents[2] / 'systemd'
# Figures of `systemd-analyze security`: 0 is closed, 10 is open.
EXPOSURE_MAX = {'framemill-scheduler.service': 1.5, 'framemill-worker.service': 3.0, 'framemill-backup.service': 1.0}


def main():
    if shutil.which('systemd-analyze') is None:
        print('no systemd-analyze here')
        sys.exit(77)
    assert set(EXPOSURE_MAX) == {path.name for path in UNITS.glob('*.service')}, 'a unit without a figure'
    for name, most in EXPOSURE_MAX.items():
        done = subprocess.run(['systemd-analyze', 'security', '--offline=true', '--no-pager', str(UNITS / name)],
                              capture_output=True, text=True)
        found = re.search(r'Overall exposure level for \S+ ([0-9.]+)', done.stdout)
        assert found, done.stdout + done.stderr
        print(f'{name}: {found[1]} of at most {most}')
        assert float(found[1]) <= most, done.stdout
    for path in UNITS.glob('*.service'):
        text = path.read_text()
        if 'Restart=' in text:  # what a person has to mend, and what never gets up, ends as failed
            assert re.search(r'^RestartPreventExitStatus=78$', text, re.M), path
            assert not re.search(r'^StartLimitIntervalSec=0$', text, re.M), path


main()
