/** What is typed into a dialog, kept in this tab until it is sent or given up: closing it takes nothing. */
import { lastMe } from "#lib/session.ts";

const PREFIX = "typed:";

/** The next one to sign in here finds nothing of it. */
function keyOf(form: string): string {
  return `${PREFIX}${lastMe()?.id ?? ""}/${form}`;
}

/** The fields of a dialog, for a component while it is there. */
export class Typed<Form extends object> {
  readonly fields: Form;
  readonly #form: string;

  constructor(form: string, untouched: Form) {
    this.#form = form;
    this.fields = $state(typedBefore(form, untouched));
    $effect(() => {
      keepTyped(form, $state.snapshot<object>(this.fields));
    });
  }

  /** It was sent, or given up. */
  drop(): void {
    dropTyped(this.#form);
  }
}

export function typedBefore<Form extends object>(form: string, untouched: Form): Form {
  try {
    const kept = JSON.parse(sessionStorage.getItem(keyOf(form)) ?? "{}") as Partial<Form>;
    return { ...untouched, ...kept };
  } catch {
    return untouched;
  }
}

export function keepTyped(form: string, typed: object): void {
  try {
    sessionStorage.setItem(keyOf(form), JSON.stringify(typed));
  } catch {
    // It is gone with the dialog.
  }
}

export function dropTyped(form: string): void {
  drop((key) => key === keyOf(form));
}

export function dropAllTyped(): void {
  drop((key) => key.startsWith(PREFIX));
}

function drop(isMeant: (key: string) => boolean): void {
  try {
    for (const key of Object.keys(sessionStorage).filter(isMeant)) sessionStorage.removeItem(key);
  } catch {
    // A browser that keeps nothing has nothing to drop.
  }
}
