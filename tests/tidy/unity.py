#!/usr/bin/env python3
"""Checks that all files of a room compile as one unit, as the demo's quick build joins them: two unnamed namespaces of a
room that define one name would break that build only. Looks at syntax and types alone; makes no code."""
import re
import subprocess
import sys


def main() -> int:
    cmake, source, build = sys.argv[1:4]
    configured = subprocess.run(
        [cmake, "--preset", "release", "-S", source, "-B", build, "-DFRAMEMILL_UNITY=ON", "-DFRAMEMILL_UNITY_BATCH=0",
         "-DFRAMEMILL_PCH=OFF", "-DCMAKE_CXX_FLAGS_RELEASE=-fsyntax-only"],
        cwd=source, capture_output=True, text=True)
    if configured.returncode:
        print(configured.stdout, configured.stderr)
        return 1
    targets = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"], capture_output=True, text=True, check=True)
    units = re.findall(r"^(\S*/Unity/\S+\.o):", targets.stdout, re.MULTILINE)
    if len(units) < 10:
        print(f"only {len(units)} units found: this test no longer sees the rooms")
        return 1
    # Nothing is written, so every unit is checked again each time.
    built = subprocess.run(["ninja", "-C", build, "-k", "0", "-j", "2", *units], capture_output=True, text=True)
    for line in [line for line in built.stdout.splitlines() if " error: " in line][:50]:
        print(line)
    print(f"{len(units)} rooms")
    return built.returncode


if __name__ == "__main__":
    sys.exit(main())
