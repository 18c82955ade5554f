import { describe, expect, it } from "vitest";
import { matching, type Command } from "./commands.ts";

const commands: Command[] = ["Audit log", "Mateo Álvarez", "People"].map((label) => ({
  id: label,
  label,
  group: "",
  icon: "users",
  href: "/",
}));

describe("matching", () => {
  it.each([
    ["", ["Audit log", "Mateo Álvarez", "People"]],
    ["lo au", ["Audit log"]],
    ["alvarez", ["Mateo Álvarez"]],
    ["eople", []],
  ])("%j finds %j", (q, labels) => {
    expect(matching(commands, q).map(({ label }) => label)).toEqual(labels);
  });
});
