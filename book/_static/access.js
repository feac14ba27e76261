// A formula, table or printout that is wider than its box scrolls: make each such box a stop of the Tab key,
// so that it can be scrolled with the arrow keys. The theme does so for printed output and wide tables only.
{
  const BOXES = "mjx-container, .math, .pst-scrollable-table-container";
  const mark = () => {
    const boxes = [...document.querySelectorAll(BOXES)];
    const wide = boxes.map((box) => box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX === "auto");
    boxes.forEach((box, i) => (wide[i] ? (box.tabIndex = 0) : box.removeAttribute("tabindex")));
  };
  let timer;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(mark, 200);
  };
  addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(mark));
  addEventListener("resize", soon);
  document.addEventListener("toggle", soon, true); // a folded block was opened
  document.addEventListener("click", soon);
}
