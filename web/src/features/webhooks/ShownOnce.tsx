import { OnceOnly } from "@/components/OnceOnly";
import { Secret } from "@/components/Secret";
import { useT } from "@/lib/i18n";

/** Shows a new secret, which nobody can see again. */
export function ShownOnce({ title, secret, onClose }: { title: string; secret: string; onClose: () => void }) {
  const { t } = useT();
  return (
    <OnceOnly title={title} warning={t("hooks.secret.once")} kept={t("hooks.secret.kept")} onClose={onClose}>
      <Secret label={t("hooks.secret")} value={secret} note={t("hooks.secret.text")} />
    </OnceOnly>
  );
}
