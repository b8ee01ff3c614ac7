// The list of projects with its search box, and the names of the sites on the map.
"use strict";
onemap.go = function (map, project) {
  map.fitBounds(project.bounds, { maxZoom: 17, padding: [30, 30] });
};

onemap.startPanel = function (map, data) {
  const list = document.getElementById("projects");
  const box = document.getElementById("search");
  const count = document.getElementById("found");
  if (!list) return;
  const rows = data.projects.map((project) => {
    const row = onemap.element("button", "project");
    row.type = "button";
    row.append(onemap.element("span", `badge ${project.verdict}`, project.badge));
    row.append(onemap.element("span", "name", project.name));
    row.append(onemap.element("span", "detail", project.detail));
    row.addEventListener("click", () => onemap.go(map, project));
    list.append(row);
    return { row, project, words: `${project.id} ${project.name} ${project.badge} ${project.detail}`.toLowerCase() };
  });
  const search = () => {
    const wanted = box.value.trim().toLowerCase().split(/\s+/);
    const shown = rows.filter((one) => {
      one.row.hidden = !wanted.every((word) => one.words.includes(word));
      return !one.row.hidden;
    });
    count.textContent = `${shown.length} / ${rows.length}`;
    return shown;
  };
  box.addEventListener("input", search);
  box.addEventListener("keydown", (event) => {
    const shown = search();
    if (event.key === "Enter" && shown.length) onemap.go(map, shown[0].project);
  });
  search();
  document.getElementById("panel").classList.toggle("many", rows.length > 1);
  onemap.startNames(map, data);
};

// Names of sites: each is shown where it does not cover one already shown.
onemap.startNames = function (map, data) {
  const names = [];
  for (const item of onemap.items) {
    const card = data.cards[item.feature.properties.card];
    if (!card.project) continue;
    item.layer.bindTooltip(onemap.element("span", "", card.heading), {
      permanent: true,
      direction: "center",
      className: "site-name",
      interactive: false,
    });
    names.push(item.layer);
  }
  const declutter = () => {
    const shown = [];
    for (const layer of names) {
      const element = layer.getTooltip() && layer.getTooltip().getElement();
      if (!element) continue;
      const box = element.getBoundingClientRect();
      const covered = shown.some(
        (other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom
      );
      element.style.visibility = covered ? "hidden" : "visible";
      if (!covered) shown.push(box);
    }
  };
  map.on("zoomend moveend layeradd", () => window.setTimeout(declutter, 0));
  window.setTimeout(declutter, 0);
};
