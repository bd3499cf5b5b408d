import { useState } from "react";

/** Whether something was hidden for good in this browser, and what hides it. */
export function useHidden(name: string): [boolean, () => void] {
  const [hidden, setHidden] = useState(() => stored(name));
  return [
    hidden,
    () => {
      setHidden(true);
      store(name);
    },
  ];
}

function stored(name: string): boolean {
  try {
    return localStorage.getItem(name) !== null;
  } catch {
    return false;
  }
}

function store(name: string): void {
  try {
    localStorage.setItem(name, "1");
  } catch {
    // Storage is forbidden: it comes back with the next visit.
  }
}
