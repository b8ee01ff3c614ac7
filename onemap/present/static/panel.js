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
  if (rows.length > data.mostLabels) return;
  for (const item of onemap.items) {
    const project = data.cards[item.feature.properties.card].project;
    if (!project) continue;
    const name = onemap.element("span", "", data.cards[item.feature.properties.card].heading);
    item.layer.bindTooltip(name, { permanent: true, direction: "center", className: "site-name", interactive: false });
  }
};
