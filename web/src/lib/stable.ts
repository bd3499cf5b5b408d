import { useLayoutEffect, useMemo, useRef } from "react";

type Functions = Record<string, (...args: unknown[]) => void>;

/** The same functions for as long as a component lives, doing what the latest ones do: what is memoised stays so. */
export function useStable<T extends { [K in keyof T]: (...args: never[]) => void }>(now: T): T {
  const latest = useRef(now as unknown as Functions);
  useLayoutEffect(() => {
    latest.current = now as unknown as Functions;
  });
  return useMemo(() => {
    const names = Object.keys(latest.current);
    return Object.fromEntries(names.map((k) => [k, (...args: unknown[]) => latest.current[k]?.(...args)])) as unknown as T;
  }, []);
}
