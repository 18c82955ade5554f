/** What an organization's first administrator still has to do. */
import type { DirectoryStatus, OrganizationDetails, PortalIntent } from "#lib/api/organization.ts";
import type { Roles } from "#lib/api/roles.ts";
import { faultText } from "#lib/directory/faults.ts";
import { m } from "#lib/words/messages.js";

export interface Step {
  key: "sso" | "directory" | "event" | "groups" | "admin" | "source";
  done: boolean;
  label: string;
  /** What to do about it. */
  advice: string;
  /** Where it is done: a page of ours, or WorkOS's Admin Portal. */
  href?: string;
  portal?: PortalIntent;
}

interface Facts {
  organization: OrganizationDetails;
  status: DirectoryStatus;
  roles: Roles;
  /** Counted up to two. */
  admins: number;
}

export function stepsOf({ organization, status, roles, admins }: Facts): Step[] {
  const { last_event, catch_up, worker } = status;
  return [
    {
      key: "sso",
      // Who reads this has signed in by it; only an event can tell that it was switched off.
      done: organization.sso.state !== "inactive",
      label: m.setup_sso(),
      advice: m.setup_sso_advice(),
      portal: "sso",
    },
    {
      key: "directory",
      done: status.directories.some(({ state }) => state === "live"),
      label: m.setup_directory(),
      advice: m.setup_directory_advice(),
      portal: "dsync",
    },
    {
      key: "event",
      done: last_event !== null,
      label: m.setup_event(),
      advice: m.setup_event_advice(),
      href: "/dashboard/events",
    },
    {
      key: "groups",
      done: roles.items.some(({ groups, workos_roles }) => groups.length + workos_roles.length > 0),
      label: m.setup_groups(),
      advice: m.setup_groups_advice(),
      href: "/dashboard/roles",
    },
    {
      key: "admin",
      done: admins > 1,
      label: m.setup_admin(),
      advice: m.setup_admin_advice(),
      href: "/dashboard/roles",
    },
    {
      key: "source",
      done: worker.alive && (catch_up.enabled ? catch_up.failures === 0 : last_event !== null),
      label: m.setup_source(),
      advice: faultText(catch_up) || m.setup_source_advice(),
      href: "/dashboard/directory",
    },
  ];
}
