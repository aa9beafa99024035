#!/usr/bin/env python3
"""The cores ask nobody: their libraries may not call clocks, files, sockets, threads, random devices or the environment.

usage: purity.py LIBRARY.a...   (reads undefined symbols with nm)
"""
import re
import subprocess
import sys

FORBIDDEN = re.compile(
    r'^(clock_gettime|gettimeofday|time|nanosleep|usleep|sleep|open|openat|fopen|read|write|unlink|stat|socket|connect|'
    r'bind|listen|send|recv|poll|epoll_\w+|pthread_create|getenv|setenv|system|fork|execv\w*|getrandom|rand|srand|random)$'
    r'|std::chrono::_V2::\w+_clock::now|std::(basic_)?[io]?f?stream|std::random_device|std::thread::|std::filesystem::')


def undefined_symbols(library):
    out = subprocess.run(['nm', '-C', '--undefined-only', library], check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        match = re.match(r'\s+U (.+)$', line)
        if match:
            yield match.group(1)


def main():
    bad, seen = [], 0
    for library in sys.argv[1:]:
        for symbol in undefined_symbols(library):
            seen += 1
            name = symbol.split('@')[0]
            if FORBIDDEN.search(name if '(' in name else name.strip()):
                bad.append(f'{library}: {symbol}')
    print('\n'.join(sorted(set(bad))))
    print(f'{seen} undefined symbols, {len(bad)} forbidden')
    return 1 if bad or seen == 0 else 0


sys.exit(main())
