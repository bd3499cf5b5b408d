import { Alert, Stack } from "@mantine/core";
import { PageHead } from "@/components/PageHead";
import { FactorCard } from "@/features/account/FactorCard";
import { LeaveCard } from "@/features/account/LeaveCard";
import { NameCard } from "@/features/account/NameCard";
import { PasswordCard } from "@/features/account/PasswordCard";
import { PhoneCard } from "@/features/account/PhoneCard";
import { Sessions } from "@/features/account/Sessions";
import { useT } from "@/lib/i18n";
import { useMe } from "@/lib/me";

export function Page() {
  const { t, word } = useT();
  const me = useMe();
  const user = me.user;
  const who = user ? `${user.email} · ${word("role", user.role)}` : "";
  // Until a second factor is set up the API does nothing else.
  const due = me.second_factor_due;
  return (
    <Stack maw={720}>
      <PageHead title={t("account.title")} text={who} />
      {due && <Alert color="orange">{t("account.factor.due")}</Alert>}
      {!due && user && <NameCard key={user.name} name={user.name} />}
      {!due && <PasswordCard email={user?.email ?? ""} />}
      <FactorCard on={Boolean(user?.second_factor)} />
      {!due && <PhoneCard ending={user?.phone} />}
      {!due && <Sessions />}
      {!due && user && <LeaveCard email={user.email} />}
    </Stack>
  );
}
