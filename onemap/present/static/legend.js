// The boxes of the legend switch the layers of the same title; a layer that is off keeps only its line.
"use strict";
function onemapLegend(map, layers) {
  for (const section of document.querySelectorAll("#legend [data-overlay]")) {
    const [, layer] = layers.find(([title]) => title === section.dataset.overlay) || [];
    if (!layer) continue;
    const box = section.querySelector("input");
    box.addEventListener("change", () => map[box.checked ? "addLayer" : "removeLayer"](layer));
    layer.on("add remove", () => {
      box.checked = map.hasLayer(layer);
      section.classList.toggle("off", !box.checked);
    });
  }
}
