// Networks: which peers belong together.

export class Network {
  constructor(prefix, address) {
    this.prefix = prefix;
    this.address = address;
  }

  static addressOf(text) {
    const address = readV4(text) ?? readV6(text);
    const mapped = address?.length === 16 && address.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
    return mapped ? address.slice(12) : address;
  }

  static of(address, prefix) {
    if (prefix > 8 * address.length) return undefined;
    const masked = address.map((byte, i) => byte & (0xff00 >> Math.min(Math.max(prefix - 8 * i, 0), 8)));
    return new Network(prefix, masked);
  }

  toBytes() {
    return Uint8Array.of(this.prefix, ...this.address);
  }

  static fromBytes(bytes) {
    const address = bytes.slice(1);
    if (address.length !== 4 && address.length !== 16) return undefined;
    const network = Network.of(address, bytes[0]);
    return network?.address.every((byte, i) => byte === address[i]) ? network : undefined;
  }
}

// Four numbers from 0 to 255 without leading zeros.
function readV4(text) {
  const parts = text.split(".");
  const isByte = (part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255;
  return parts.length === 4 && parts.every(isByte) ? Uint8Array.from(parts, Number) : undefined;
}

// Groups of four digits, of which `::` stands for one or more that are zero; the last two may be written as IPv4.
function readV6(text) {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const sides = halves.map((half, i) => readGroups(half, i === halves.length - 1));
  if (sides.some((side) => side === undefined)) return undefined;
  const zeros = 16 - sides.reduce((sum, side) => sum + side.length, 0);
  if (halves.length === 1 ? zeros !== 0 : zeros < 2) return undefined;
  const [head, tail = []] = sides;
  return Uint8Array.from([...head, ...new Array(zeros).fill(0), ...tail]);
}

function readGroups(text, isLast) {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes = [];
  for (const [i, group] of groups.entries()) {
    const v4 = isLast && i === groups.length - 1 ? readV4(group) : undefined;
    if (v4) bytes.push(...v4);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return bytes;
}
