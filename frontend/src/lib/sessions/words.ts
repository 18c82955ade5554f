/** What sessions are called. */
import type { Session } from "#lib/api/sessions.ts";
import { m } from "#lib/words/messages.js";

// The server knows an address only; these three it says in words.
const PLACES: Record<string, () => string> = {
  "this computer": m.place_this_computer,
  "a private network": m.place_private_network,
  "an unknown place": m.place_unknown,
};

export function placeName({ place }: Session): string {
  return PLACES[place]?.() ?? place;
}

export function deviceName({ device }: Session): string {
  return device === "An unknown device" ? m.device_unknown() : device;
}
