import { changeAUser, deleteAUser, resetAUserSecondFactor, signAUserOutEverywhere, type User } from "@/api/generated";
import { Confirm } from "@/components/Confirm";
import { useDeed } from "@/features/team/queries";
import { useT } from "@/lib/i18n";
import { ask } from "@/lib/trouble";

/** What hurts somebody, and is asked about before. */
export type Deed = "disable" | "reset" | "expel" | "delete";

const does: Record<Deed, (user: string) => Promise<unknown>> = {
  disable: (user) => ask(changeAUser({ path: { user }, body: { status: "disabled" } })),
  reset: (user) => ask(resetAUserSecondFactor({ path: { user } })),
  delete: (user) => ask(deleteAUser({ path: { user } })),
  expel: (user) => ask(signAUserOutEverywhere({ path: { user } })),
};

export function DeedDialog({ user: u, deed, onClose }: { user: User; deed: Deed; onClose: () => void }) {
  const { t } = useT();
  const act = useDeed(() => does[deed](u.id), onClose);
  return (
    <Confirm
      title={t(`team.${deed}`)}
      text={t(`team.${deed}.text`, { name: u.name || u.email })}
      action={t(`team.${deed}`)}
      {...(deed === "delete" && { type: u.email })}
      busy={act.isPending}
      error={act.error}
      onConfirm={() => act.mutate(undefined)}
      onClose={onClose}
    />
  );
}
