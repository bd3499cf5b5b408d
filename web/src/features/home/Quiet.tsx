import { IconMessages, IconPlugConnectedX, IconRoute } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { unpaired } from "@/components/ClientState";
import { Empty } from "@/components/Empty";
import { anyMessageQuery, type Now } from "@/features/home/queries";
import { reason } from "@/features/home/reason";
import { clientsQuery } from "@/lib/clients";
import { type Key, useT } from "@/lib/i18n";
import { useMay } from "@/lib/me";

const icons = {
  "start.none": IconRoute,
  "start.own.none": IconRoute,
  "start.own.unlinked": IconPlugConnectedX,
  "start.own.quiet": IconMessages,
};

/** Why there is nothing to see yet, and whom to ask: for who cannot set anything up. Nothing once there is something. */
export function Quiet({ overview: o }: { overview: Now }) {
  const { t } = useT();
  const writes = useMay()("messages:send");
  const clients = useQuery({ ...clientsQuery, enabled: writes && o.clients.total > 0 });
  const wrote = useQuery({ ...anyMessageQuery, enabled: writes });
  const why = reason(o.clients.total, writes, clients.data?.data.every(unpaired), wrote.data);
  return why && <Empty icon={icons[why]} title={t(why)} text={t(`${why}.text` as Key)} />;
}
