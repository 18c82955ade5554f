/** What someone has typed, kept in this tab until it is published or given up. */

export interface Draft {
  title: string;
  content: string;
}

const PREFIX = "draft:";

export function readDraft(key: string): Draft | undefined {
  const stored = sessionStorage.getItem(PREFIX + key);
  if (stored === null) return undefined;
  const [title, content] = JSON.parse(stored) as [string, string];
  return { title, content };
}

export function keepDraft(key: string, { title, content }: Draft): void {
  sessionStorage.setItem(PREFIX + key, JSON.stringify([title, content]));
}

export function dropDraft(key: string): void {
  sessionStorage.removeItem(PREFIX + key);
}

export function dropAllDrafts(): void {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
  }
}

// A draft belongs to one person: the next one to sign in in this tab must not find it.
export function newPostDraftKey(userId: string): string {
  return `${userId}/new`;
}

export function editDraftKey(userId: string, postId: string): string {
  return `${userId}/${postId}`;
}
