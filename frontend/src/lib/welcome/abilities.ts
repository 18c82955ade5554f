/** What somebody can do here, and where. */
import type { Me, Permission } from "#lib/api/me.ts";
import { HOME, may } from "#lib/session.ts";
import type { IconName } from "#lib/ui/icon-names.ts";
import { m } from "#lib/words/messages.js";

export interface Ability {
  id: Permission;
  icon: IconName;
  label: string;
  detail: string;
  href: string;
}

export function abilitiesOf(me: Me): Ability[] {
  const abilities: Ability[] = [
    {
      id: "posts:read",
      icon: "notebook-text",
      label: m.can_read(),
      detail: m.can_read_detail(),
      href: HOME,
    },
    {
      id: "posts:create",
      icon: "square-pen",
      label: m.can_write(),
      detail: may(me, "posts:edit_any") ? m.can_write_any_detail() : m.can_write_detail(),
      href: "/dashboard/new",
    },
    {
      id: "team:read",
      icon: "users",
      label: m.can_see_people(),
      detail: may(me, "team:invite") ? m.can_invite_detail() : m.can_see_people_detail(),
      href: "/dashboard/team",
    },
    {
      id: "administer",
      icon: "folder-sync",
      label: m.can_administer(),
      detail: m.can_administer_detail(),
      href: "/dashboard/directory",
    },
  ];
  return abilities.filter(({ id }) => may(me, id));
}
