// The meeting page: candidates on the map, their answers beside it, asked anew whenever a boundary moves.
"use strict";
const onemap = { measuring: null };
(() => {
  const COLOURS = ["#0057b8", "#d95f02", "#6a3d9a", "#1b7837", "#b2182b", "#4d4d4d"];
  const { element, show } = meetingAnswer;
  const data = JSON.parse(document.getElementById("data").textContent);
  const words = data.texts;
  const byId = (id) => document.getElementById(id);
  const candidates = [];
  let counter = 0;
  let asked = 0;

  const base = onemapBase.layer();
  const map = L.map("map", { attributionControl: Boolean(base), maxZoom: 21 }).fitBounds(data.window);
  onemapBase.show(map);
  onemap.map = map;
  L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);

  const say = (text, wrong) => {
    byId("said").textContent = text;
    byId("said").classList.toggle("wrong", Boolean(wrong));
  };

  const form = () => Object.fromEntries([...new FormData(byId("form")).entries()].filter(([, value]) => value));
  const ask = async (address, body, type) => {
    let answer;
    try {
      answer = await fetch(address, { method: "POST", body, headers: { "Content-Type": type, "X-Onemap": "1" } });
    } catch {
      throw new Error(words.lost);
    }
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(said.error || `${words.lost} (${answer.status})`);
    return said.answers;
  };
  const check = (sent) => ask("/check", JSON.stringify(sent), "application/json");

  const paint = () => {
    byId("candidates").replaceChildren(
      ...candidates.map((one) => {
        const row = element("div", "candidate");
        const tick = element("input");
        tick.type = "checkbox";
        tick.checked = one.ticked;
        tick.setAttribute("aria-label", `${words.compare} ${one.name}`);
        tick.addEventListener("change", () => choose(one, tick.checked));
        const name = element("button", "name", one.name);
        name.type = "button";
        name.title = words.show;
        name.addEventListener("click", () => {
          map.fitBounds(one.outline.getBounds(), { maxZoom: 17, padding: [40, 40] });
          choose(one, true);
        });
        const drop = element("button", "drop", "×");
        drop.type = "button";
        drop.setAttribute("aria-label", `${words.remove} ${one.name}`);
        drop.addEventListener("click", () => remove(one));
        row.append(element("span", `key key-${one.colour}`), tick, name);
        if (one.answer) row.append(element("span", `badge ${one.answer.verdict.code}`, one.answer.verdict.text));
        row.append(drop);
        return row;
      })
    );
    const side = candidates.filter((one) => one.ticked);
    byId("answers").hidden = !side.length;
    document.body.classList.toggle("answered", side.length === 1);
    document.body.classList.toggle("compared", side.length > 1);
    byId("answers").replaceChildren(...side.map((one) => show(one, side.find((other) => other !== one), words)));
    const wide = map.getSize().x;
    map.invalidateSize({ animate: false, pan: false });
    const [last] = side.sort((a, b) => b.ticked - a.ticked);
    if (last && map.getSize().x < wide && !map.getBounds().contains(last.outline.getBounds())) {
      map.fitBounds(last.outline.getBounds(), { maxZoom: map.getZoom(), padding: [40, 40], animate: false });
    }
  };

  const choose = (one, ticked) => {
    one.ticked = ticked ? ++asked : 0;
    const side = candidates.filter((other) => other.ticked).sort((a, b) => a.ticked - b.ticked);
    for (const other of side.slice(0, -2)) other.ticked = 0;
    for (const other of candidates) hold(other);
    paint();
  };
  const remove = (one) => {
    candidates.splice(candidates.indexOf(one), 1);
    one.outline.remove();
    if (one.handles) one.handles.remove();
    paint();
  };
  const latlngs = (polygons) => polygons.map((rings) => rings.map((ring) => ring.map(([lng, lat]) => [lat, lng])));
  const hold = (one) => {
    if (one.handles) one.handles.remove();
    one.handles = one.ticked ? meetingSketch.handles(map, one.polygons, { moving: () => one.outline.setLatLngs(latlngs(one.polygons)), moved: () => changed(one) }) : null;
  };

  const add = (name, polygons, answer) => {
    const used = new Set(candidates.map((one) => one.colour));
    const colour = COLOURS.findIndex((_, i) => !used.has(i));
    const one = { name, polygons, answer, colour: colour < 0 ? COLOURS.length - 1 : colour, form: form(), ticked: 0, turn: 0 };
    one.outline = L.polygon(latlngs(polygons), { color: COLOURS[one.colour], weight: 3, fillOpacity: 0.08, interactive: false }).addTo(map);
    candidates.push(one);
    choose(one, true);
    return one;
  };
  const changed = async (one) => {
    const turn = ++one.turn;
    one.outline.setLatLngs(latlngs(one.polygons));
    if (one.answer && !one.edited) {
      one.edited = one.source;
      if (one.source) one.name = `${one.name} (${words.edited})`;
    }
    one.waiting = true;
    hold(one);
    paint();
    say(words.checking);
    try {
      const geometry = { type: "MultiPolygon", coordinates: closed(one.polygons) };
      const [answer] = await check({ geometry, form: { ...one.form, project_name: one.name } });
      if (turn !== one.turn) return;
      Object.assign(one, { answer, error: "", waiting: false });
      say("");
    } catch (error) {
      if (turn !== one.turn) return;
      Object.assign(one, { answer: null, error: error.message, waiting: false });
      say(error.message, true);
    }
    paint();
  };
  const closed = (polygons) => polygons.map((rings) => rings.map((ring) => [...ring, ring[0]]));
  const given = async (asking) => {
    say(words.checking);
    try {
      const answers = await asking();
      for (const answer of answers) {
        const one = add(answer.name, answer.geometry.coordinates, answer);
        one.source = true;
        one.form = { ...one.form, project_name: answer.name };
      }
      const last = candidates[candidates.length - 1];
      map.fitBounds(last.outline.getBounds(), { maxZoom: 17, padding: [40, 40] });
      say("");
    } catch (error) {
      say(error.message, true);
    }
  };

  const sketch = meetingSketch.draw(map, {
    started: (active) => {
      byId("draw").disabled = active;
      if (active) say(words.drawing);
    },
    changed: (count) => {
      byId("finish").disabled = count < 3;
      byId("undo").disabled = !count;
    },
    done: (polygons) => {
      const name = form().project_name || `${words.site} ${++counter}`;
      byId("form").elements.project_name.value = "";
      changed(add(name, polygons, null));
    },
  });
  byId("draw").addEventListener("click", sketch.start);
  byId("finish").addEventListener("click", sketch.finish);
  byId("undo").addEventListener("click", sketch.undo);
  byId("form").addEventListener("submit", (event) => event.preventDefault());
  byId("form").addEventListener("change", (event) => {
    if (event.target.name === "project_name") return;
    const one = candidates.filter((other) => other.ticked).sort((a, b) => b.ticked - a.ticked)[0];
    if (!one) return;
    one.form = form();
    changed(one);
  });
  byId("file").addEventListener("change", () => {
    const [file] = byId("file").files;
    byId("file").value = "";
    if (!file) return;
    if (file.size > data.limit) return say(words.large.replace("{limit}", data.limit / 2 ** 20), true);
    const kind = (/\.[A-Za-z]+$/.exec(file.name) || [""])[0];
    const query = new URLSearchParams({ ...form(), kind, crs: byId("crs").value });
    given(() => ask(`/upload?${query}`, file, "application/octet-stream"));
  });
  byId("paste").addEventListener("click", () => {
    const text = byId("text").value;
    if (!text.trim()) return say(words.nothing, true);
    given(() => check({ text, crs: byId("crs").value, form: form() }));
  });

  fetch("/faces")
    .then((answer) => answer.text())
    .then((packed) => {
      const holder = element("script");
      holder.type = "application/octet-stream";
      holder.id = "onemap-faces";
      holder.textContent = packed;
      document.body.append(holder);
      const layers = data.layers.map((layer) => [layer.title, onemapFaces.layer("onemap-faces", layer).addTo(map)]);
      onemapLegend(map, base ? [...layers, [data.base, base]] : layers);
    });
  document.documentElement.dataset.ready = "yes";
})();
