// Distances and areas on screen: planar on the ellipsoid's local radii, good to about 1e-5 over a town.
"use strict";
onemap.local = function (points) {
  const a = 6378137;
  const e2 = 0.00669438002290;
  const middle = (points.reduce((sum, p) => sum + p.lat, 0) / points.length) * (Math.PI / 180);
  const w = Math.sqrt(1 - e2 * Math.sin(middle) ** 2);
  const east = ((a / w) * Math.cos(middle) * Math.PI) / 180;
  const north = (((a * (1 - e2)) / w ** 3) * Math.PI) / 180;
  return points.map((p) => [(p.lng - points[0].lng) * east, (p.lat - points[0].lat) * north]);
};

onemap.length = function (points) {
  const at = onemap.local(points);
  return at.slice(1).reduce((sum, [x, y], i) => sum + Math.hypot(x - at[i][0], y - at[i][1]), 0);
};

onemap.area = function (points) {
  const at = onemap.local(points);
  const twice = at.reduce((sum, [x, y], i) => {
    const [u, v] = at[(i + 1) % at.length];
    return sum + x * v - u * y;
  }, 0);
  return Math.abs(twice) / 2;
};

onemap.startMeasure = function (map, data) {
  const words = data.texts;
  const drawn = L.layerGroup().addTo(map);
  const format = (value, digits) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  let points = [];
  let output;
  const buttons = {};

  const show = () => {
    drawn.clearLayers();
    const style = { color: "#111111", weight: 2, dashArray: "5 4", fillColor: "#ffffff", fillOpacity: 0.3, interactive: false };
    if (points.length > 1) (onemap.measuring === "area" ? L.polygon : L.polyline)(points, style).addTo(drawn);
    for (const point of points) L.circleMarker(point, { ...style, radius: 3, dashArray: null, fillOpacity: 1 }).addTo(drawn);
    if (onemap.measuring === "area" && points.length > 2) {
      const size = onemap.area(points);
      output.textContent = `≈ ${format(size, 1)} m² · ${format(size / 10000, 4)} ${words.hectare} · ${format(size * 0.0015, 2)} ${words.mu}`;
    } else if (onemap.measuring === "length" && points.length > 1) {
      output.textContent = `≈ ${format(onemap.length(points), 1)} m`;
    } else {
      output.textContent = onemap.measuring ? words.measureHelp : "";
    }
  };
  const choose = (kind) => {
    onemap.measuring = onemap.measuring === kind ? null : kind;
    points = [];
    for (const [name, button] of Object.entries(buttons)) {
      button.setAttribute("aria-pressed", String(name === onemap.measuring));
    }
    map.getContainer().classList.toggle("measuring", Boolean(onemap.measuring));
    map.doubleClickZoom[onemap.measuring ? "disable" : "enable"]();
    show();
  };

  const Tool = L.Control.extend({
    options: { position: "topleft" },
    onAdd() {
      const bar = onemap.element("div", "leaflet-bar measure");
      for (const [kind, text] of [["length", words.measureLength], ["area", words.measureArea]]) {
        const button = onemap.element("button", "", text);
        button.type = "button";
        button.setAttribute("aria-pressed", "false");
        button.addEventListener("click", () => choose(kind));
        buttons[kind] = button;
        bar.append(button);
      }
      output = onemap.element("output", "measured");
      bar.append(output);
      L.DomEvent.disableClickPropagation(bar);
      return bar;
    },
  });
  map.addControl(new Tool());
  map.on("click", (event) => {
    if (!onemap.measuring) return;
    points.push(event.latlng);
    show();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && onemap.measuring) choose(onemap.measuring);
    if (event.key === "Backspace" && onemap.measuring && event.target === document.body) {
      points.pop();
      show();
    }
  });
};
