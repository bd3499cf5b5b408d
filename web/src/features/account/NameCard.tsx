import { Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changeYourName } from "@/api/generated";
import { FormEnd } from "@/components/FormEnd";
import { Section } from "@/components/Section";
import { TroubleNote } from "@/components/TroubleNote";
import { type Language, languages, useT } from "@/lib/i18n";
import { ask, fieldTrouble } from "@/lib/trouble";

/** What the team calls one, and the language one reads. */
export function NameCard({ name: now }: { name: string }) {
  const { t, language, setLanguage } = useT();
  const cache = useQueryClient();
  const [name, setName] = useState(now);
  const save = useMutation({
    mutationFn: () => ask(changeYourName({ body: { name } })),
    onSuccess: () => {
      for (const key of ["me", "users"]) void cache.invalidateQueries({ queryKey: [key] });
      notifications.show({ message: t("saved"), color: "jade" });
    },
  });
  return (
    <Section title={t("account.you")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          save.mutate();
        }}
      >
        <Stack>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label={t("name")}
              value={name}
              onChange={(e) => setName(e.currentTarget.value)}
              error={fieldTrouble(save.error, "body.name")}
              autoComplete="name"
              maxLength={100}
              required
              withAsterisk={false}
            />
            <Select
              label={t("language")}
              data={Object.entries(languages).map(([value, label]) => ({ value, label }))}
              value={language}
              onChange={(l) => l && setLanguage(l as Language)}
              allowDeselect={false}
            />
          </SimpleGrid>
          <TroubleNote error={save.error} fields={["body.name"]} />
          <FormEnd does={t("save")} busy={save.isPending} disabled={name.trim() === now} />
        </Stack>
      </form>
    </Section>
  );
}
