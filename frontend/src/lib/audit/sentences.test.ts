import { describe, expect, it } from "vitest";
import type { AuditEntry } from "#lib/api/audit.ts";
import { overwriteGetLocale } from "#lib/words/runtime.js";
import { sentenceOf } from "./sentences.ts";
import { KNOWN_ACTIONS } from "./words.ts";

const ENTRY: AuditEntry = {
  id: "01920000-0000-7000-8000-000000000000",
  at: "2026-11-26T12:00:00Z",
  action: "",
  sentence: "the sentence of the server",
  actor: { id: "01920000-0000-7000-8000-000000000001", name: "Ada" },
  subject: { kind: "person", id: "1", user_id: null, name: "Ben" },
  event_id: null,
  count: null,
  detail: {},
};

/** As it is in that language, whatever the one of the tests. */
function sentences(locale: "en" | "de", entry: Partial<AuditEntry> = {}): Map<string, string> {
  overwriteGetLocale(() => locale);
  return new Map(
    KNOWN_ACTIONS.map((action) => [action, sentenceOf({ ...ENTRY, ...entry, action })]),
  );
}

describe("an entry's sentence", () => {
  it("is there for each action, in both languages, and never the server's", () => {
    const [en, de] = [sentences("en"), sentences("de")];
    for (const action of KNOWN_ACTIONS) {
      expect(en.get(action), action).toMatch(/^\p{Lu}.*[.”?]$/u);
      expect(de.get(action), action).toMatch(/^\p{Lu}.*[.“?]$/u);
      expect(de.get(action)).not.toBe(en.get(action));
    }
    expect(new Set(en.values())).not.toContain(ENTRY.sentence);
    // Each has one of its own; what a reconciliation did to somebody is one.
    expect(new Set(en.values()).size).toBe(KNOWN_ACTIONS.length - 1);
  });

  it("names who did it: a person, the clock, or whoever has the command line", () => {
    const asked = (entry: Partial<AuditEntry>) =>
      sentences("en", entry).get("reconciliation.requested");
    expect(asked({})).toBe("Ada asked for a reconciliation.");
    expect(asked({ actor: null })).toBe("An operator asked for a reconciliation.");
    expect(asked({ actor: null, detail: { source: "schedule" } })).toBe(
      "Rollcall asked for a reconciliation.",
    );
  });

  it("tells what followed for somebody's access", () => {
    const member = { active: true, roles: ["member"] };
    const author = { active: true, roles: ["member", "author"] };
    const read = (before: typeof member | undefined, after: typeof member) =>
      sentences("de", {
        actor: null,
        detail: { ...(before && { before: { access: before } }), after: { access: after } },
      }).get("snapshot.person");
    expect(read(undefined, member)).toBe("Aus WorkOS gelesen, Ben: Zugang erhalten (Mitglied).");
    expect(read(member, author)).toBe("Aus WorkOS gelesen, Ben: Autor erhalten.");
    expect(read(member, { active: false, roles: [] })).toBe(
      "Aus WorkOS gelesen, Ben: Zugang verloren.",
    );
    expect(read(member, member)).toBe("Aus WorkOS gelesen, Ben: Zugang unverändert.");
  });

  it("goes by the action's name where a younger server did it", () => {
    overwriteGetLocale(() => "de");
    expect(sentenceOf({ ...ENTRY, action: "badge.given" })).toBe("Ben: badge.given.");
  });

  it("of an event that changed nothing says what became of it", () => {
    const entry = { actor: null, detail: { outcome: "superseded" } };
    expect(sentences("de", entry).get("dsync.user.updated")).toMatch(
      /^Ben: Person im Verzeichnis geändert \(\S+.*\)\.$/,
    );
  });
});
