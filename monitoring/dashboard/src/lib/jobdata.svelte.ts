// Everything about one job, for its screen: read when the screen opens and again whenever an event touched the job.
import { ApiFailure } from './api';
import { farm } from './farm.svelte';
import { parseFrames } from './frames';
import type { Attempt, Explanation, Frame, Job, LogTail, Page, Plan, PreviewPage, PreviewStrip } from './types';

const kFramesMax = 20_000;
const kAttemptsMax = 3000;
const kStripsMax = 5000;
// Pictures follow their frames by some seconds, and nothing tells of them: how often they are looked for in vain.
const kLooksMax = 12;
const kLookMs = 2500;

// All strips of a job, by layer and frame.
export async function stripsOf(id: number): Promise<{ hasRoots: boolean; strips: PreviewStrip[] }> {
  const path = `/api/v1/jobs/${id}/previews?limit=1000`;
  let page = await farm.api.get<PreviewPage>(path);
  const strips = page.items;
  while (page.next && strips.length < kStripsMax) {
    page = await farm.api.get<PreviewPage>(`${path}&after=${page.next}`);
    strips.push(...page.items);
  }
  return { hasRoots: page.roots.length > 0, strips };
}

export class JobData {
  job = $state.raw<Job | null>(null);
  plan = $state.raw<Plan | null>(null);
  frames = $state.raw<Frame[]>([]);
  attempts = $state.raw<Attempt[]>([]);
  strips = $state.raw<PreviewStrip[]>([]);
  hasPictures = $state(true); // false: the scheduler has none of the job's roots
  private looks = 0;
  private look: ReturnType<typeof setTimeout> | undefined;
  missing = $state(false);
  private reading = false;
  private again = false;

  constructor(readonly id: number) {}

  // Bounded like the farm's own refreshing: one read at a time, and one more if something happened meanwhile.
  async refresh(): Promise<void> {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    const path = `/api/v1/jobs/${this.id}`;
    const begun = performance.now();
    try {
      this.job = await farm.api.get<Job>(path);
      this.plan ??= await farm.api.get<Plan>(`${path}/plan`);
      this.frames = await farm.api.all<Frame>(`${path}/frames`, kFramesMax);
      this.attempts = await farm.api.all<Attempt>(`${path}/attempts`, kAttemptsMax);
      this.looks = 0;
      await this.lookForPictures();
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) this.missing = true;
    }
    await new Promise((done) => setTimeout(done, Math.max(300, 4 * (performance.now() - begun))));
    this.reading = false;
    if (this.again) {
      this.again = false;
      void this.refresh();
    }
  }

  private async lookForPictures(): Promise<void> {
    clearTimeout(this.look);
    if (!this.hasPictures || !this.job) return;
    const found = await stripsOf(this.id).catch(() => null);
    if (!found) return;
    this.hasPictures = found.hasRoots;
    this.strips = found.strips;
    const shown = this.strips.reduce((sum, strip) => sum + parseFrames(strip.frames).length, 0);
    if (shown >= this.frames.filter((frame) => frame.kind === 'frame').length || ++this.looks > kLooksMax) return;
    this.look = setTimeout(() => void this.lookForPictures(), kLookMs);
  }
  close(): void {
    clearTimeout(this.look);
    this.looks = kLooksMax;
  }

  explain(layer: string, variant: number, frame: number | null): Promise<Explanation> {
    const query = new URLSearchParams();
    if (layer && frame !== null) {
      query.set('layer', layer);
      query.set('variant', String(variant));
      query.set('frame', String(frame));
    }
    return farm.api.get<Explanation>(`/api/v1/jobs/${this.id}/explain?${query}`);
  }
  async logs(layer: string, frame: number | null): Promise<LogTail[]> {
    const query = new URLSearchParams({ limit: '5' });
    if (layer) query.set('layer', layer);
    if (frame !== null) query.set('frame', String(frame));
    return (await farm.api.get<Page<LogTail>>(`/api/v1/jobs/${this.id}/logs?${query}`)).items;
  }
}
