import { describe, expect, it } from 'vitest';
import { glyphs, kinds } from '../src/lib/states';
import css from '../src/app.css?raw';
import { contrast, difference, differenceOfLab, linear, seen, visions } from './colour';

function colours(theme: 'light' | 'dark'): Record<string, string> {
  const start = theme === 'light' ? css.indexOf(':root {') : css.indexOf(":root[data-theme='dark']");
  const block = css.slice(start, css.indexOf('}', start));
  return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1], match[2]]));
}

// Twice what people call a clear difference of two patches that touch (about 3.5).
const kApart = 7;

describe.each(['light', 'dark'] as const)('the palette of states, %s', (theme) => {
  const palette = colours(theme);
  it.each(Object.keys(visions))('stays apart with %s', (vision) => {
    const shown = kinds.map((kind) => seen(linear(palette[kind]!), visions[vision]!));
    for (let i = 0; i < kinds.length; i++)
      for (let j = 0; j < i; j++)
        expect(difference(shown[i]!, shown[j]!), `${kinds[i]} and ${kinds[j]}`).toBeGreaterThan(kApart);
  });
  it('has words that can be read on every state', () => {
    for (const kind of kinds)
      expect(contrast(linear(palette[kind]!), linear(palette[`on-${kind}`]!)), kind).toBeGreaterThan(4.5);
  });
  it('has text that can be read on every ground', () => {
    for (const text of ['text', 'muted', 'accent'])
      for (const ground of ['bg', 'panel', 'raised'])
        expect(contrast(linear(palette[text]!), linear(palette[ground]!)), `${text} on ${ground}`).toBeGreaterThan(4.5);
  });
});

it('gives each state a glyph of its own', () => {
  expect(new Set(Object.values(glyphs)).size).toBe(kinds.length);
});

it('measures as the published pairs of CIEDE2000 do', () => {
  expect(differenceOfLab([50, 2.6772, -79.7751], [50, 0, -82.7485])).toBeCloseTo(2.0425, 4);
  expect(differenceOfLab([50, 2.5, 0], [73, 25, -18])).toBeCloseTo(27.1492, 4);
  expect(differenceOfLab([22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619])).toBeCloseTo(2.0373, 4);
});
