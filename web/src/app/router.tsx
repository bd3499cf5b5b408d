import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import { Failed, Missing } from "@/app/Failed";
import { meQuery } from "@/lib/me";
import { resume, returns } from "@/lib/session";

interface Context {
  cache: QueryClient;
}

const root = createRootRouteWithContext<Context>()({ component: Outlet, errorComponent: Failed, notFoundComponent: Missing });

const door = (path: string, load: () => Promise<{ Page: () => React.ReactNode }>) =>
  createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load, "Page") });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (s: Record<string, unknown>): { next?: string; org?: string } => ({
    ...(typeof s.next === "string" && /^\/\w/.test(s.next) ? { next: s.next } : {}),
    ...(typeof s.org === "string" && /^org_[\w-]+$/.test(s.org) ? { org: s.org } : {}),
  }),
  beforeLoad: async () => {
    if (await resume()) throw redirect({ to: "/" });
  },
  component: lazyRouteComponent(() => import("@/features/auth/SignIn"), "Page"),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  beforeLoad: async ({ context, location }) => {
    if (!(await resume())) throw redirect({ to: "/sign-in", search: location.pathname === "/" ? {} : { next: location.pathname } });
    const me = await context.cache.ensureQueryData(meQuery);
    if (me.second_factor_due && location.pathname !== "/account") throw redirect({ to: "/account" });
  },
  component: lazyRouteComponent(() => import("@/app/Shell"), "Shell"),
  errorComponent: Failed,
});

const page = <P extends string>(path: P, load: () => Promise<{ Page: () => React.ReactNode }>) =>
  createRoute({ getParentRoute: () => shell, path, component: lazyRouteComponent(load, "Page"), errorComponent: Failed });

const tree = root.addChildren([
  signIn,
  door("/forgot", () => import("@/features/auth/Forgot")),
  door("/reset-password", () => import("@/features/auth/Reset")),
  door("/invitation", () => import("@/features/auth/Accept")),
  door("/unlock", () => import("@/features/auth/Unlock")),
  door("/set-up", () => import("@/features/setup/SetUp")),
  shell.addChildren([
    page("/", () => import("@/features/home/Home")),
    page("/clients", () => import("@/features/clients/List")),
    page("/clients/$client", () => import("@/features/clients/Detail")),
    page("/inbox", () => import("@/features/inbox/Inbox")),
    page("/inbox/$chat", () => import("@/features/inbox/Inbox")),
    page("/webhooks", () => import("@/features/webhooks/List")),
    page("/webhooks/$webhook", () => import("@/features/webhooks/Detail")),
    page("/team", () => import("@/features/team/Team")),
    page("/messages", () => import("@/features/messages/Messages")),
    page("/keys", () => import("@/features/keys/Keys")),
    page("/developers", () => import("@/features/developers/Developers")),
    page("/audit", () => import("@/features/audit/Audit")),
    page("/settings", () => import("@/features/settings/Settings")),
    page("/monitoring", () => import("@/features/monitoring/Monitoring")),
    page("/account", () => import("@/features/account/Account")),
  ]),
]);

export const makeRouter = (cache: QueryClient) =>
  createRouter({ routeTree: tree, context: { cache }, defaultPreload: "intent", scrollRestoration: true, defaultPendingMs: 300 });

/** Has what the first page needs come while the texts are under way; for who was signed in before. */
export function begin(router: ReturnType<typeof makeRouter>, cache: QueryClient): void {
  if (!returns()) return;
  void resume().then((back) => (back ? cache.prefetchQuery(meQuery) : undefined));
  const [routes] = router.getMatchedRoutes(router.latestLocation.pathname);
  for (const route of routes) void router.loadRouteChunk(route);
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
