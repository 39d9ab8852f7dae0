#!/usr/bin/env python3
"""Drives the live page in a headless Chromium, as somebody would with a mouse, with keys only, and on a phone.

    check.py HEAP_LAB FOLDER [serve arguments]
    check.py URL FOLDER

HEAP_LAB is the program, URL a page that is there already, FOLDER where screenshots go. Needs the package playwright, and a Chromium: that of the system, that of the
environment variable CHROMIUM, or playwright's own. Exit code: 0 all checks hold, 1 one does not, 77 there is no browser.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    print("SKIPPED page: the Python package playwright is not installed")
    sys.exit(77)

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
CONTRAST = """() => {
  const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((x) => {
    const c = Number(x) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!colour.startsWith("rgba(0, 0, 0, 0")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let worst = [99, ""];
  for (const node of document.querySelectorAll("h1, h2, p, dt, dd, small, li, th, td, label, button, select, a, summary, caption")) {
    if (!node.textContent.trim() || !node.checkVisibility() || node.matches(".hidden, .skip, :disabled")) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, node.tagName + " " + node.textContent.trim().slice(0, 40)];
  }
  return worst;
}"""
NAMES = """() => [...document.querySelectorAll("canvas, select, button, a, summary, table, section")].filter((node) => {
  if (!node.checkVisibility()) return false;
  const by = (node.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)).filter(Boolean);
  const name = by.map((one) => one.textContent).join(" ") || node.getAttribute("aria-label") || (node.labels && node.labels.length)
    || (node.caption && node.caption.textContent) || node.textContent.trim();
  return !name;
}).map((node) => node.outerHTML.slice(0, 80))"""


def browser_path():
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome", "chrome")]
    return next((path for path in found if path), None)


class Check:
    def __init__(self):
        self.failed = 0

    def __call__(self, holds, what):
        print(("ok      " if holds else "FAILED  ") + what)
        self.failed += not holds


def live(page, check, what):
    try:
        # The page's policy forbids the evaluation of texts, so what is waited for is said with locators.
        expect(page.locator("#state")).to_have_text("live", timeout=20000)
        check(True, f"{what}: the page is live")
    except AssertionError:
        check(False, f"{what}: the page says {page.text_content('#state')!r}")


def one_view(browser, url, check, folder, size, scheme):
    name = f"{size}-{scheme}"
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=2 if size == "phone" else 1,
        has_touch=size == "phone", reduced_motion="reduce",
    )
    page = context.new_page()
    errors, elsewhere = [], []
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: elsewhere.append(request.url) if not request.url.startswith(url) else None)
    page.goto(url)
    live(page, check, name)
    page.wait_for_timeout(2500)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    check(overflow <= 0, f"{name}: nothing sticks out at the side ({overflow} px)")
    ratio, where = page.evaluate(CONTRAST)
    check(ratio >= 4.5, f"{name}: the least contrast of text is {ratio:.2f} ({where})")
    check(page.evaluate(NAMES) == [], f"{name}: everything has a name: {page.evaluate(NAMES)}")
    cards = page.locator("#cards dd").all_text_contents()
    check(len(cards) == 10 and all(re.match(r"\S", card) for card in cards), f"{name}: ten figures")
    check(page.locator("#class-table tbody tr").count() > 0, f"{name}: there are size classes")
    check(page.locator("#type-table tbody tr").count() > 0, f"{name}: there are types")
    return context, page, errors, elsewhere


def mouse(page, check, folder):
    box = page.locator("#map").bounding_box()
    seen = set()
    for part in (0.1, 0.3, 0.5, 0.7):
        page.mouse.move(box["x"] + box["width"] * part, box["y"] + 8)
        page.wait_for_timeout(60)
        seen.add(page.text_content("#map-cell"))
    check(len(seen) == 4 and all("from the start" in text for text in seen), "mouse: each cell says what it is")
    check(page.get_attribute("#map-cell", "aria-live") == "off", "mouse: pointing is not read out")
    for colour in ("full", "lone", "layout", "kind"):
        page.select_option("#colour", colour)
        page.wait_for_timeout(60)
        page.locator("#map").screenshot(path=folder / f"map-{colour}.png")
    for chart, reading, words in (("#curve", "#curve-read", "resident"), ("#cycles", "#cycle-read", "Collection")):
        page.locator(chart).scroll_into_view_if_needed()
        box = page.locator(chart).bounding_box()
        page.mouse.move(box["x"] + box["width"] - 30, box["y"] + 60)
        page.wait_for_timeout(60)
        check(words in page.text_content(reading), f"mouse: {chart} says {page.text_content(reading)!r}")
    page.click("#count")
    expect(page.locator("#say")).to_contain_text("Counted", timeout=15000)
    check(True, "mouse: types are counted again")


def keys(page, check):
    """With keys only, from the top."""
    page.locator(".skip").focus()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim().slice(0, 20)"))
        if page.evaluate("document.activeElement === document.body"):
            break
    wanted = ["every", "pause", "theme", "colour", "map", "curve", "what", "cycles", "count", "to-heap"]
    order = [one for one in reached if one in wanted]
    check(order[: len(wanted)] == wanted, f"keys: everything is reached in order: {order}")
    page.focus("#map")
    texts = []
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "End", "Home"):
        page.keyboard.press(key)
        page.wait_for_timeout(30)
        texts.append(page.text_content("#map-cell"))
    check(len(set(texts[:4])) == 4 and texts[0] == texts[4], "keys: arrows, End and Home go over the map")
    check(page.get_attribute("#map-cell", "aria-live") == "polite", "keys: the cell is read out")
    page.keyboard.press("Escape")
    check(page.text_content("#map-cell").strip() == "", "keys: Escape lets go")
    page.focus("#cycles")
    page.keyboard.press("ArrowLeft")
    first = page.text_content("#cycle-read")
    page.keyboard.press("ArrowLeft")
    check("Collection" in first and page.text_content("#cycle-read") != first, "keys: arrows go from collection to collection")
    page.keyboard.press("Escape")
    page.focus("#theme")
    colours = []
    for _ in range(3):
        page.keyboard.press("Enter")
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    check(len(set(colours)) == 2, f"keys: the theme is light, dark and the system's: {colours}")
    for number in range(3):
        summary = page.locator("summary").nth(number)
        summary.focus()
        page.keyboard.press("Enter")
        page.wait_for_timeout(1300)
        rows = page.locator("details").nth(number).locator("tbody tr").count()
        check(rows > 0, f"keys: table {number + 1} has {rows} rows")
        page.keyboard.press("Enter")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.focus("#pause")
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    asked.clear()
    page.wait_for_timeout(2200)
    check(asked == [] and page.text_content("#state") == "paused", f"keys: a page that is paused asks nothing: {asked}")
    page.keyboard.press("Space")
    live(page, check, "keys")


def resize(page, check):
    columns = []
    for width in (1280, 700, 340, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(1500)
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        drawn = page.evaluate("(() => { const c = document.getElementById('map'); return [c.width, c.clientWidth] })()")
        columns.append(drawn[1])
        check(overflow <= 0 and drawn[0] == drawn[1], f"resize: at {width} px nothing sticks out, and the map is drawn anew: {drawn}")
    check(columns[0] == columns[3] > columns[1] > columns[2], f"resize: the map is as wide as there is room: {columns}")


def main():
    lab, folder, more = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    folder.mkdir(parents=True, exist_ok=True)
    check = Check()
    served = None
    if not lab.startswith("http"):
        served = subprocess.Popen([lab, "serve", *(more or ["--live", "24MiB"])], stdout=subprocess.PIPE, text=True)
    try:
        url = served.stdout.readline().strip() if served else lab
        with sync_playwright() as playwright:
            try:
                browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
            except Exception as error:
                print(f"SKIPPED page: no Chromium could be started ({str(error).splitlines()[0]})")
                return 77
            for size in SIZES:
                for scheme in ("light", "dark"):
                    context, page, errors, elsewhere = one_view(browser, url, check, folder, size, scheme)
                    if (size, scheme) == ("desktop", "light"):
                        mouse(page, check, folder)
                        keys(page, check)
                        resize(page, check)
                    check(errors == [], f"{size}-{scheme}: no errors: {errors}")
                    check(elsewhere == [], f"{size}-{scheme}: nothing comes from elsewhere: {elsewhere}")
                    if served and (size, scheme) == ("phone", "dark"):
                        served.terminate()
                        served.wait(timeout=20)
                        expect(page.locator("#state")).to_have_class("state bad", timeout=20000)
                        check("no answer" in page.text_content("#state"), f"end: {page.text_content('#state')!r}")
                    context.close()
            browser.close()
    finally:
        if served:
            served.terminate()
            served.wait(timeout=20)
    print(f"{check.failed} checks failed" if check.failed else "all checks hold")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
