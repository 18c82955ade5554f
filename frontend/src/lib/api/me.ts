/** Who is signed in. */
import { api, present, type Schemas } from "./client.ts";

export type Me = Schemas["Me"];
export type Permission = Schemas["Permission"];
export type Role = Schemas["Role"];
export type SignInRefusal = Schemas["SignInRefusal"];

export async function readMe(): Promise<Me> {
  return present(await api.GET("/me"));
}

export async function signOut(): Promise<void> {
  await api.POST("/auth/logout");
}
