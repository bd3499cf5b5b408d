import { Button, PasswordInput, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { type Challenge, type SignedIn, setANewPasswordByAMailedLink } from "@/api/generated";
import { Door, linkToken } from "@/components/Door";
import { TroubleNote } from "@/components/TroubleNote";
import { Factor } from "@/features/auth/Factor";
import { useT } from "@/lib/i18n";
import { enter } from "@/lib/session";
import { ask, fieldTrouble } from "@/lib/trouble";

export function Page() {
  const { t } = useT();
  const navigate = useNavigate();
  const [token] = useState(linkToken);
  const [password, setPassword] = useState("");
  const [challenge, setChallenge] = useState<Challenge>();
  const take = (answer: SignedIn) => {
    if (answer.second_factor) return setChallenge(answer.second_factor);
    enter(answer);
    void navigate({ to: "/" });
  };
  const go = useMutation({ mutationFn: () => ask(setANewPasswordByAMailedLink({ body: { token, password } })), onSuccess: take });
  if (challenge) return <Factor challenge={challenge} onDone={take} onBack={() => void navigate({ to: "/sign-in" })} />;
  return (
    <Door title={t("reset.title")} text={t("password.rule")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          go.mutate();
        }}
      >
        <Stack>
          <PasswordInput
            label={t("password.new")}
            value={password}
            onChange={(e) => setPassword(e.currentTarget.value)}
            error={fieldTrouble(go.error, "body.password")}
            autoComplete="new-password"
            autoFocus
            required
            withAsterisk={false}
          />
          <TroubleNote error={go.error} fields={["body.password"]} />
          <Button type="submit" size="md" loading={go.isPending}>
            {t("reset.action")}
          </Button>
        </Stack>
      </form>
    </Door>
  );
}
