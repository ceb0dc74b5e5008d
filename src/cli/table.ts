// Tables for people: columns as wide as they must be, and nothing in a cell that steers a terminal.

const NAME_MAX = 40;

/** Names come from callers: nothing in them may steer a terminal. */
export function plainName(name: string): string {
  const plain = name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
  return plain.length > NAME_MAX ? `${plain.slice(0, NAME_MAX - 1)}…` : plain;
}

/** Cells of a column of numbers: sums, counts, and where there is none. */
const NUMBER = /^(–|[-+]?\$?[\d.,]+%?( → .*)?)?$/;

/** Columns of numbers right-aligned, all others left-aligned. */
export function columnsOf(table: readonly (readonly string[])[]): string[] {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const [, ...below] = table;
  const isNumber = widths.map(
    (_, column) => column > 0 && below.every((row) => NUMBER.test(row[column] ?? '')),
  );
  return table.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumber[column] === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
