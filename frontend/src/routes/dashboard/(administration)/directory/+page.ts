import { readDirectory } from "#lib/api/directory.ts";
import { countByHour, countEvents, listEvents } from "#lib/api/events.ts";
import {
  listReconciliations,
  readReconciliation,
  type Reconciliation,
} from "#lib/api/reconciliations.ts";
import { ALL_EVENTS } from "#lib/events/filter.ts";
import { Lists } from "#lib/lists.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

const DAY_MS = 86_400_000;

const lists = new Lists<Reconciliation>();

export const load: PageLoad = async ({ url, depends }) => {
  depends("rollcall:directory");
  // Counting people takes its time where a directory is new and large: it comes after all else.
  const counted = readDirectory({ counts: true }).catch(() => undefined);
  const byWebhook = { ...ALL_EVENTS, source: "webhook" } as const;
  const yesterday = new Date(Date.now() - DAY_MS).toISOString();
  return whenSignedIn(signInPath(url), async () => {
    const [status, hours, reconciliations, newest, webhooks] = await Promise.all([
      readDirectory({ counts: false }),
      countByHour(),
      lists.open(url, listReconciliations),
      listEvents(byWebhook, null, 1),
      countEvents({ ...byWebhook, since: yesterday }),
    ]);
    const { current } = status.reconciliations;
    const held = current?.state === "held" ? await readReconciliation(current.id) : undefined;
    return {
      status,
      counted,
      hours,
      reconciliations,
      held,
      webhook: newest.items[0],
      webhooks,
    };
  });
};
