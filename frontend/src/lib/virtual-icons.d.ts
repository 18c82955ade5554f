declare module "virtual:icons" {
  import type { IconName } from "#lib/ui/icon-names.ts";

  const outlines: Record<IconName, string>;
  export default outlines;
}
