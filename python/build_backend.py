"""Builds the wheel of this directory: PEP 517 with the standard library alone, so that nothing has to be downloaded.

A wheel is a ZIP archive with the package and a directory of metadata (PEP 427); the package is pure Python, so one
archive serves every version. The same tree gives the same bytes.
"""
from __future__ import annotations

import base64
import hashlib
import io
import pathlib
import re
import tarfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent


def _setting(key: str) -> str:
    """A string of [project] in pyproject.toml; Python 3.9 has no reader for TOML."""
    found = re.search(rf'^{re.escape(key)} = "([^"]*)"$', (HERE / 'pyproject.toml').read_text(encoding='utf-8'), re.M)
    if found is None:
        raise RuntimeError(f'pyproject.toml has no {key}')
    return found.group(1)


def _metadata() -> str:
    return (f'Metadata-Version: 2.1\nName: {_setting("name")}\nVersion: {_setting("version")}\n'
            f'Summary: {_setting("description")}\nRequires-Python: {_setting("requires-python")}\n')


def _stem() -> str:
    return f'{_setting("name")}-{_setting("version")}'


def _write_wheel(directory: str, files: dict[str, bytes]) -> str:
    information = _stem() + '.dist-info'
    files[f'{information}/METADATA'] = _metadata().encode()
    files[f'{information}/WHEEL'] = (b'Wheel-Version: 1.0\nGenerator: framemill\nRoot-Is-Purelib: true\n'
                                     b'Tag: py3-none-any\n')
    record = ''
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()
        record += f'{name},sha256={digest},{len(data)}\n'
    files[f'{information}/RECORD'] = f'{record}{information}/RECORD,,\n'.encode()
    wheel = f'{_stem()}-py3-none-any.whl'
    with zipfile.ZipFile(pathlib.Path(directory) / wheel, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return wheel


def _sources() -> dict[str, bytes]:
    paths = sorted(p for p in (HERE / 'framemill').rglob('*') if p.suffix == '.py' or p.name == 'py.typed')
    return {path.relative_to(HERE).as_posix(): path.read_bytes() for path in paths}


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    return _write_wheel(wheel_directory, _sources())


def build_editable(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    return _write_wheel(wheel_directory, {'framemill.pth': f'{HERE}\n'.encode()})


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    name = f'{_stem()}.tar.gz'
    files = _sources()
    for own in ('pyproject.toml', 'build_backend.py'):
        files[own] = (HERE / own).read_bytes()
    files['PKG-INFO'] = _metadata().encode()
    with tarfile.open(pathlib.Path(sdist_directory) / name, 'w:gz') as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(f'{_stem()}/{path}')
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return name
