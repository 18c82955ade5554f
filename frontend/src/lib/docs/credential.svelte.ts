/** The token that somebody tries the API with: here, and nowhere that outlives the page. */

let token = $state("");

export function triedToken(): string {
  return token;
}

export function tryToken(text: string): void {
  token = text.trim();
}

/** What can be shown of it. */
export function tokenEnding(): string {
  return token.slice(-4);
}
