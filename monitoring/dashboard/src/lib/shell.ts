// Command lines that people copy from the page.

// A word of a shell, quoted where it has to be.
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
export function commandLine(job: number, layer: string, frames: string): string {
  if (!frames) return `framemill job ${job}`;
  return `framemill retry ${job} --layer ${shellWord(layer)} --frames ${shellWord(frames)}`;
}
