// Unpacks a zlib stream where the browser has no DecompressionStream (RFC 1950 and 1951).
"use strict";
const onemapInflate = (() => {
  const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

  // Base value and extra bits of the symbols of lengths and of distances, in steps as the standard counts them.
  const ladder = (count, per, first) => {
    const base = [];
    const extra = [];
    let value = first;
    for (let i = 0; i < count; i++) {
      const bits = i < 2 * per ? 0 : Math.floor(i / per) - 1;
      base.push(value);
      extra.push(bits);
      value += 2 ** bits;
    }
    return { base, extra };
  };
  const lengths = ladder(28, 4, 3);
  lengths.base.push(258);
  lengths.extra.push(0);
  const distances = ladder(30, 2, 1);

  // Canonical Huffman code: how many codes of each length, and the symbols sorted by code.
  const code = (sizes) => {
    const count = new Uint16Array(16);
    for (const size of sizes) count[size]++;
    count[0] = 0;
    const next = new Uint16Array(16);
    for (let i = 1; i < 15; i++) next[i + 1] = next[i] + count[i];
    const symbols = new Uint16Array(sizes.length);
    sizes.forEach((size, symbol) => {
      if (size) symbols[next[size]++] = symbol;
    });
    return { count, symbols };
  };
  const fixed = () => [
    code(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))),
    code(new Array(30).fill(5)),
  ];

  return (input) => {
    let at = 2;
    let hold = 0;
    let held = 0;
    let out = new Uint8Array(input.length * 4 + 1024);
    let end = 0;
    const room = (more) => {
      if (end + more <= out.length) return;
      const larger = new Uint8Array(Math.max(out.length * 2, end + more));
      larger.set(out);
      out = larger;
    };
    const bits = (count) => {
      while (held < count) {
        if (at >= input.length) throw new Error("the packed data ends too early");
        hold |= input[at++] << held;
        held += 8;
      }
      const value = hold & ((1 << count) - 1);
      hold >>>= count;
      held -= count;
      return value;
    };
    const symbol = ({ count, symbols }) => {
      let value = 0;
      let first = 0;
      let index = 0;
      for (let size = 1; size < 16; size++) {
        value |= bits(1);
        if (value - first < count[size]) return symbols[index + value - first];
        index += count[size];
        first = (first + count[size]) << 1;
        value <<= 1;
      }
      throw new Error("the packed data is damaged");
    };
    const dynamic = () => {
      const literals = bits(5) + 257;
      const copies = bits(5) + 1;
      const own = new Array(19).fill(0);
      for (let i = bits(4) + 4, k = 0; k < i; k++) own[ORDER[k]] = bits(3);
      const table = code(own);
      const sizes = [];
      while (sizes.length < literals + copies) {
        const found = symbol(table);
        if (found < 16) sizes.push(found);
        else {
          const value = found === 16 ? sizes[sizes.length - 1] : 0;
          const times = found === 16 ? 3 + bits(2) : found === 17 ? 3 + bits(3) : 11 + bits(7);
          for (let k = 0; k < times; k++) sizes.push(value);
        }
      }
      return [code(sizes.slice(0, literals)), code(sizes.slice(literals))];
    };
    for (let last = 0; !last; ) {
      last = bits(1);
      const kind = bits(2);
      if (kind === 0) {
        hold = held = 0;
        const size = input[at] | (input[at + 1] << 8);
        at += 4;
        room(size);
        out.set(input.subarray(at, at + size), end);
        at += size;
        end += size;
        continue;
      }
      const [literal, distance] = kind === 1 ? fixed() : dynamic();
      for (;;) {
        const found = symbol(literal);
        if (found === 256) break;
        room(258);
        if (found < 256) {
          out[end++] = found;
          continue;
        }
        const size = lengths.base[found - 257] + bits(lengths.extra[found - 257]);
        const step = symbol(distance);
        const back = distances.base[step] + bits(distances.extra[step]);
        for (let k = 0; k < size; k++, end++) out[end] = out[end - back];
      }
    }
    return out.subarray(0, end);
  };
})();
