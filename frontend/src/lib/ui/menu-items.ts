/** What can stand in a menu. */
import type { IconName } from "./icon-names.ts";

interface Named {
  label: string;
  icon?: IconName;
  keys?: string;
}

export type MenuItem =
  | (Named & { href: string; /** A page that is not the application's. */ leaves?: boolean })
  | (Named & { /** A file to keep; the page stays, whatever the answer is. */ download: string })
  | (Named & { act: () => void; danger?: boolean })
  | (Named & { choose: () => void; chosen: boolean })
  | { heading: string }
  | { line: true };
