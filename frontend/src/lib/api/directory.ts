/** The state of the directories. */
import { api, present, type Schemas } from "./client.ts";

export type DirectoryStatus = Schemas["DirectoryStatus"];
export type Directory = Schemas["Directory"];
export type Counted = Schemas["Counted"];
export type Trouble = Schemas["Trouble"];

/** Counting takes its time where a directory is new and large. */
export async function readDirectory({ counts }: { counts: boolean }): Promise<DirectoryStatus> {
  return present(await api.GET("/directory", { params: { query: { counts } } }));
}
