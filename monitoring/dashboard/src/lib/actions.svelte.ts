// Changes that a person asks for: first what would happen, then, once confirmed, the calls, and what came of them.
import { ApiFailure } from './api';
import { consequences, drainConsequences, touched, type JobVerb } from './consequences';
import { farm } from './farm.svelte';
import { shotName } from './tonight';
import type { JobSummary, Worker } from './types';
import { words } from '../words';

export type WorkerVerb = 'drain' | 'undrain' | 'clear';
export interface Asked {
  verb: JobVerb | WorkerVerb;
  title: string;
  lines: string[];
  possible: boolean;
  needsPriority: number | null; // the present one
  run(reason: string, priority: number): Promise<void>;
}

class Actions {
  asked = $state.raw<Asked | null>(null);
  working = $state(false);
  problems = $state.raw<string[]>([]);
  notice = $state('');

  askJobs(verb: JobVerb, jobs: JobSummary[], selection: { layer?: string; frames?: string } = {}): void {
    const some = touched(verb, jobs);
    const one = jobs.length === 1 ? jobs[0]! : null;
    this.ask({
      verb,
      title: words.confirm.title[verb](one ? shotName(one) : words.confirm.some(jobs.length)),
      lines: some.length > 0 ? consequences(verb, jobs, selection.frames ?? '') : [],
      possible: some.length > 0,
      needsPriority: verb === 'priority' ? (one?.priority ?? 50) : null,
      run: async (reason, priority) => {
        for (const job of some) {
          const body: Record<string, unknown> = { reason };
          if (verb === 'priority') body.priority = priority;
          if (verb === 'retry') Object.assign(body, selection);
          await this.attempt(shotName(job), farm.api.post(`/api/v1/jobs/${job.id}/${verb}`, body));
          farm.refreshJob(job.id);
        }
      },
    });
  }
  askWorker(verb: WorkerVerb, worker: Worker): void {
    const others = farm.workers.filter((each) => each.id !== worker.id && each.state === 'up');
    const slots = others.reduce((sum, each) => sum + each.slots.length, 0);
    this.ask({
      verb,
      title: words.confirm.title[verb](worker.name),
      lines: verb === 'drain' ? drainConsequences(worker, slots) : [],
      possible: true,
      needsPriority: null,
      run: async (reason) => {
        const path = verb === 'clear' ? 'clear-quarantine' : verb;
        await this.attempt(worker.name, farm.api.post(`/api/v1/workers/${worker.id}/${path}`, { reason }));
        farm.refreshAll();
      },
    });
  }

  async confirm(reason: string, priority: number): Promise<void> {
    if (!this.asked) return;
    this.working = true;
    this.problems = [];
    await this.asked.run(reason, priority);
    this.working = false;
    if (this.problems.length > 0) return; // the dialog stays and shows them
    this.asked = null;
    this.notice = words.confirm.done;
    setTimeout(() => (this.notice = ''), 4000);
  }
  close(): void {
    this.asked = null;
    this.problems = [];
  }

  private ask(asked: Asked): void {
    this.problems = [];
    this.asked = asked;
  }
  private async attempt(name: string, call: Promise<unknown>): Promise<void> {
    try {
      await call;
    } catch (error) {
      const said =
        error instanceof ApiFailure && error.message
          ? `${error.message}${error.hint ? ` (${error.hint})` : ''}`
          : words.signIn.unreachable;
      this.problems = [...this.problems, words.confirm.failed(name, said)];
    }
  }
}

export const actions = new Actions();
