import { Badge, PasswordInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { Secret } from "@/components/Secret";
import { Section } from "@/components/Section";
import { type Org, useOrgChange } from "@/features/settings/org";
import { Saver } from "@/features/settings/Saver";
import { useT } from "@/lib/i18n";
import { fieldTrouble } from "@/lib/trouble";

interface Props {
  org: Org;
  locked: boolean;
}

/** The organisation's own OpenID provider. */
export function SingleSignOn({ org, locked }: Props) {
  const { t } = useT();
  const now = org.sign_in;
  const [issuer, setIssuer] = useState(now.oidc_issuer);
  const [id, setId] = useState(now.oidc_client_id);
  const [secret, setSecret] = useState("");
  const save = useOrgChange();
  const change = {
    ...(issuer === now.oidc_issuer ? {} : { oidc_issuer: issuer }),
    ...(id === now.oidc_client_id ? {} : { oidc_client_id: id }),
    ...(secret === "" ? {} : { oidc_secret: secret }),
  };
  const on = now.oidc_issuer !== "";
  return (
    <Section
      title={t("settings.sso")}
      text={t("settings.sso.text")}
      aside={
        <Badge color={on ? "jade" : "gray"} variant="light" tt="none">
          {t(on ? "settings.on" : "settings.off")}
        </Badge>
      }
    >
      <Saver
        changed={Object.keys(change).length > 0}
        busy={save.isPending}
        error={save.error}
        fields={["body.sign_in.oidc_issuer", "body.sign_in.oidc_client_id", "body.sign_in.oidc_secret"]}
        onSave={locked ? undefined : () => save.mutate({ sign_in: change })}
      >
        <TextInput
          label={t("settings.sso.issuer")}
          description={t("settings.sso.issuer.text")}
          placeholder="https://login.example.com"
          type="url"
          value={issuer}
          onChange={(e) => setIssuer(e.currentTarget.value)}
          error={fieldTrouble(save.error, "body.sign_in.oidc_issuer")}
          readOnly={locked}
        />
        <TextInput
          label={t("settings.sso.id")}
          value={id}
          onChange={(e) => setId(e.currentTarget.value)}
          error={fieldTrouble(save.error, "body.sign_in.oidc_client_id")}
          readOnly={locked}
          autoComplete="off"
        />
        {!locked && (
          <PasswordInput
            label={t("settings.sso.secret")}
            description={t(now.oidc_secret_set ? "settings.sso.secret.set" : "settings.sso.secret.none")}
            value={secret}
            onChange={(e) => setSecret(e.currentTarget.value)}
            error={fieldTrouble(save.error, "body.sign_in.oidc_secret")}
            autoComplete="off"
          />
        )}
        <Secret label={t("settings.sso.callback")} note={t("settings.sso.callback.text")} value={at(org.id, "callback")} />
        {on && <Secret label={t("settings.sso.link")} note={t("settings.sso.link.text")} value={`${origin()}/sign-in?org=${org.id}`} />}
      </Saver>
    </Section>
  );
}

const origin = () => window.location.origin;
const at = (org: string, step: string) => `${origin()}/api/v1/auth/oidc/${org}/${step}`;
