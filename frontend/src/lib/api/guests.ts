/** People outside the directory, let in until a day; for administrators. */
import { api, present, type Schemas } from "./client.ts";

export type Guest = Schemas["Guest"];
export type GuestCreate = Schemas["GuestCreate"];
export type GuestUpdate = Schemas["GuestUpdate"];

const of = (id: string) => ({ path: { user_id: id } });

export async function letIn(body: GuestCreate): Promise<Guest> {
  return present(await api.POST("/people/guests", { body }));
}

export async function changeStay(id: string, body: GuestUpdate): Promise<void> {
  await api.PATCH("/people/guests/{user_id}", { params: of(id), body });
}

export async function endStay(id: string): Promise<void> {
  await api.DELETE("/people/guests/{user_id}", { params: of(id) });
}
