import { useMay } from "@/lib/me";

export const roles = ["admin", "manager", "agent", "viewer"] as const;
export type Role = (typeof roles)[number];

/** The roles that the user may give and take. */
export function useGivable(): readonly Role[] {
  const allowed = useMay();
  if (allowed("users:lead")) return roles;
  return allowed("users:write") ? ["agent", "viewer"] : [];
}
