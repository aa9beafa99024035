// What this page knows of the farm, kept up to date by the event stream: an event says what to ask for again, and
// asking is bounded however many events come. Everything shown is read from here; `heard` is how old it may be.
import { Api, ApiFailure } from './api';
import { EventStream, type SseEvent } from './sse';
import { isLive } from './states';
import type { FarmEvent, Job, JobSummary, Page, Session, Version, Worker } from './types';

const kEventsKept = 1000;
const kOneByOneMax = 6; // more dirty jobs are read as a list
const kRefreshMs = 700;
const kWorkersBusyMs = 1500;
const kWorkersIdleMs = 8000;

export type Link = 'connecting' | 'live' | 'lost';
export interface SeenEvent extends FarmEvent {
  key: number;
}

export class Farm {
  readonly api = new Api();
  session = $state.raw<Session | null>(null);
  starting = $state(true); // nothing is known yet, not even whether somebody is signed in
  loaded = $state(false);
  link = $state<Link>('connecting');
  heard = $state(0); // when the scheduler last said anything
  readOnly = $state(''); // why nothing can be changed; empty: it can
  jobs = $state.raw<ReadonlyMap<number, JobSummary>>(new Map());
  workers = $state.raw<Worker[]>([]);
  events = $state.raw<SeenEvent[]>([]); // newest first
  older = $state<string | null>(null); // where the list of ended jobs goes on
  now = $state(Date.now());
  version = $state.raw<Version | null>(null);
  // Raised whenever something of the job may have changed; the job's screen reads it.
  touched = $state.raw<ReadonlyMap<number, number>>(new Map());

  private stream: EventStream | null = null;
  private dirty = new Set<number>();
  private all = false;
  private refreshing = false;
  private lastRefreshMs = 0;
  private workersDue = 0;
  private eventKey = 0;

