/** The browsers in which one is signed in. */
import { api, present, type Schemas } from "./client.ts";

export type Session = Schemas["Session"];

export async function listSessions(): Promise<Session[]> {
  return present(await api.GET("/sessions")).items;
}

export async function endSession(id: string): Promise<void> {
  await api.DELETE("/sessions/{session_id}", { params: { path: { session_id: id } } });
}

export async function endOtherSessions(): Promise<void> {
  await api.POST("/sessions/end-others");
}
