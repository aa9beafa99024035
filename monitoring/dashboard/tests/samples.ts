// Jobs and workers for tests, with every field that the API always has.
import type {
  Attempt,
  Frame,
  Job,
  JobSummary,
  Layer,
  PlanLayer,
  SlotLease,
  TaskCounts,
  Worker,
} from '../src/lib/types';

export const noForecast = {
  state: 'pending' as const,
  ready_p50: null,
  ready_p90: null,
  later_than: null,
  on_time: null,
  progress: null,
  reason: '',
};
export const noTasks: TaskCounts = {
  waiting: 0,
  ready: 0,
  leased: 0,
  committed: 0,
  published: 0,
  failed: 0,
  quarantined: 0,
  cancelled: 0,
};
export function job(id: number, changes: Partial<JobSummary> = {}): JobSummary {
  return {
    id,
    remake_of: null,
    name: 'beauty',
    show: 'harbor',
    sequence: 'hb',
    shot: `hb_${id}`,
    principal: 'ana',
    share: 'harbor/ana',
    deadline: null,
    deadline_at_risk: false,
    tags: [],
    version: 1,
    state: 'running',
    condition: null,
    priority: 50,
    submitted: '2026-12-01T10:00:00.000Z',
    started: '2026-12-01T10:01:00.000Z',
    finished: null,
    tasks: { ...noTasks, ready: 10 },
    frames: 10,
    frames_published: 0,
    eta_ms: null,
    ...changes,
  };
}
export function layer(changes: Partial<Layer> = {}): Layer {
  return {
    index: 0,
    name: 'boards',
    kind: 'generate',
    shot: 'hb_1',
    state: 'running',
    condition: null,
    tasks: { ...noTasks },
    frames: 10,
    frames_published: 0,
    windows: 2,
    variants: 1,
    tries_charged: 0,
    retried: 0,
    failed: 0,
    eta_ms: null,
    ...changes,
  };
}
export function detail(changes: Partial<Job> = {}): Job {
  return {
    ...job(1),
    awaits: [],
    holds: [],
    last_change: { principal: 'ana', time: null, reason: '' },
    layers: [layer()],
    failures: [],
    missing_inputs: [],
    remakes: [],
    outputs: [],
    model_loads: 0,
    attempts: 0,
    retries: 0,
    windows_run_twice: 0,
    device_us: 0,
    ...changes,
  };
}
export function plan(changes: Partial<PlanLayer> = {}): PlanLayer {
  return {
    index: 0,
    name: 'boards',
    kind: 'generate',
    shot: 'hb_1',
    size: null,
    seeds: [7],
    grid: { origin: 1, window_frames: 6, context_frames: 2, windows: 2 },
    phases: [
      { index: 0, kind: 'denoise', variant: 0, tasks: 2, frames: '' },
      { index: 1, kind: 'decode', variant: 0, tasks: 2, frames: '1-10' },
    ],
    ...changes,
  };
}
export function frame(number: number, changes: Partial<Frame> = {}): Frame {
  return {
    layer: 'boards',
    variant: 0,
    seed: 7,
    frame: number,
    kind: 'frame',
    state: 'published',
    root: 'main',
    path: 'x',
    size_bytes: 1,
    sha256: '',
    samples_sha256: null,
    device_class: '',
    attempt: '1-1',
    ...changes,
  };
}
export function attempt(changes: Partial<Attempt> = {}): Attempt {
  const none = { count: 0, first: [] };
  return {
    id: '1-1',
    layer: 'boards',
    phase: 'denoise',
    variant: 0,
    tasks: { first: 0, count: 1 },
    frames: '1-6',
    worker: 'w1',
    slot: 'cpu0',
    devices: [],
    device_class: '',
    live: false,
    granted: '2026-12-01T10:00:00.000Z',
    ended: null,
    tasks_committed: 0,
    outcome: 'failed',
    code: '',
    message: '',
    files_written: none,
    files_read: none,
    usage: {
      load_us: 0,
      compute_us: 0,
      write_us: 0,
      lost_us: 0,
      wall_us: 0,
      model_loads: 0,
      steps: 0,
      batch_max: 0,
      batch_mates: [],
      batch_sizes: [],
      peak_bytes: 0,
    },
    ...changes,
  };
}
export function lease(changes: Partial<SlotLease> = {}): SlotLease {
  return {
    attempt: '1-2',
    job: 1,
    layer: 'boards',
    model: 'demo-clips@1',
    variant: 0,
    phase: 'denoise',
    tasks: { first: 1, count: 1 },
    task: 1,
    step: 10,
    steps: 20,
    batch: 1,
    model_warm: true,
    loading_model: false,
    detail: '',
    ...changes,
  };
}
export function worker(changes: Partial<Worker> = {}): Worker {
  return {
    id: 1,
    name: 'w1',
    key: '',
    version: '',
    address: '',
    other_address: '',
    state: 'up',
    drain_at: null,
    drain_planned: null,
    last_change: { principal: '', time: null, reason: '' },
    quarantined: false,
    set_aside: [],
    silent_ms: 0,
    tasks_held: 0,
    tasks_taken_back: 0,
    devices: [],
    slots: [{ index: 0, name: 'cpu0', usable: true, leases: [], booked_bytes: 0, budget_bytes: 0 }],
    packages: [],
    roots: [],
    commands: [],
    conditions: [],
    ...changes,
  };
}
