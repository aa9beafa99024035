// The API's shapes, from openapi.yaml (npm run types).
import type { components } from '../generated/openapi';

type Schemas = components['schemas'];

// An older scheduler foretells nothing.
export type JobSummary = Omit<Schemas['JobSummary'], 'forecast' | 'deadline'> & {
  forecast?: Schemas['Forecast'];
  deadline?: string | null;
};
export type Job = JobSummary & Schemas['JobDetail'];
export type Layer = Schemas['Layer'];
export type Plan = Schemas['Plan'];
export type PlanLayer = Schemas['PlanLayer'];
export type Frame = Schemas['Frame'];
export type PreviewStrip = Schemas['PreviewStrip'];
export type PreviewPage = Schemas['PreviewPage'];
export type UsageSum = Schemas['UsageSum'];
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
