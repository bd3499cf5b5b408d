import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { type ReactNode, useEffect, useMemo } from "react";
import { begin, makeRouter } from "@/app/router";
import { variables, withWords } from "@/app/theme";
import { StepUp } from "@/components/StepUp";
import { I18n, useT } from "@/lib/i18n";
import { onLeave } from "@/lib/session";
import { Trouble } from "@/lib/trouble";

const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      // What the API refuses it refuses again; only silence is worth another try.
      retry: (n, err) => n < 2 && (!(err instanceof Trouble) || err.status === 0 || err.status >= 500),
    },
  },
});
const router = makeRouter(cache);
begin(router, cache);

export function App() {
  useEffect(
    () =>
      onLeave(() => {
        // Who is at the door already must see what its address says: why a provider's word did not let them in.
        if (window.location.pathname === "/sign-in") return cache.clear();
        // Emptied under a page that is still shown, the cache would ask again.
        void router.navigate({ to: "/sign-in" }).then(() => cache.clear());
      }),
    [],
  );
  return (
    <I18n>
      <Themed>
        <QueryClientProvider client={cache}>
          <Notifications position="top-right" />
          <StepUp />
          <RouterProvider router={router} />
        </QueryClientProvider>
      </Themed>
    </I18n>
  );
}

function Themed({ children }: { children: ReactNode }) {
  const { t } = useT();
  const theme = useMemo(() => withWords(t("close")), [t]);
  return (
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
      {children}
    </MantineProvider>
  );
}
