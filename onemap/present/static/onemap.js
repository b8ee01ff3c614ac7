// What the page's other scripts share. Data arrives as JSON in the page; every word goes on screen as text.
"use strict";
const onemap = {
  data: null,
  items: [],

  load() {
    if (!onemap.data) onemap.data = JSON.parse(document.getElementById("onemap-data").textContent);
    return onemap.data;
  },

  element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  },

  style(feature) {
    return onemap.load().looks[feature.properties.look];
  },

  point(feature, latlng) {
    return L.circleMarker(latlng, Object.assign({ radius: 5 }, onemap.style(feature)));
  },

  feature(feature, layer) {
    if (feature.properties.card >= 0) onemap.items.push({ feature, layer });
  },

  // A frame further down a notebook has no size yet when its map starts: it is fitted again until somebody touches it.
  keepFitted(map, bounds) {
    let touched = false;
    let based = false;
    const fit = () => {
      map.invalidateSize({ animate: false });
      if (bounds && !touched) map.fitBounds(bounds, { animate: false });
      if (!based && map.getSize().x > 0) onemapBase.show(map);
      based = based || map.getSize().x > 0;
    };
    for (const kind of ["pointerdown", "wheel", "keydown"]) {
      window.addEventListener(kind, () => (touched = true), { once: true, capture: true, passive: true });
    }
    fit();
    new ResizeObserver(fit).observe(map.getContainer());
  },

  start(map, layers) {
    const data = onemap.load();
    onemap.map = map;
    L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);
    onemap.startPopups(map, data);
    onemap.startPanel(map, data);
    onemapLegend(map, layers);
    onemap.startMeasure(map, data);
    onemap.keepFitted(map, data.window);
    onemap.startPrint(map, data);
    document.documentElement.dataset.ready = "yes";
  },
};
