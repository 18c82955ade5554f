/** The first of each id: a row that moved while we read stands in two parts. */
export function distinct<Item extends { id: string }>(items: Item[]): Item[] {
  const ids = new Set<string>();
  return items.filter(({ id }) => !ids.has(id) && ids.add(id));
}
