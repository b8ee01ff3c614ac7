// Puts an answer on screen; every word of it as text, never as markup.
"use strict";
const meetingAnswer = (() => {
  const MOST_CONFLICTS = 8;
  const MOST_OPEN = 10;

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const badge = (code, text, more = "") => element("span", `badge ${code} ${more}`.trim(), text);
  const list = (title, items) => {
    if (!items.length) return [];
    const rows = element("ul");
    for (const item of items) {
      const row = element("li");
      row.append(...(typeof item === "string" ? [item] : item));
      rows.append(row);
    }
    if (items.length <= MOST_OPEN) return [element("h3", "", title), rows];
    const folded = element("details");
    folded.append(element("summary", "", title), rows);
    return [folded];
  };
  const table = (columns, rows) => {
    const made = element("table");
    if (columns.length) {
      const head = made.createTHead().insertRow();
      for (const column of columns) head.append(element("th", "", column));
    }
    const body = made.createTBody();
    for (const cells of rows) {
      const row = body.insertRow();
      for (const cell of cells) row.append(element("td", "", cell));
    }
    const wide = element("div", "wide");
    wide.append(made);
    return wide;
  };
  const block = ({ title, lines, notes, tables }) => {
    const made = element("details");
    made.append(element("summary", "", title));
    for (const line of lines) made.append(element("p", "", line));
    for (const one of tables) {
      if (one.title) made.append(element("h3", "", one.title));
      made.append(table(one.columns, one.rows));
    }
    for (const note of notes) made.append(element("p", "small", note));
    return made;
  };
  const save = (id, what, text) => {
    const link = element("a", "", text);
    link.href = `/take/${id}/${what}`;
    link.download = what;
    return link;
  };

  // The answer of one candidate; ``other`` is the one beside it, whose differences are marked.
  const show = (candidate, other, words) => {
    const made = element("article", candidate.waiting ? "answer waiting" : "answer");
    made.dataset.name = candidate.name;
    const heading = element("h2");
    heading.append(element("span", `key key-${candidate.colour}`), element("span", "", candidate.name));
    made.append(heading);
    const answer = candidate.answer;
    if (candidate.error) made.append(element("p", "wrong", candidate.error));
    if (!answer) return made;
    const differs = (name) => (other && other.answer && other.answer[name].code !== answer[name].code ? " changed" : "");
    const verdict = element("p", differs("verdict").trim());
    verdict.append(badge(answer.verdict.code, answer.verdict.text, "verdict"));
    const route = element("div", `route ${answer.route.code}${differs("route")}`);
    route.append(element("span", "small", `${words.route} ${answer.route.rule}`), element("strong", "", answer.route.text));
    if (answer.route.clauses) route.append(element("span", "small", answer.route.clauses));
    const sizes = table([], [[words.area, answer.area], [words.qualifying, answer.qualifying]]);
    made.append(verdict, route, sizes);
    made.append(...list(words.prohibited, answer.prohibited), ...list(words.consent, answer.consent));
    const conflicts = answer.conflicts.slice(0, MOST_CONFLICTS).map((one) => [
      badge(`severity-${one.severity}`, one.text),
      element("span", "", `${one.title}: ${one.area}`),
    ]);
    const left = answer.conflicts.length - conflicts.length;
    if (left > 0) conflicts.push(words.more.replace("{count}", left));
    made.append(...list(`${words.conflicts} (${answer.conflicts.length})`, conflicts.length ? conflicts : [words.none]));
    const due = answer.duties.reduce((sum, stage) => sum + stage.items.length, 0);
    made.append(element("h3", "", `${words.duties} (${due})`));
    for (const { stage, items } of answer.duties) {
      const stages = element("details");
      stages.append(element("summary", "", `${stage} (${items.length})`));
      stages.append(table([], items.map((item) => [item.text, item.department, item.status])));
      made.append(stages);
    }
    made.append(...list(`${words.unknown} (${answer.unknown.length})`, answer.unknown));
    made.append(...list(`${words.missing} (${answer.missing.length})`, answer.missing), ...list(words.issues, answer.issues));
    made.append(element("h3", "", words.evidence), ...answer.blocks.map(block));
    const take = element("p", "take");
    take.append(save(answer.id, "report.docx", words.docx), save(answer.id, "review.json", words.json));
    made.append(take, element("p", "small", words.took.replace("{ms}", answer.took_ms)));
    return made;
  };
  return { element, show };
})();
