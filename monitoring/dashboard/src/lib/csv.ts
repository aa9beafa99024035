// Tables as files for spreadsheets.

// Spreadsheets run what begins like a formula.
const quoted = (cell: string) => `"${(/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell).replaceAll('"', '""')}"`;

export type CsvCell = string | number | null | undefined;

// Numbers stay numbers.
export function csvOf(head: readonly string[], rows: readonly (readonly CsvCell[])[]): string {
  const text = (cell: CsvCell) => (typeof cell === 'number' ? String(cell) : quoted(cell ?? ''));
  return [head, ...rows].map((row) => row.map(text).join(',')).join('\r\n') + '\r\n';
}

export function saveCsv(name: string, head: readonly string[], rows: readonly (readonly CsvCell[])[]): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([csvOf(head, rows)], { type: 'text/csv' }));
  link.download = `framemill-${name}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}
