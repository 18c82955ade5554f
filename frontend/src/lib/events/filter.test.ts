import { describe, expect, it } from "vitest";
import { ALL_EVENTS, eventPath, eventsPath, filterFrom, localMinute, momentOf } from "./filter.ts";

const UUID = "01920000-0000-7000-8000-000000000000";

describe("the filter in the address", () => {
  it("comes back as it was", () => {
    const filter = {
      outcome: "parked",
      type: "dsync.user.created",
      source: "webhook",
      since: "2026-01-15T12:00:00.000Z",
      until: "2026-01-15T13:00:00.000Z",
      person: UUID,
      group: "directory_group_1 & more",
    } as const;
    const { search } = new URL(eventPath("event_1/2", filter), "http://localhost");
    expect(filterFrom(new URLSearchParams(search))).toEqual(filter);
  });

  it("leaves out what the server would refuse", () => {
    const search = "?outcome=lost&source=replay&since=yesterday&person=1&group=&type=";
    expect(filterFrom(new URLSearchParams(search))).toEqual(ALL_EVENTS);
  });

  it("changes one thing and keeps the rest", () => {
    const filter = { ...ALL_EVENTS, outcome: "parked" as const, type: "a" };
    expect(eventsPath({ type: null }, filter)).toBe("/dashboard/events?outcome=parked");
    expect(eventsPath({})).toBe("/dashboard/events");
  });

  it("is in a form the browser's own time", () => {
    const moment = "2026-01-15T12:30:00.000Z";
    expect(momentOf(localMinute(moment))).toBe(moment);
    expect(localMinute(null)).toBe("");
  });
});
