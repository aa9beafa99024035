// The cells of a layer's variant: one per frame, or one per group of frames where there are too many to tell apart.
// What is published or committed comes from the list of files, what is at work from live attempts and leases, what
// failed from ended attempts; everything else waits.
import { parseFrames } from './frames';
import type { Kind } from './states';
import type { Attempt, Frame, Job, Layer, PlanLayer, SlotLease } from './types';

export const kCellsMax = 1200;

export interface Cell {
  first: number; // frames first..last
  last: number;
  kind: Kind;
  fill: number; // 0..1 of the step loop, for running cells
  window: number | null; // of the plan's grid
  startsWindow: boolean;
  context: boolean; // also made, as clean start, by the window before: it joins two windows
  worker: string;
  attempt: string;
  title: string;
}

// Frames that window w is the first to write, and how far its context reaches into them.
export function windowOf(grid: PlanLayer['grid'], frame: number): { window: number; isContext: boolean } | null {
  if (!grid) return null;
  const stride = grid.window_frames - grid.context_frames;
  if (stride <= 0) return null;
  // Window w writes origin + context + w * stride onwards; window 0 writes its context, too.
  const window = Math.max(0, Math.floor((frame - grid.origin - grid.context_frames) / stride));
  if (window >= grid.windows) return { window: grid.windows - 1, isContext: false };
  // The last frames of a window are what the next one starts from.
  const next = grid.origin + (window + 1) * stride;
  return { window, isContext: window + 1 < grid.windows && frame >= next };
}

export interface CellInputs {
  job: Job;
  layer: Layer;
  plan: PlanLayer | undefined;
  variant: number;
  frames: Frame[];
  attempts: Attempt[];
  leases: { lease: SlotLease; worker: string }[];
}

interface Mark {
  kind: Kind;
  fill: number;
  worker: string;
  attempt: string;
}

// The frames that the layer writes; a movie or a sheet has none and gets one cell.
export function framesOfLayer(plan: PlanLayer | undefined, variant: number): number[] {
  const texts = (plan?.phases ?? []).filter((phase) => phase.variant === variant && phase.frames !== '');
  return texts.length > 0 ? parseFrames(texts[texts.length - 1]!.frames) : [];
}

// A window that is being denoised fills as its steps pass; decoding is its last stretch.
export function fillOf(lease: SlotLease): number {
  if (lease.phase === 'decode') return 0.9;
  if (lease.steps <= 0) return 0.5;
  return Math.min(1, lease.step / lease.steps) * (lease.phase === 'denoise' ? 0.9 : 1);
}

function marksOf(inputs: CellInputs): Map<number, Mark> {
  const { layer, variant, plan } = inputs;
  const mine = <T extends { layer: string; variant: number }>(item: T) =>
    item.layer === layer.name && item.variant === variant;
  const marks = new Map<number, Mark>();
  const bad = layer.failed > 0 || inputs.job.state === 'failed';
  for (const attempt of inputs.attempts.filter(mine)) {
    const failed = !attempt.live && attempt.outcome !== 'ok' && bad;
    if (!attempt.live && !failed) continue;
    const mark: Mark = {
      kind: failed ? 'failed' : 'running',
      fill: 0,
      worker: attempt.worker,
      attempt: attempt.id,
    };
    // A live attempt may hold more than it works on: its frames wait there, marked by the lease below.
    if (failed) for (const frame of parseFrames(attempt.frames)) marks.set(frame, mark);
  }
  for (const { lease, worker } of inputs.leases) {
    if (lease.job !== inputs.job.id || !mine(lease)) continue;
    const mark: Mark = { kind: 'running', fill: fillOf(lease), worker, attempt: lease.attempt };
    for (const frame of framesOfTask(plan, lease, inputs.attempts)) marks.set(frame, mark);
  }
  for (const frame of inputs.frames.filter(mine)) {
    if (frame.frame === null) continue;
    const done = frame.state === 'published' || frame.state === 'committed';
    if (done) marks.set(frame.frame, { kind: 'done', fill: 1, worker: '', attempt: frame.attempt });
  }
  return marks;
}

// The frames of the one task that a lease is at. Windows follow from the grid, single frames from the phase's list.
export function framesOfTask(plan: PlanLayer | undefined, lease: SlotLease, attempts: Attempt[]): number[] {
  const grid = plan?.grid;
  const frames = framesOfLayer(plan, lease.variant);
  if (grid && (lease.phase === 'denoise' || lease.phase === 'decode'))
    return frames.filter((frame) => windowOf(grid, frame)?.window === lease.task);
  const phase = plan?.phases.find((each) => each.kind === lease.phase && each.variant === lease.variant);
  if (phase && phase.tasks === frames.length) return frames.slice(lease.task, lease.task + 1);
  const attempt = attempts.find((each) => each.id === lease.attempt);
  return attempt ? parseFrames(attempt.frames) : [];
}

const kWorst: Kind[] = ['failed', 'running', 'attention', 'waiting', 'paused', 'cancelled', 'done'];

export function cellsOf(inputs: CellInputs, most = kCellsMax): Cell[] {
  const frames = framesOfLayer(inputs.plan, inputs.variant);
  const marks = marksOf(inputs);
  const rest: Kind =
    inputs.job.state === 'cancelled' || inputs.layer.state === 'cancelled'
      ? 'cancelled'
      : inputs.job.state === 'paused'
        ? 'paused'
        : 'waiting';
  const size = Math.max(1, Math.ceil(frames.length / most));
  const cells: Cell[] = [];
  let window: number | null = null;
  for (let i = 0; i < frames.length; i += size) {
    const group = frames.slice(i, i + size);
    const of = group.map((frame) => marks.get(frame) ?? { kind: rest, fill: 0, worker: '', attempt: '' });
    const kind = kWorst.find((each) => of.some((mark) => mark.kind === each)) ?? rest;
    const shown = of.find((mark) => mark.kind === kind)!;
    const place = windowOf(inputs.plan?.grid ?? null, group[0]!);
    cells.push({
      first: group[0]!,
      last: group[group.length - 1]!,
      kind,
      fill: size === 1 ? shown.fill : of.filter((mark) => mark.kind === 'done').length / of.length,
      window: place?.window ?? null,
      startsWindow: place !== null && place.window !== window && window !== null,
      context: size === 1 && (place?.isContext ?? false),
      worker: shown.worker,
      attempt: shown.attempt,
      title: '',
    });
    window = place?.window ?? null;
  }
  return cells;
}