  async begin(): Promise<void> {
    setInterval(() => this.tick(), 500);
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.refreshAll());
    window.addEventListener('online', () => this.stream?.reconnect());
    try {
      this.session = await this.api.session();
    } catch {
      this.session = null;
    }
    this.starting = false;
    if (this.session) this.enter();
  }
  async signIn(token: string): Promise<void> {
    this.session = await this.api.signIn(token);
    this.enter();
  }
  async signOut(): Promise<void> {
    this.stream?.stop();
    await this.api.signOut().catch(() => undefined);
    this.leave();
  }
  get canChange(): boolean {
    return this.session !== null && this.session.role !== 'viewer' && this.readOnly === '';
  }
  mayChange(job: JobSummary): boolean {
    return this.canChange && (this.session!.role === 'admin' || this.session!.principal === job.principal);
  }
  get isAdmin(): boolean {
    return this.canChange && this.session!.role === 'admin';
  }
  refreshAll(): void {
    if (!this.session) return;
    this.all = true;
    this.workersDue = 0;
  }
  refreshJob(id: number): void {
    this.dirty.add(id);
  }

  // Adds jobs that a screen asked the server for, such as older or filtered ones.
  merge(jobs: JobSummary[]): void {
    if (jobs.length === 0) return;
    const next = new Map(this.jobs);
    for (const job of jobs) next.set(job.id, job);
    this.jobs = next;
  }
  async loadOlder(): Promise<void> {
    if (this.older === null) return;
    const page = await this.api.get<Page<JobSummary>>(`/api/v1/jobs?live=false&limit=1000&after=${this.older}`);
    this.merge(page.items);
    this.older = page.next;
  }

  private enter(): void {
    this.all = true;
    this.stream = new EventStream({
      onOpen: () => {
        this.link = 'live';
        this.heardNow();
        this.refreshAll(); // what happened while nobody listened
      },
      onLife: () => this.heardNow(),
      onEvent: (event) => this.onEvent(event),
      onEnd: async (failure) => {
        this.link = 'lost';
        return !failure.signedOut || (await this.comeBack());
      },
    });
    void this.stream.run();
  }
  private leave(): void {
    this.stream?.stop();
    this.stream = null;
    this.session = null;
    this.loaded = false;
    this.jobs = new Map();
    this.workers = [];
    this.events = [];
  }
  // The session is unknown: after a start of the scheduler this page can open a new one by itself.
  private async comeBack(): Promise<boolean> {
    const session = await this.api.signInAgain();
    if (session) this.session = session;
    else this.leave();
    return session !== null;
  }
  private heardNow(): void {
    this.heard = Date.now();
  }

  private onEvent(event: SseEvent): void {
    const said = JSON.parse(event.data) as FarmEvent;
    this.events = [{ ...said, key: ++this.eventKey }, ...this.events].slice(0, kEventsKept);
    if (said.type === 'resync') {
      this.refreshAll();
      return;
    }
    if (said.job !== null) this.dirty.add(said.job);
    if (said.type === 'worker' || said.type === 'attempt') this.workersDue = 0;
  }

  private tick(): void {
    this.now = Date.now();
    if (!this.session || document.visibilityState === 'hidden') return;
    // A refresh that took long is not repeated at once: watching must cost the scheduler little.
    const pause = Math.max(kRefreshMs, 4 * this.lastRefreshMs);
    if (this.refreshing || this.now < this.nextRefresh(pause)) return;
    const workers = this.now >= this.workersDue;
    if (!this.all && this.dirty.size === 0 && !workers) return;
    void this.refresh(workers);
  }
  private lastRefreshEnd = 0;
  private nextRefresh(pause: number): number {
    return this.lastRefreshEnd + pause;
  }

  private async refresh(withWorkers: boolean): Promise<void> {
    this.refreshing = true;
    const begun = performance.now();
    const all = this.all;
    const dirty = [...this.dirty];
    this.all = false;
    this.dirty.clear();
    try {
      if (all || dirty.length > kOneByOneMax) await this.readLists(all);
      else for (const id of dirty) await this.readJob(id);
      if (withWorkers || all) await this.readWorkers();
      if (all) await this.readState();
      const touched = new Map(this.touched);
      for (const id of all ? this.jobs.keys() : dirty) touched.set(id, (touched.get(id) ?? 0) + 1);
      this.touched = touched;
      this.loaded = true;
      this.heardNow();
    } catch (error) {
      for (const id of dirty) this.dirty.add(id);
      this.all = this.all || all;
      if (error instanceof ApiFailure && error.signedOut) await this.comeBack();
    }
    this.lastRefreshMs = performance.now() - begun;
    this.lastRefreshEnd = Date.now();
    this.refreshing = false;
  }

  private async readLists(everything: boolean): Promise<void> {
    const live = await this.api.all<JobSummary>('/api/v1/jobs?live=true');
    const ended = await this.api.get<Page<JobSummary>>('/api/v1/jobs?live=false&limit=200');
    const next = new Map(this.jobs);
    const stillLive = new Set(live.map((job) => job.id));
    const newestEnded = new Set(ended.items.map((job) => job.id));
    const vanished: number[] = [];
    for (const [id, job] of next) if (isLive(job) && !stillLive.has(id) && !newestEnded.has(id)) vanished.push(id);
    for (const job of [...ended.items, ...live]) next.set(job.id, job);
    this.jobs = next;
    if (everything && this.older === null && !this.loaded) this.older = ended.next;
    for (const id of vanished.slice(0, 50)) await this.readJob(id);
  }
  private async readJob(id: number): Promise<void> {
    try {
      this.merge([await this.api.get<Job>(`/api/v1/jobs/${id}`)]);
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.status !== 404) throw error;
      const next = new Map(this.jobs);
      next.delete(id);
      this.jobs = next;
    }
  }
  private async readWorkers(): Promise<void> {
    this.workers = (await this.api.get<{ items: Worker[] }>('/api/v1/workers')).items;
    const busy = this.workers.some((worker) => worker.slots.some((slot) => slot.leases.length > 0));
    this.workersDue = Date.now() + (busy ? kWorkersBusyMs : kWorkersIdleMs);
  }
  private async readState(): Promise<void> {
    this.version = await this.api.get<Version>('/api/v1/version');
    try {
      await this.api.get('/readyz');
      this.readOnly = '';
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 503) this.readOnly = error.message;
    }
  }
}

export const farm = new Farm();
