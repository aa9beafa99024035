// The API's shapes, from openapi.yaml (npm run types), and fields that newer schedulers may add: all of those are
// optional.
import type { components } from '../generated/openapi';

type Schemas = components['schemas'];

export interface MaybeForecast {
  deadline?: string | null;
  eta_p50_ms?: number | null;
  eta_p90_ms?: number | null;
}
export type JobSummary = Schemas['JobSummary'] & MaybeForecast;
export type Job = JobSummary & Schemas['JobDetail'];
export type Layer = Schemas['Layer'];
export type Plan = Schemas['Plan'];
export type PlanLayer = Schemas['PlanLayer'];
export type Frame = Schemas['Frame'];
export type Attempt = Schemas['Attempt'];
export type LogTail = Schemas['LogTail'];
export type Explanation = Schemas['Explanation'];
export type Worker = Schemas['Worker'];
export type Slot = Schemas['Slot'];
export type SlotLease = Schemas['SlotLease'];
export type FarmEvent = Schemas['Event'];
export type Session = Schemas['Session'];
export type Version = Schemas['Version'];
export type ApiError = Schemas['Error'];
export type JobState = Schemas['JobState'];
export type TaskCounts = Schemas['TaskCounts'];
export type Changed = Schemas['Changed'];
export type WorkerChanged = Schemas['WorkerChanged'];
export interface Page<T> {
  items: T[];
  next: string | null;
}
