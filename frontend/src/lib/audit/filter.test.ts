import { describe, expect, it } from "vitest";
import { addressOf, dayOf, filterFrom, filtersFor, isFiltered } from "./filter.ts";

describe("the audit log's filter", () => {
  it("is the same after a round trip through the address", () => {
    const filter = {
      actor: "0199a1b2-0000-7000-8000-000000000001",
      action: "post.deleted",
      subject: "directory_group_1",
      since: "2026-11-01",
      until: "2026-11-03",
    };
    const { searchParams } = new URL(addressOf(filter, { entry: "e" }), "http://localhost");
    expect(filterFrom(searchParams)).toEqual(filter);
    expect(searchParams.get("entry")).toBe("e");
  });

  it("takes what is no day for none", () => {
    for (const since of ["yesterday", "2026-13-40", "2026-11-01T00:00:00Z"]) {
      expect(isFiltered(filterFrom(new URLSearchParams({ since })))).toBe(false);
    }
  });

  it("has its last day to the end", () => {
    const filter = filterFrom(new URLSearchParams({ since: "2026-11-03", until: "2026-11-03" }));
    const { since = "", until = "" } = filtersFor(filter);
    expect(dayOf(new Date(since))).toBe("2026-11-03");
    expect(dayOf(new Date(new Date(until).getTime() - 1))).toBe("2026-11-03");
    expect(dayOf(new Date(until))).toBe("2026-11-04");
  });
});
