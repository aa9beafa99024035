// Frame sets as the job spec writes them: "1001-1096", "1-10x2", "1,5,9-12", negative numbers too.

export type Frames = number[]; // ascending, without repeats

const kSpan = /^(-?\d+)(?:-(-?\d+)(?:x(\d+))?)?$/;
const kFramesMax = 200_000;

export function parseFrames(text: string): Frames {
  const frames = new Set<number>();
  for (const part of text.split(',')) {
    const match = kSpan.exec(part.trim());
    if (!match) continue;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    const step = Math.max(1, Number(match[3] ?? 1));
    for (let frame = first; frame <= last && frames.size < kFramesMax; frame += step) frames.add(frame);
  }
  return [...frames].sort((a, b) => a - b);
}

export function framesText(frames: Frames): string {
  const parts: string[] = [];
  for (let i = 0; i < frames.length;) {
    let end = i;
    while (end + 1 < frames.length && frames[end + 1] === frames[end]! + 1) end++;
    parts.push(
      end === i ? `${frames[i]}` : end === i + 1 ? `${frames[i]},${frames[end]}` : `${frames[i]}-${frames[end]}`,
    );
    i = end + 1;
  }
  return parts.join(',');
}
