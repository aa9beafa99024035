import { describe, expect, it } from 'vitest';
import { frameAt, nearest, shownBy, tilesOf } from '../src/lib/previews';
import type { PreviewStrip } from '../src/lib/types';

const strip = (frames: string, changes: Partial<PreviewStrip> = {}): PreviewStrip => ({
  layer: 'boards',
  variant: 0,
  attempt: '1-0000000000000001-1',
  frames,
  tile_width: 256,
  tile_height: 144,
  columns: 16,
  href: `/api/v1/jobs/1/previews/main/strip_${frames}.jpg`,
  ...changes,
});

describe('pictures of frames', () => {
  it('are tiles of strips, row by row, in the order of the frames', () => {
    const tiles = tilesOf([strip('1021-1040'), strip('1001-1020')], 'boards', 0);
    expect([...tiles.keys()].slice(0, 2)).toEqual([1001, 1002]);
    expect(tiles.size).toBe(40);
    expect(tiles.get(1017)).toMatchObject({ column: 0, row: 1, columns: 16, rows: 2, width: 256, height: 144 });
    expect(tiles.get(1040)?.href).toContain('1021-1040');
  });
  it('belong to one variant of one layer', () => {
    const strips = [strip('1-4'), strip('5-8', { variant: 1 }), strip('9-12', { layer: 'comp' })];
    expect([...tilesOf(strips, 'boards', 1).keys()]).toEqual([5, 6, 7, 8]);
    expect(tilesOf(strips, 'movie', 0).size).toBe(0);
  });
  it('of a set with holes follow its frames', () => {
    const tiles = tilesOf([strip('1-9x4,20', { columns: 4 })], 'boards', 0);
    expect([...tiles].map(([frame, tile]) => [frame, tile.column, tile.row])).toEqual([
      [1, 0, 0],
      [5, 1, 0],
      [9, 2, 0],
      [20, 3, 0],
    ]);
  });
  it('that stand for a job are those of its last layer and first take', () => {
    const strips = [strip('1-4'), strip('1-4', { layer: 'comp', variant: 2 }), strip('1-4', { layer: 'comp' })];
    expect(shownBy(strips, ['boards', 'comp', 'movie'])).toBe(strips[2]);
    expect(shownBy([], ['boards'])).toBeNull();
  });
});

describe('a player', () => {
  it('goes round and round', () => {
    const at = (ms: number) => frameAt([10, 11, 12], ms, 10);
    expect([at(0), at(99), at(100), at(299), at(300)]).toEqual([10, 10, 11, 12, 10]);
  });
  it('shows the nearest picture that there is', () => {
    expect(nearest([5, 10], 7)).toBe(5);
    expect(nearest([5, 10], 1)).toBe(5);
    expect(nearest([5, 10], 99)).toBe(10);
    expect(nearest([], 3)).toBeNull();
  });
});
