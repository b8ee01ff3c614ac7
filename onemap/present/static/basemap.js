// What lies under the map, if a bureau configured it: tiles of one host, or pictures that the page carries.
"use strict";
const onemapBase = (() => {
  const EMPTY = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  const DEEPEST = 24;
  const made = [];

  const Packed = L.TileLayer.extend({
    // A little above the coarsest level its tiles are drawn smaller; further out there is none: their number explodes.
    _clampZoom(zoom) {
      const { coarsest, maxNativeZoom } = this.options;
      return zoom < coarsest && zoom >= coarsest - 2 ? coarsest : Math.min(zoom, maxNativeZoom);
    },
    getTileUrl(at) {
      return this.options.tiles[`${at.z}/${at.x}/${at.y}`] || EMPTY;
    },
  });

  // Tiles of longitude and latitude (180 degrees wide at the first level), each stretched to its place in mercator:
  // within one tile of a town the difference between the two is far below a pixel.
  const Geographic = L.LayerGroup.extend({
    initialize(spec, options) {
      L.LayerGroup.prototype.initialize.call(this, [], options);
      this.spec = spec;
      this.shown = new Map();
    },
    getEvents() {
      return { moveend: this.update };
    },
    onAdd(map) {
      L.LayerGroup.prototype.onAdd.call(this, map);
      this.update();
    },
    update() {
      const { url, first, maxLevel } = this.spec;
      const level = Math.max(first, Math.min(Math.round(this._map.getZoom()) - 1 + first, maxLevel));
      const width = 180 / 2 ** (level - first);
      const bounds = this._map.getBounds().pad(0.1);
      const column = (lng) => Math.floor((lng + 180) / width);
      const row = (lat) => Math.floor((90 - lat) / width);
      const wanted = new Map();
      for (let x = Math.max(0, column(bounds.getWest())); x <= column(bounds.getEast()); x++) {
        for (let y = Math.max(0, row(bounds.getNorth())); y <= row(bounds.getSouth()); y++) wanted.set(`${level}/${x}/${y}`, [x, y]);
      }
      for (const [key, picture] of this.shown) {
        if (wanted.has(key)) continue;
        this.removeLayer(picture);
        this.shown.delete(key);
      }
      for (const [key, [x, y]] of wanted) {
        if (this.shown.has(key)) continue;
        const place = [[90 - (y + 1) * width, x * width - 180], [90 - y * width, (x + 1) * width - 180]];
        const picture = L.imageOverlay(L.Util.template(url, { x, y, z: level }), place, this.options);
        picture.on("error", () => picture.setUrl(EMPTY));
        this.shown.set(key, picture);
        this.addLayer(picture);
      }
    },
  });

  const one = (spec) => {
    const options = { pane: "tilePane", zIndex: 0, opacity: spec.opacity, attribution: spec.attribution, interactive: false };
    const levels = { maxNativeZoom: spec.maxLevel, maxZoom: DEEPEST };
    if (spec.kind === "image") return L.imageOverlay(spec.url, spec.bounds, options);
    if (spec.kind === "packed") return new Packed("", { ...options, ...levels, coarsest: spec.minLevel, tiles: spec.tiles });
    if (spec.kind === "geographic") return new Geographic(spec, options);
    return L.tileLayer(spec.url, { ...options, ...levels });
  };

  return {
    // The configured layers as one; shown by show(), so that nothing is asked for before the map has its place.
    layer() {
      const holder = document.getElementById("onemap-base");
      if (!holder) return null;
      const group = L.layerGroup(JSON.parse(holder.textContent).map(one));
      made.push(group);
      return group;
    },
    show(map) {
      for (const group of made) group.addTo(map);
    },
  };
})();
