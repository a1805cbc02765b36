/** An IPv6 address as systems write it: small letters, the longest row of zeros left out. (RFC 5952) */
export const canonical = (address: string): string => new URL(`http://[${address}]/`).hostname.slice(1, -1);

/** An address as it stands before a port. (RFC 3986, 3.2.2) */
export const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);
