/** Reading whole directories from WorkOS: asking for it, watching it, and what a person decides. */
import { api, present, type Schemas } from "./client.ts";

export type Trigger = Schemas["Trigger"];
// As the client gives it, for which a pair is a list.
export type Reconciliation = Awaited<ReturnType<typeof readReconciliation>>;
export type Hold = NonNullable<Reconciliation["held"]>;
export type Loss = Hold["losses"][number];
export type Drift = Reconciliation["drift"];
export type DriftExample = Drift["people"]["examples"][number];

export async function listReconciliations(cursor: string | null, limit?: number) {
  const query = { cursor, ...(limit && { limit }) };
  return present(await api.GET("/directory/reconciliations", { params: { query } }));
}

export async function readReconciliation(id: string) {
  const path = { reconciliation_id: id };
  return present(
    await api.GET("/directory/reconciliations/{reconciliation_id}", { params: { path } }),
  );
}

export async function requestReconciliation() {
  return present(await api.POST("/directory/reconciliations"));
}

export async function confirmReconciliation(id: string) {
  const path = { reconciliation_id: id };
  return present(
    await api.POST("/directory/reconciliations/{reconciliation_id}/confirm", { params: { path } }),
  );
}

/** Of one that is held: dismisses it. */
export async function cancelReconciliation(id: string) {
  const path = { reconciliation_id: id };
  return present(
    await api.POST("/directory/reconciliations/{reconciliation_id}/cancel", { params: { path } }),
  );
}
