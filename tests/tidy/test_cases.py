#!/usr/bin/env python3
"""Every test case of every test program is one that ctest runs, by its own name. usage: test_cases.py CTEST BUILD

ctest learns the names from the programs and hands them back as filters: a name with a ';' is split on the way, and its
halves match nothing.
"""
import json
import pathlib
import subprocess
import sys


def listed_by(program):
    # Catch2 exits with the number of names it lists.
    lines = subprocess.run([program, '--list-test-names-only'], capture_output=True, text=True).stdout.splitlines()
    return [line for line in lines if line.strip()]


def main():
    ctest, build = sys.argv[1], pathlib.Path(sys.argv[2])
    shown = json.loads(subprocess.run([ctest, '--test-dir', build, '--show-only=json-v1'], capture_output=True,
                                      text=True, check=True).stdout)
    run_by_ctest = [(pathlib.Path(test['command'][0]).name, test['name'].split(':', 1)[-1].strip())
                    for test in shown['tests'] if test.get('command')]
    rooms = (build / 'test_programs.txt').read_text().split(';')
    bad, cases = [], 0
    for room in rooms:
        program = build / 'bin' / f'test_{room}'
        if not program.exists():
            bad.append(f'{program.name} is not built')
            continue
        names = [name.strip() for name in listed_by(program)]
        cases += len(names)
        known = [name for run, name in run_by_ctest if run == program.name]
        bad += [f'ctest does not run: {room}: {name}' for name in sorted(set(names) - set(known))]
        bad += [f'no such test case: {room}: {name}' for name in sorted(set(known) - set(names))]
        if len(known) != len(names):
            bad.append(f'{program.name} has {len(names)} test cases, ctest runs {len(known)}')
    print('\n'.join(bad))
    print(f'{len(rooms)} programs, {cases} test cases, {len(bad)} violations')
    return 1 if bad or cases < 100 else 0


sys.exit(main())
