// Addresses and networks that a key may be used from. The API has the last word; this catches typos while they are fresh.

/** Whether a text is an address such as 203.0.113.7 or a network such as 2001:db8::/32. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  if (rest.length > 0) return false;
  const four = isFour(address);
  if (!four && !isSix(address)) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (four ? 32 : 128);
}

function isFour(address: string): boolean {
  const parts = address.split(".");
  return parts.length === 4 && parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) <= 255);
}

function isSix(address: string): boolean {
  if (!address.includes(":") || !/^[\da-f:.]+$/i.test(address)) return false;
  // The browser reads addresses as the standard has them.
  return URL.canParse(`http://[${address}]/`);
}
