"""Job specs built in Python, with the spec's own words (docs/job-spec.md). What is left out is left out of the spec, so
that the scheduler's defaults hold; what is wrong is reported by the scheduler, every mistake at once.

    spec = JobSpec('first look', show='harbor', shot='hb_0010', layers=[
        generate('comp', model='demo-clips@1', prompt='red boat moving left', frames='1001-1096', plan='chain'),
        encode('cut', input=[from_layer('comp')]),
    ])
"""
from __future__ import annotations

import dataclasses
import json
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

API = 'framemill/v1'

Input = Dict[str, Any]


def _given(values: Mapping[str, object]) -> Dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value
            for key, value in values.items() if value is not None}


def from_layer(layer: str, *, variant: Optional[int] = None, frames: Optional[str] = None, name: Optional[str] = None,
               role: Optional[str] = None) -> Input:
    """Frames of another layer of the job."""
    return _given({'layer': layer, 'variant': variant, 'frames': frames, 'name': name, 'role': role})


def from_root(root: str, pattern: str, *, frames: Optional[str] = None, name: Optional[str] = None,
              role: Optional[str] = None) -> Input:
    """Files of a root: `pattern` with {frame} or {frame:04}, or one file."""
    return _given({'root': root, 'pattern': pattern, 'frames': frames, 'name': name, 'role': role})


@dataclasses.dataclass
class Needs:
    device: Optional[str] = None
    device_memory: Optional[str] = None
    host_memory: Optional[str] = None
    cpus: Optional[int] = None


@dataclasses.dataclass
class Layer:
    """Any layer; the functions below know the keys of each kind. `more` takes keys that this version does not know."""
    name: str
    kind: str
    shot: Optional[str] = None
    after: Optional[Sequence[str]] = None
    input: Optional[Sequence[Input]] = None
    retries: Optional[int] = None
    timeout: Optional[str] = None
    missing_after: Optional[str] = None
    needs: Optional[Needs] = None
    output: Optional[str] = None
    root: Optional[str] = None
    check: Optional[str] = None
    reproducibility: Optional[str] = None
    more: Dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> Dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != 'more'}
        if self.needs is not None:
            values['needs'] = _given(dataclasses.asdict(self.needs))
        return {**_given(values), **_given(self.more)}


def generate(name: str, *, model: str, prompt: Optional[str] = None, negative_prompt: Optional[str] = None,
             plan: Optional[str] = None, seed: Optional[int] = None, variants: Union[int, Sequence[int], None] = None,
             steps: Optional[int] = None, guidance: Optional[float] = None, format: Optional[str] = None,
             size: Optional[str] = None, window: Optional[int] = None, fps: Union[int, float, str, None] = None,
             frames: Optional[str] = None, shot_range: Optional[str] = None, handles: Optional[str] = None,
             chunk: Union[int, str, None] = None, **common: Any) -> Layer:
    """Frames that a model makes. `common`: the keys of every layer."""
    own = {'model': model, 'prompt': prompt, 'negative_prompt': negative_prompt, 'plan': plan, 'seed': seed,
           'variants': variants, 'steps': steps, 'guidance': guidance, 'format': format, 'size': size,
           'window': window, 'fps': fps, 'frames': frames, 'shot_range': shot_range, 'handles': handles,
           'chunk': chunk}
    return _layer(name, 'generate', own, common)


def command(name: str, argv: Sequence[str], *, needs_frames: Optional[str] = None, task: Optional[str] = None,
            size: Optional[str] = None, frames: Optional[str] = None, shot_range: Optional[str] = None,
            handles: Optional[str] = None, chunk: Union[int, str, None] = None, **common: Any) -> Layer:
    """Frames that a program of the studio makes."""
    own = {'argv': list(argv), 'needs_frames': needs_frames, 'task': task, 'size': size, 'frames': frames,
           'shot_range': shot_range, 'handles': handles, 'chunk': chunk}
    return _layer(name, 'command', own, common)


def encode(name: str, *, fps: Union[int, float, str, None] = None, codec: Optional[str] = None,
           scale: Optional[int] = None, burn_in: Optional[Sequence[str]] = None, **common: Any) -> Layer:
    """A movie of its inputs."""
    return _layer(name, 'encode', {'fps': fps, 'codec': codec, 'scale': scale, 'burn_in': burn_in}, common)


def sheet(name: str, *, every: Optional[int] = None, tile: Optional[int] = None, **common: Any) -> Layer:
    """A contact sheet of its inputs."""
    return _layer(name, 'sheet', {'every': every, 'tile': tile}, common)


_COMMON = {field.name for field in dataclasses.fields(Layer)} - {'name', 'kind'}


def _layer(name: str, kind: str, own: Dict[str, Any], common: Dict[str, Any]) -> Layer:
    unknown = sorted(set(common) - _COMMON)
    if unknown:
        raise TypeError(f'{kind}() got an unexpected keyword argument {unknown[0]!r}')
    more = {**own, **common.pop('more', {})}
    return Layer(name, kind, more=more, **common)


@dataclasses.dataclass
class JobSpec:
    name: str
    show: str
    layers: Sequence[Layer]
    sequence: Optional[str] = None
    shot: Optional[str] = None
    priority: Optional[int] = None
    deadline: Optional[str] = None
    tags: Optional[Sequence[str]] = None
    shot_range: Optional[str] = None
    fps: Union[int, float, str, None] = None
    handles: Optional[str] = None
    version: Union[int, str, None] = None
    more: Dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> Dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)
                  if field.name not in ('layers', 'more')}
        layers: List[Dict[str, Any]] = [layer.to_dict() for layer in self.layers]
        return {'api': API, **_given(values), **_given(self.more), 'layer': layers}

    def to_json(self, indent: Optional[int] = None) -> str:
        """What `framemill check` and `framemill submit` read, too."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False)
