/** The events that WorkOS sent. */
import { api, present, type Schemas } from "./client.ts";

export type DirectoryEvent = Schemas["Event"];
export type EventSummary = Schemas["EventSummary"];
export type EventPage = Schemas["EventPage"];
export type EventCount = Schemas["EventCount"];
export type EventHours = Schemas["EventHours"];
export type EventHour = Schemas["EventHour"];
export type EventTry = Schemas["EventTry"];
export type MirrorState = Schemas["MirrorState"];
export type Outcome = Schemas["Outcome"];
export type ParkingReason = Schemas["ParkingReason"];
export type ReplayReport = Schemas["ReplayReport"];

/** A replay's tries are of that source; no event first comes by one. */
export type EventSource = Exclude<Schemas["Source"], "replay">;

/** Of what a list is, and what is counted. */
export interface EventQuery {
  outcome: Outcome | null;
  type: string | null;
  source: EventSource | null;
  since: string | null;
  until: string | null;
  person?: string | null;
  group?: string | null;
}

export async function listEvents(
  query: EventQuery,
  cursor: string | null,
  limit?: number,
): Promise<EventPage> {
  const page = { ...query, cursor, ...(limit && { limit }) };
  return present(await api.GET("/directory/events", { params: { query: page } }));
}

export async function countEvents(query: EventQuery): Promise<EventCount> {
  return present(await api.GET("/directory/events/count", { params: { query } }));
}

export async function countByHour(): Promise<EventHours> {
  return present(await api.GET("/directory/events/hours"));
}

export async function readEvent(id: string): Promise<DirectoryEvent> {
  const path = { event_id: id };
  return present(await api.GET("/directory/events/{event_id}", { params: { path } }));
}

export async function replayEvent(id: string): Promise<Outcome> {
  const path = { event_id: id };
  const answer = await api.POST("/directory/events/{event_id}/replay", { params: { path } });
  return present(answer).outcome;
}

/** At most a thousand at once; `next_cursor` leads on. */
export async function replayEvents(
  query: EventQuery,
  cursor: string | null,
): Promise<ReplayReport> {
  const { outcome, type, source, since, until } = query;
  const body = { outcome, type, source, since, until, cursor };
  return present(await api.POST("/directory/events/replay", { body }));
}
