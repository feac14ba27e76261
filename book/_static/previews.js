/* Hover previews: a link to a statement, an equation, a work or a term shows what it points at.
   The card opens on hover and on keyboard focus, stays while the pointer is on it, and closes on Escape. */
(() => {
  const root = new URL(document.documentElement.dataset.content_root || "./", location.href);
  const article = document.querySelector(".bd-article");
  if (!article) return;

  const loading = {}; // page -> promise of its fragments by anchor
  const arrived = {};
  window.bookPreviews = (page, fragments) => { arrived[page] = fragments; };

  function fragments(page) {
    loading[page] ??= new Promise((done) => {
      const script = document.createElement("script");
      script.src = new URL(`_previews/${page}.js`, root);
      script.onload = script.onerror = () => done(arrived[page] ?? {});
      document.head.append(script);
    });
    return loading[page];
  }

  const card = document.createElement("div");
  card.id = "link-preview";
  card.className = "preview";
  card.hidden = true;
  card.setAttribute("role", "tooltip");
  article.append(card);

  const HEADER = 60; // pixels that the bar at the top of the page covers
  let wanted = null; // the link whose card is open or on its way
  let timer;
  let typesetting = Promise.resolve(); // one card after the other

  function later(milliseconds, action) {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  }

  function previewed(node) {
    const link = node.closest?.("a[href*='#']:not(.headerlink)");
    return link && article.contains(link) && link.href.startsWith(root.href) ? link : null;
  }

  const focused = (link) => link === document.activeElement && link.matches(":focus-visible");

  function hide() {
    clearTimeout(timer);
    wanted?.removeAttribute("aria-describedby");
    wanted = null;
    card.hidden = true;
  }

  async function show(link, y) {
    if (link === wanted) return;
    hide();
    wanted = link;
    const url = new URL(link.href);
    const page = url.pathname.slice(root.pathname.length).replace(/\.html$/, "");
    // Listings of the source have no fragments.
    const html = page.startsWith("_") ? undefined : (await fragments(page))[decodeURIComponent(url.hash.slice(1))];
    if (!html || link !== wanted) return;
    typesetting = typesetting.then(() => fill(html, link)).catch(hide);
    await typesetting;
    if (link !== wanted) return;
    place(link, y);
    card.classList.remove("preview-waiting");
    link.setAttribute("aria-describedby", card.id);
  }

  async function fill(html, link) {
    if (link !== wanted) return;
    const template = document.createElement("template"); // inert: its images are not asked for yet
    template.innerHTML = html;
    for (const image of template.content.querySelectorAll("img")) {
      image.src = new URL(image.getAttribute("src"), root);
    }
    await window.MathJax?.startup?.promise;
    window.MathJax?.typesetClear?.([card]);
    card.replaceChildren(template.content);
    // Letters can be measured only where there is a layout: laid out, not yet seen.
    card.classList.add("preview-waiting");
    card.hidden = false;
    await window.MathJax?.typesetPromise?.([card]);
  }

  // Under the line of the link, or above it where there is more room, and within the column of the text.
  function place(link, y) {
    const lines = [...link.getClientRects()]; // a link may run over a line's end
    const line = lines.find((box) => box.top <= y && y <= box.bottom) ?? lines[0];
    const column = article.getBoundingClientRect();
    const above = line.top - HEADER;
    const below = window.innerHeight - line.bottom;
    card.style.maxHeight = "";
    card.style.left = card.style.top = "0";
    const up = card.offsetHeight > below && above > below;
    card.style.maxHeight = `${Math.max(up ? above : below, 150) - 8}px`;
    const home = card.getBoundingClientRect();
    const left = Math.max(column.left, Math.min(line.left, column.right - home.width));
    card.style.left = `${left - home.left}px`;
    card.style.top = `${(up ? line.top - home.height : line.bottom) - home.top}px`;
  }

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return; // a tap follows the link
    const link = previewed(event.target);
    if (card.contains(event.target) || (link && link === wanted)) clearTimeout(timer);
    else if (link) later(200, () => show(link, event.clientY));
    else if (!wanted || focused(wanted)) clearTimeout(timer);
    else later(300, hide); // time to reach the card
  });
  document.documentElement.addEventListener("pointerleave", () => { if (wanted && !focused(wanted)) later(300, hide); });
  document.addEventListener("focusin", (event) => {
    const link = previewed(event.target);
    if (link && focused(link)) show(link);
    else hide();
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("click", (event) => { if (previewed(event.target)) hide(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
})();
