import { describe, expect, it, vi } from "vitest";
import { onceFetched } from "./once-fetched.ts";

describe("onceFetched", () => {
  it("begins once it is here, and ends", async () => {
    const end = vi.fn();
    const begin = vi.fn(() => end);
    const stop = onceFetched(() => Promise.resolve(begin));
    await vi.waitFor(() => {
      expect(begin).toHaveBeenCalledOnce();
    });
    stop();
    expect(end).toHaveBeenCalledOnce();
  });

  it("does not begin for somebody who has left, nor where it is gone", async () => {
    const begin = vi.fn(() => vi.fn());
    onceFetched(() => Promise.resolve(begin))();
    onceFetched(() => Promise.reject(new TypeError("gone")))();
    await new Promise((resolve) => setTimeout(resolve));
    expect(begin).not.toHaveBeenCalled();
  });
});
