import { describe, expect, it } from "vitest";
import { guestFaults, lastDay, stayFaults, type NewGuest } from "./rules.ts";

const now = new Date("2026-11-24T12:00:00");
const guest: NewGuest = {
  name: "Gus Guest",
  email: "gus@partner.example",
  role: "member",
  reason: "Audits our pages.",
  until: "2026-12-31",
};

describe("guestFaults", () => {
  it("accepts what the server accepts", () => {
    expect(guestFaults(guest, now)).toEqual({});
    expect(guestFaults({ ...guest, email: " gus@partner ", until: "2026-11-24" }, now)).toEqual({});
  });

  it("names every field that is missing", () => {
    const nothing: NewGuest = { name: " ", email: "", role: "member", reason: "\n", until: "" };
    expect(Object.keys(guestFaults(nothing, now)).sort()).toEqual([
      "email",
      "name",
      "reason",
      "until",
    ]);
  });

  it.each(["gus", "gus@", "@partner.example", "gus guest@partner.example", "a@b@c"])(
    "tells %j from an address",
    (email) => {
      expect(guestFaults({ ...guest, email }, now)).toEqual({
        email: "That is no e-mail address. One looks like name@company.com.",
      });
    },
  );
});

describe("stayFaults", () => {
  it("lets a stay last a year, and says how far it may", () => {
    expect(lastDay(now)).toBe("2027-11-24");
    expect(stayFaults({ ...guest, until: "2027-11-24" }, now)).toEqual({});
    expect(stayFaults({ ...guest, until: "2027-11-25" }, now).until).toContain("Nov 24, 2027");
  });

  it("refuses a day that is over", () => {
    expect(stayFaults({ ...guest, until: "2026-11-23" }, now).until).toContain("over");
  });
});
