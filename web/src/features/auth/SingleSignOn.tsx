import { Anchor, Button, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { TroubleNote } from "@/components/TroubleNote";
import { useT } from "@/lib/i18n";
import { expectSession } from "@/lib/session";
import { isProblem, Trouble } from "@/lib/trouble";

const stored = "chasqui.org";

/** Signs in at an organisation's own provider. Nobody is told which organisations there are: one names one's own. */
export function SingleSignOn({ org, onBack }: { org: string | undefined; onBack: () => void }) {
  const { t } = useT();
  const [id, setId] = useState(() => org ?? recall());
  const go = useMutation({ mutationFn: () => leaveFor(id.trim()) });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        go.mutate();
      }}
    >
      <Stack>
        <TextInput
          label={t("sso.org")}
          description={t("sso.org.text")}
          placeholder="org_…"
          value={id}
          onChange={(e) => setId(e.currentTarget.value)}
          autoComplete="organization"
          autoFocus
          required
          withAsterisk={false}
        />
        <TroubleNote error={go.error} />
        <Button type="submit" size="md" loading={go.isPending}>
          {t("sso.go")}
        </Button>
        <Anchor component="button" type="button" size="sm" onClick={onBack}>
          {t("sso.back")}
        </Anchor>
      </Stack>
    </form>
  );
}

// Asks first: a refusal would leave the person on a page of JSON.
async function leaveFor(org: string): Promise<void> {
  const start = `/api/v1/auth/oidc/${encodeURIComponent(org)}/start`;
  const res = await fetch(start, { redirect: "manual" });
  if (res.type !== "opaqueredirect") {
    const body: unknown = await res.json().catch(() => undefined);
    throw new Trouble(isProblem(body) ? body : undefined);
  }
  keep(org);
  expectSession();
  window.location.assign(start);
}

function recall(): string {
  try {
    return localStorage.getItem(stored) ?? "";
  } catch {
    return ""; // storage is forbidden
  }
}

function keep(org: string): void {
  try {
    localStorage.setItem(stored, org);
  } catch {
    // Storage is forbidden: it is asked for again next time.
  }
}
