// Where the picture of a frame is: a tile of a strip. Pure.
import { parseFrames } from './frames';
import type { PreviewStrip } from './types';

export interface Tile {
  href: string;
  column: number;
  row: number;
  columns: number;
  rows: number;
  width: number; // pixels of the tile
  height: number;
}
export type Tiles = ReadonlyMap<number, Tile>; // by frame, ascending

// Of one variant of a layer. Later strips go before earlier ones.
export function tilesOf(strips: Iterable<PreviewStrip>, layer: string, variant: number): Tiles {
  const tiles = new Map<number, Tile>();
  for (const strip of strips) {
    if (strip.layer !== layer || strip.variant !== variant) continue;
    const frames = parseFrames(strip.frames);
    const columns = Math.max(1, strip.columns);
    const rows = Math.ceil(frames.length / columns);
    frames.forEach((frame, i) =>
      tiles.set(frame, {
        href: strip.href,
        column: i % columns,
        row: Math.floor(i / columns),
        columns,
        rows,
        width: strip.tile_width,
        height: strip.tile_height,
      }),
    );
  }
  return new Map([...tiles].sort(([a], [b]) => a - b));
}

// What stands for the job: the last of its layers that has pictures, and of its variants the first.
export function shownBy(strips: readonly PreviewStrip[], order: readonly string[]): PreviewStrip | null {
  let best: PreviewStrip | null = null;
  const rank = (strip: PreviewStrip) => order.indexOf(strip.layer) * 1000 - strip.variant;
  for (const strip of strips) if (!best || rank(strip) > rank(best)) best = strip;
  return best;
}

// The frame that is shown after so long, round and round; `frames` is not empty.
export function frameAt(frames: readonly number[], elapsedMs: number, fps: number): number {
  return frames[Math.floor((elapsedMs * fps) / 1000) % frames.length]!;
}

// The frame to show where that one has no picture: the nearest before it, else the first after it.
export function nearest(frames: readonly number[], frame: number): number | null {
  let found: number | null = null;
  for (const each of frames) {
    if (each > frame) return found ?? each;
    found = each;
  }
  return found;
}
