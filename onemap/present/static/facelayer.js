// Draws very many faces on canvas tiles, a little at a time, so that the map stays free to move.
"use strict";
const onemapFaces = (() => {
  const ZOOM = 20;
  const HATCH = 16;
  const SLICE_MS = 9;
  const FAR = 2 ** -7; // from here outwards no outlines
  const SEAM = 0.8;

  const hatches = {
    diagonal: [[0, 8, 8, 0], [8, 16, 16, 8], [-1, 1, 1, -1], [15, 17, 17, 15]],
    backdiagonal: [[0, 8, 8, 16], [8, 0, 16, 8], [-1, 15, 1, 17], [15, -1, 17, 1]],
    horizontal: [[0, 4, 16, 4], [0, 12, 16, 12]],
    vertical: [[4, 0, 4, 16], [12, 0, 12, 16]],
    sparse: [[0, 16, 16, 0], [-1, 1, 1, -1], [15, 17, 17, 15]],
    dots: [[3, 4, 5, 4], [11, 12, 13, 12]],
  };
  hatches.cross = [...hatches.diagonal, ...hatches.backdiagonal];
  hatches.grid = [...hatches.horizontal, ...hatches.vertical];

  // The pattern's side divides that of a tile, so that hatches run on from tile to tile.
  const pattern = (look, ratio) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = HATCH * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.globalAlpha = look.opacity;
    pen.fillStyle = look.fill || look.line;
    pen.fillRect(0, 0, HATCH, HATCH);
    pen.globalAlpha = 0.75;
    pen.strokeStyle = look.line;
    pen.lineWidth = look.hatch === "dots" ? 2 : 1;
    pen.beginPath();
    for (const [a, b, c, d] of hatches[look.hatch] || []) {
      pen.moveTo(a, b);
      pen.lineTo(c, d);
    }
    pen.stroke();
    return pen.createPattern(canvas, "repeat");
  };

  // All tiles wait in one line; each turn works for some milliseconds and gives the screen back.
  const line = [];
  let turning = false;
  const turn = () => {
    const until = performance.now() + SLICE_MS;
    while (line.length && performance.now() < until) {
      if (line[0].cancelled || line[0].steps.next().done) line.shift();
    }
    turning = line.length > 0;
    if (turning) ahead();
  };
  // Paper cannot wait for turns: all that is in line is painted at once.
  const finish = () => {
    for (const layer of shown) if (layer.store && layer._map) layer._update();
    while (line.length) {
      if (line[0].cancelled || line[0].steps.next().done) line.shift();
    }
  };
  const channel = new MessageChannel();
  const ahead = () => channel.port2.postMessage(0);
  channel.port1.onmessage = turn;
  const enqueue = (job) => {
    line.push(job);
    if (!turning) {
      turning = true;
      ahead();
    }
  };

  const Layer = L.GridLayer.extend({
    options: { tileSize: 512, updateWhenZooming: false, updateWhenIdle: false, keepBuffer: 1 },
    initialize(id, options) {
      L.setOptions(this, options);
      this.id = id;
      this.jobs = new Map();
      this.patterns = new Map();
      this.on("tileunload", ({ coords }) => {
        const key = this._tileCoordsToKey(coords);
        if (this.jobs.has(key)) this.jobs.get(key).cancelled = true;
        this.jobs.delete(key);
      });
    },
    onAdd(map) {
      L.GridLayer.prototype.onAdd.call(this, map);
      listen(map, this);
      onemapStore.load(this.id).then((store) => {
        this.store = store;
        this.redraw();
        document.documentElement.dataset.faces = String(store.count);
      });
      return this;
    },
    onRemove(map) {
      L.GridLayer.prototype.onRemove.call(this, map);
      shown.delete(this);
    },
    createTile(coords, done) {
      const ratio = window.devicePixelRatio > 1 ? 2 : 1;
      const canvas = document.createElement("canvas");
      const side = this.options.tileSize;
      canvas.width = canvas.height = side * ratio;
      if (this.store) {
        const job = { steps: this.paint(canvas, coords, ratio, done) };
        this.jobs.set(this._tileCoordsToKey(coords), job);
        enqueue(job);
      } else window.setTimeout(() => done(null, canvas), 0);
      return canvas;
    },
    *paint(canvas, coords, ratio, done) {
      const { store, options } = this;
      const side = options.tileSize;
      const scale = 2 ** (coords.z - ZOOM);
      const [left, top] = [(coords.x * side) / scale, (coords.y * side) / scale];
      const edge = 4 / scale;
      const number = store.columns[options.column].values;
      const faces = store.within(left - edge, top - edge, left + side / scale + edge, top + side / scale + edge);
      const wanted = faces.filter((f) => number[f] > 0).sort((a, b) => number[a] - number[b]);
      yield;
      const pen = canvas.getContext("2d");
      pen.scale(ratio, ratio);
      for (let from = 0; from < wanted.length; ) {
        const look = options.looks[number[wanted[from]] - 1];
        const path = new Path2D();
        let weight = 0;
        let to = from;
        for (; to < wanted.length && number[wanted[to]] === number[wanted[from]] && weight < 12000; to++)
          weight += this.trace(path, wanted[to], left, top, scale);
        this.ink(pen, path, look, number[wanted[from]], scale, ratio);
        from = to;
        yield;
      }
      done(null, canvas);
    },
    // Points closer than half a pixel to the last one drawn are left out; what is smaller than a pixel is a dot.
    trace(path, f, left, top, scale) {
      const { face, ring, x, y, box } = this.store;
      const [w, h] = [(box[f * 4 + 2] - box[f * 4]) * scale, (box[f * 4 + 3] - box[f * 4 + 1]) * scale];
      if (w < 1.5 && h < 1.5) {
        path.rect((box[f * 4] - left) * scale - 0.25, (box[f * 4 + 1] - top) * scale - 0.25, w + 0.5, h + 0.5);
        return 1;
      }
      let drawn = 0;
      for (let r = face[f]; r < face[f + 1]; r++) {
        let [u, v] = [Infinity, Infinity];
        for (let i = ring[r]; i < ring[r + 1]; i++) {
          const a = (x[i] - left) * scale;
          const b = (y[i] - top) * scale;
          if (Math.abs(a - u) + Math.abs(b - v) < 0.6) continue;
          if (i === ring[r]) path.moveTo(a, b);
          else path.lineTo(a, b);
          [u, v] = [a, b];
          drawn++;
        }
        path.closePath();
      }
      return drawn + 1;
    },
    // Neighbours of a pixel's size, each with its own points left out, would leave white specks between them.
    close(pen, path, fill, width) {
      pen.strokeStyle = fill;
      pen.lineWidth = SEAM * width;
      pen.stroke(path);
    },
    ink(pen, path, look, number, scale, ratio) {
      if (look.hatch) {
        const key = `${number} ${ratio}`;
        if (!this.patterns.has(key)) this.patterns.set(key, pattern(look, ratio));
        pen.save();
        pen.setTransform(1, 0, 0, 1, 0, 0);
        const scaled = new Path2D();
        scaled.addPath(path, new DOMMatrix([ratio, 0, 0, ratio, 0, 0]));
        pen.fillStyle = this.patterns.get(key);
        pen.fill(scaled, "evenodd");
        if (scale < FAR) this.close(pen, scaled, pen.fillStyle, ratio);
        pen.restore();
      } else if (look.fill && look.opacity) {
        pen.globalAlpha = look.opacity;
        pen.fillStyle = look.fill;
        pen.fill(path, "evenodd");
        if (scale < FAR) this.close(pen, path, look.fill, 1);
        pen.globalAlpha = 1;
      }
      if (!look.weight || scale < FAR) return;
      pen.globalAlpha = scale < 2 ** -5 ? 0.45 : 1;
      pen.strokeStyle = look.line;
      pen.lineWidth = scale < 2 ** -5 ? Math.min(look.weight, 0.5) : look.weight;
      pen.stroke(path);
      pen.globalAlpha = 1;
    },
  });

  // One click, one popup, whichever layers of faces are on.
  const shown = new Set();
  const listen = (map, layer) => {
    shown.add(layer);
    if (map.onemapFaces) return;
    map.onemapFaces = true;
    let mark = null;
    map.on("popupclose", () => mark && mark.remove());
    map.on("click", (event) => {
      if (typeof onemap !== "undefined" && onemap.measuring) return;
      const at = map.project(event.latlng, ZOOM);
      for (const { store, options } of shown) {
        if (!store || !options.card) continue;
        const found = store.under(at.x, at.y);
        if (!found.length) continue;
        const content = element("div", "cards");
        for (const f of found) content.append(card(store, f, options.card));
        L.popup({ maxWidth: 420, minWidth: 300, maxHeight: 380 }).setLatLng(event.latlng).setContent(content).openOn(map);
        mark = L.polygon(outline(map, store, found[0]), { color: "#111111", weight: 3, fill: false, interactive: false }).addTo(map);
        return;
      }
    });
  };
  const outline = (map, { face, ring, x, y }, f) => {
    const rings = [];
    for (let r = face[f]; r < face[f + 1]; r++) {
      const points = [];
      for (let i = ring[r]; i < ring[r + 1]; i++) points.push(map.unproject([x[i] + 0.5, y[i] + 0.5], ZOOM));
      rings.push(points);
    }
    return rings;
  };

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  const digits = (value, count) =>
    value.toLocaleString("en-US", { minimumFractionDigits: count, maximumFractionDigits: count });
  const worded = ({ columns: all, tables }, f, field) => {
    const value = all[field.column].at(f);
    if (field.kind === "area") {
      const m2 = value / 100;
      return filled(field.text, { m2: digits(m2, 2), ha: digits(m2 / 10000, 4), mu: digits(m2 * 0.0015, 2) });
    }
    if (!field.table) return value;
    const table = tables[field.table];
    return Array.isArray(value) ? value.map((number) => table[number]) : table[value];
  };
  const rows = (pairs, className) => {
    const table = element("table", className);
    for (const [name, value] of pairs) {
      const row = table.insertRow();
      row.append(element("th", "", name), element("td", "", value));
    }
    return table;
  };
  const card = (store, f, fields) => {
    const section = element("section", "card");
    section.append(element("h3", "", filled(fields.heading.text, { face_id: worded(store, f, fields.heading) })));
    const facts = fields.rows.map((field) => [field.label, worded(store, f, field)]);
    section.append(rows(facts.filter(([, value]) => value !== "" && value !== undefined), "facts"));
    for (const field of fields.lists) {
      const items = worded(store, f, field);
      if (!items.length) continue;
      const list = element("ul");
      for (const item of items) list.append(element("li", "", item));
      section.append(element("h4", "", field.label), list);
    }
    const plans = worded(store, f, fields.plans);
    if (plans.length) section.append(element("h4", "", fields.plans.label), rows(plans, "plans"));
    return section;
  };

  // A tile painted anew with more pixels; any other canvas as it is.
  const sharp = (canvas, ratio) => {
    for (const layer of shown) {
      const tile = layer.store && Object.values(layer._tiles).find((one) => one.el === canvas);
      if (!tile) continue;
      const finer = document.createElement("canvas");
      finer.width = finer.height = layer.options.tileSize * ratio;
      for (const steps = layer.paint(finer, tile.coords, ratio, () => {}); !steps.next().done; );
      return finer;
    }
    return canvas;
  };

  const busy = () => line.length > 0 || [...shown].some((layer) => !layer.store);
  return { layer: (id, options) => new Layer(id, options), busy, finish, sharp };
})();
