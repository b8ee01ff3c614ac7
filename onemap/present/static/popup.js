// One click, one popup: everything that lies under the point, sites first, then conflicts, then all plans.
"use strict";
onemap.inRing = function (x, y, ring) {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i];
    const [xj, yj] = ring[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
};

onemap.inGeometry = function (x, y, geometry) {
  if (geometry.type === "GeometryCollection") return geometry.geometries.some((g) => onemap.inGeometry(x, y, g));
  const polygons = { Polygon: [geometry.coordinates], MultiPolygon: geometry.coordinates }[geometry.type] || [];
  return polygons.some((rings) => rings.reduce((odd, ring) => odd !== onemap.inRing(x, y, ring), false));
};

onemap.under = function (map, latlng) {
  return onemap.items
    .filter(
      (item) =>
        map.hasLayer(item.layer) &&
        item.layer.getBounds &&
        item.layer.getBounds().contains(latlng) &&
        onemap.inGeometry(latlng.lng, latlng.lat, item.feature.geometry)
    )
    .sort((a, b) => b.feature.properties.order - a.feature.properties.order);
};

onemap.table = function (rows, className) {
  const table = onemap.element("table", className);
  for (const [name, value] of rows) {
    const row = table.insertRow();
    row.append(onemap.element("th", "", name), onemap.element("td", "", value));
  }
  return table;
};

onemap.card = function (card, data) {
  const section = onemap.element("section", "card");
  const heading = onemap.element("h3", "", card.heading || "");
  if (card.badge) heading.append(onemap.element("span", `badge ${card.kind}`, card.badge));
  section.append(heading);
  if (card.rows) section.append(onemap.table(card.rows, "facts"));
  for (const [title, items] of card.lists || []) {
    section.append(onemap.element("h4", "", title));
    const list = onemap.element("ul");
    for (const item of items) list.append(onemap.element("li", "", item));
    section.append(list);
  }
  if (card.plans) {
    section.append(onemap.element("h4", "", data.texts.plans));
    section.append(onemap.table(card.plans.map((number) => data.plans[number]), "plans"));
  }
  return section;
};

onemap.startPopups = function (map, data) {
  map.on("click", (event) => {
    if (onemap.measuring) return;
    const found = onemap.under(map, event.latlng);
    if (!found.length) return;
    const content = onemap.element("div", "cards");
    for (const item of found) content.append(onemap.card(data.cards[item.feature.properties.card], data));
    L.popup({ maxWidth: 420, minWidth: 300, maxHeight: 380 })
      .setLatLng(event.latlng)
      .setContent(content)
      .openOn(map);
  });
};
