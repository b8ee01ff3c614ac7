// Unpacks what onemap.present.packed made and finds faces by place.
"use strict";
const onemapStore = (() => {
  const stores = new Map();

  const bytes = (text) => {
    const raw = atob(text);
    const out = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
    return out;
  };
  const unpack = async (packed) => {
    if (typeof DecompressionStream === "undefined") return onemapInflate(packed);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };
  const reader = (data, start) => {
    let at = start;
    const next = () => {
      let value = data[at] & 127;
      for (let scale = 128; data[at++] > 127; scale *= 128) value += (data[at] & 127) * scale;
      return value;
    };
    const signed = () => {
      const value = next();
      return value % 2 ? -(value + 1) / 2 : value / 2;
    };
    return { next, signed };
  };

  const columns = (head, data, places) => {
    const made = {};
    for (const [name, kind] of Object.entries(head.columns)) {
      const start = places[`column.${name}`];
      const read = reader(data, start);
      if (kind.startsWith("hex:")) {
        const size = Number(kind.slice(4));
        const text = (i) =>
          Array.from(data.subarray(start + i * size, start + (i + 1) * size), (b) => b.toString(16).padStart(2, "0")).join("");
        made[name] = { at: text };
      } else if (kind === "lists") {
        const starts = new Uint32Array(head.count + 1);
        for (let i = 0; i < head.count; i++) starts[i + 1] = starts[i] + read.next();
        const values = new Uint32Array(starts[head.count]);
        for (let i = 0, value = 0; i < values.length; i++) values[i] = value += read.signed();
        made[name] = { at: (i) => Array.from(values.subarray(starts[i], starts[i + 1])) };
      } else {
        const values = new Float64Array(head.count);
        for (let i = 0; i < head.count; i++) values[i] = read.next();
        made[name] = { values, at: (i) => values[i] };
      }
    }
    return made;
  };

  // Faces as rings of pixels at zoom 20, with bounds and a uniform grid of cells that name the faces they hold.
  const build = (data) => {
    const view = new DataView(data.buffer, data.byteOffset, 4);
    const size = view.getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + size)));
    const places = {};
    let offset = 4 + size;
    for (const [name, length] of Object.entries(head.sections)) {
      places[name] = offset;
      offset += length;
    }
    const count = head.count;
    const ringsOf = reader(data, places.rings);
    const face = new Uint32Array(count + 1);
    for (let i = 0; i < count; i++) face[i + 1] = face[i] + ringsOf.next();
    const pointsOf = reader(data, places.points);
    const ring = new Uint32Array(face[count] + 1);
    for (let i = 0; i < face[count]; i++) ring[i + 1] = ring[i] + pointsOf.next();
    const coordinates = (section) => {
      const read = reader(data, places[section]);
      const out = new Int32Array(head.vertices);
      for (let r = 0, first = 0; r < face[count]; r++) {
        if (ring[r] === ring[r + 1]) continue;
        let value = (first += read.signed());
        out[ring[r]] = value;
        for (let i = ring[r] + 1; i < ring[r + 1]; i++) out[i] = value += read.signed();
      }
      return out;
    };
    const store = { count, face, ring, x: coordinates("x"), y: coordinates("y"), tables: head.tables };
    store.columns = columns(head, data, places);
    return index(store);
  };

  const index = (store) => {
    const { count, face, ring, x, y } = store;
    const box = new Int32Array(count * 4);
    const all = [Infinity, Infinity, -Infinity, -Infinity];
    for (let f = 0; f < count; f++) {
      let [left, top, right, bottom] = [2 ** 31 - 1, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31)];
      for (let i = ring[face[f]]; i < ring[face[f + 1]]; i++) {
        if (x[i] < left) left = x[i];
        if (x[i] > right) right = x[i];
        if (y[i] < top) top = y[i];
        if (y[i] > bottom) bottom = y[i];
      }
      box.set([left, top, right, bottom], f * 4);
      if (right < left) continue;
      all[0] = Math.min(all[0], left);
      all[1] = Math.min(all[1], top);
      all[2] = Math.max(all[2], right);
      all[3] = Math.max(all[3], bottom);
    }
    const span = Math.max(all[2] - all[0], all[3] - all[1], 1);
    const side = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(count / 8))));
    const cell = Math.max(1, Math.ceil((span + 1) / side));
    const wide = (value, from) => Math.max(0, Math.min(side - 1, Math.floor((value - from) / cell)));
    const eachCell = (f, act) => {
      const [left, top, right, bottom] = box.subarray(f * 4, f * 4 + 4);
      for (let row = wide(top, all[1]); row <= wide(bottom, all[1]); row++)
        for (let col = wide(left, all[0]); col <= wide(right, all[0]); col++) act(row * side + col);
    };
    const start = new Uint32Array(side * side + 1);
    for (let f = 0; f < count; f++) if (box[f * 4] <= box[f * 4 + 2]) eachCell(f, (c) => start[c + 1]++);
    for (let c = 0; c < side * side; c++) start[c + 1] += start[c];
    const fill = start.slice();
    const held = new Uint32Array(start[side * side]);
    for (let f = 0; f < count; f++) if (box[f * 4] <= box[f * 4 + 2]) eachCell(f, (c) => (held[fill[c]++] = f));
    const stamp = new Uint32Array(count);
    let round = 0;

    store.box = box;
    store.within = (left, top, right, bottom) => {
      const found = [];
      if (!count || left > all[2] || right < all[0] || top > all[3] || bottom < all[1]) return found;
      round++;
      for (let row = wide(top, all[1]); row <= wide(bottom, all[1]); row++)
        for (let col = wide(left, all[0]); col <= wide(right, all[0]); col++)
          for (let i = start[row * side + col]; i < start[row * side + col + 1]; i++) {
            const f = held[i];
            const at = f * 4;
            if (stamp[f] === round || box[at] > right || box[at + 2] < left || box[at + 1] > bottom || box[at + 3] < top) continue;
            stamp[f] = round;
            found.push(f);
          }
      return found;
    };
    store.under = (px, py) => store.within(px, py, px, py).filter((f) => inside(store, f, px, py));
    return store;
  };

  const inside = ({ face, ring, x, y }, f, px, py) => {
    let odd = false;
    for (let r = face[f]; r < face[f + 1]; r++)
      for (let i = ring[r], j = ring[r + 1] - 1; i < ring[r + 1]; j = i++)
        if (y[i] > py !== y[j] > py && px < ((x[j] - x[i]) * (py - y[i])) / (y[j] - y[i]) + x[i]) odd = !odd;
    return odd;
  };

  const load = (id) => {
    if (!stores.has(id)) stores.set(id, unpack(bytes(document.getElementById(id).textContent)).then(build));
    return stores.get(id);
  };
  return { load };
})();
