import { Alert, Anchor, Button, PasswordInput, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { type Challenge, type SignedIn, signIn } from "@/api/generated";
import { Door } from "@/components/Door";
import { EmailField } from "@/components/EmailField";
import { SetUpOffer } from "@/components/SetUpOffer";
import { TroubleNote } from "@/components/TroubleNote";
import { Factor } from "@/features/auth/Factor";
import { SingleSignOn } from "@/features/auth/SingleSignOn";
import { useT } from "@/lib/i18n";
import { enter } from "@/lib/session";
import { ask } from "@/lib/trouble";

export function Page() {
  const { t } = useT();
  const { next, org } = useSearch({ from: "/sign-in" });
  const navigate = useNavigate();
  const [challenge, setChallenge] = useState<Challenge>();
  const [single, setSingle] = useState(Boolean(org));
  const take = (answer: SignedIn) => {
    if (answer.second_factor) return setChallenge(answer.second_factor);
    enter(answer);
    void navigate({ href: next ?? "/" });
  };
  if (challenge) return <Factor challenge={challenge} onDone={take} onBack={() => setChallenge(undefined)} />;
  return (
    <Door title={t("signin.title")} text={t(single ? "sso.text" : "signin.text")}>
      <SetUpOffer />
      {refused() && <Alert color="red">{t("sso.refused")}</Alert>}
      {single ? <SingleSignOn org={org} onBack={() => setSingle(false)} /> : <Password onDone={take} onSingle={() => setSingle(true)} />}
    </Door>
  );
}

/** Reports whether an organisation's provider sent somebody back who is let in nowhere. */
function refused(): boolean {
  return new URLSearchParams(window.location.hash.slice(1)).has("error");
}

function Password({ onDone, onSingle }: { onDone: (a: SignedIn) => void; onSingle: () => void }) {
  const { t } = useT();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const go = useMutation({ mutationFn: () => ask(signIn({ body: { email, password } })), onSuccess: onDone });
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        go.mutate();
      }}
    >
      <Stack>
        <EmailField value={email} onChange={setEmail} />
        <PasswordInput
          label={t("password")}
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          autoComplete="current-password"
          required
          withAsterisk={false}
        />
        <TroubleNote error={go.error} />
        <Button type="submit" size="md" loading={go.isPending}>
          {t("signin.action")}
        </Button>
        <Anchor component={Link} to="/forgot" size="sm" ta="center">
          {t("signin.forgot")}
        </Anchor>
        <Button variant="default" onClick={onSingle}>
          {t("sso.action")}
        </Button>
      </Stack>
    </form>
  );
}
