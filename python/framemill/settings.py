"""Where the scheduler is and whose token is used: the same settings as those of the command line, weakest first:
~/.config/framemill/config.toml, FRAMEMILL_SERVER and FRAMEMILL_TOKEN_FILE, arguments."""
from __future__ import annotations

import dataclasses
import importlib
import os
import pathlib
import re
import stat
import sys
from typing import Any, Dict, Mapping, Optional, Union

from .errors import ConfigurationError

DEFAULT_SERVER = 'http://127.0.0.1:8750'
_TOKEN_BYTES_MAX = 4096
_CONFIG_BYTES_MAX = 256 << 10


@dataclasses.dataclass(frozen=True)
class Settings:
    server: str
    token: str = dataclasses.field(repr=False)


def _home(path: str, environment: Mapping[str, str]) -> str:
    return environment.get('HOME', '') + path[1:] if path.startswith('~/') else path


def _directory(environment: Mapping[str, str]) -> pathlib.Path:
    base = environment.get('XDG_CONFIG_HOME', '')
    if base.startswith('/'):
        return pathlib.Path(base) / 'framemill'
    return pathlib.Path(environment.get('HOME', '/')) / '.config' / 'framemill'


def _top_level_strings(text: str, file: pathlib.Path) -> Dict[str, str]:
    """The strings before the first table of a TOML file: all that is needed where Python has no reader for TOML."""
    found: Dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.startswith('['):
            break
        entry = re.fullmatch(r'''(server|token_file)\s*=\s*(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?''', line)
        if entry:
            found[entry.group(1)] = entry.group(2) if entry.group(2) is not None else entry.group(3)
        elif re.match(r'(server|token_file)\b', line):
            raise ConfigurationError('config.syntax', f'{file}:{number}: not a plain string in quotes')
    return found


def _read_config(file: pathlib.Path) -> Dict[str, str]:
    try:
        with open(file, 'rb') as stream:
            text = stream.read(_CONFIG_BYTES_MAX + 1).decode('utf-8')
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError('config.unreadable', f'{file}: {error}') from error
    if sys.version_info < (3, 11):
        return _top_level_strings(text, file)
    tomllib: Any = importlib.import_module('tomllib')
    try:
        table = tomllib.loads(text)
    except ValueError as error:
        raise ConfigurationError('config.syntax', f'{file}: {error}') from error
    found: Dict[str, str] = {}
    for key in ('server', 'token_file'):
        value = table.get(key)
        if value is not None and not isinstance(value, str):
            raise ConfigurationError('config.wrong_type', f'{file}: {key} is not a string', field=key)
        if value is not None:
            found[key] = value
    return found


def read_token(path: Union[str, 'os.PathLike[str]']) -> str:
    """The token in a file that belongs to this user and that nobody else can read."""
    try:
        with open(path, 'rb') as stream:
            facts = os.fstat(stream.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise ConfigurationError('token.permissions', f'{path} is not a plain file')
            if facts.st_uid != os.geteuid():
                raise ConfigurationError('token.permissions', f'{path} belongs to another user',
                                         hint='use a file of your own')
            if facts.st_mode & 0o077:
                raise ConfigurationError('token.permissions', f'{path} can be used by others',
                                         hint=f'chmod 600 {path}')
            token = stream.read(_TOKEN_BYTES_MAX + 1).decode('ascii', errors='replace').rstrip('\r\n')
    except OSError as error:
        raise ConfigurationError('token.missing', f'{path}: {error.strerror}',
                                 hint='give token_file, or set FRAMEMILL_TOKEN_FILE') from error
    if not token or len(token) > _TOKEN_BYTES_MAX or any(not '\x20' < c < '\x7f' for c in token):
        raise ConfigurationError('token.format', f'{path} should hold one line with the token')
    return token


def load_settings(server: Optional[str] = None, token_file: Union[str, 'os.PathLike[str]', None] = None,
                  environment: Optional[Mapping[str, str]] = None) -> Settings:
    env = os.environ if environment is None else environment
    directory = _directory(env)
    config = _read_config(directory / 'config.toml')
    chosen = server or env.get('FRAMEMILL_SERVER') or config.get('server') or DEFAULT_SERVER
    file: Union[str, 'os.PathLike[str]', None] = (token_file or env.get('FRAMEMILL_TOKEN_FILE') or
                                                  config.get('token_file'))
    if file is None and (directory / 'token').exists():
        file = directory / 'token'
    token = read_token(_home(os.fspath(file), env)) if file is not None else ''
    return Settings(chosen.rstrip('/'), token)
