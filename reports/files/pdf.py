"""A report's first page, or the report of one page, as PDF: tagged, with an outline and its fonts inside, as Chromium prints it."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Route

from crawler.browser import FLAGS, has_no_sandbox, installed_browser, playwright_driver
from db.errors import StorageError

HOST = (
    "http://report.invalid/"  # a name that nobody has (RFC 6761): all that the page asks for comes from the folder
)
SECONDS = 120
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
# Links to other files of the report lead nowhere on paper; and what is folded is unfolded
FOR_PAPER = """() => {
  for (const link of document.querySelectorAll('a[href]')) {
    const url = new URL(link.href);
    if (url.origin === location.origin && (url.pathname !== location.pathname || !url.hash)) link.removeAttribute('href');
  }
  for (const folded of document.querySelectorAll('details')) folded.open = true;
}"""


async def print_pdf(folder: Path, name: str, out: Path, browser: str | None) -> None:
    """Print a page of a written report. Raises BrowserMissing, and StorageError when the browser fails."""

    async def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        path = (folder / unquote(url.path).lstrip("/")).resolve()
        if (
            f"{url.scheme}://{url.netloc}/" != HOST
            or not path.is_relative_to(folder.resolve())
            or not path.is_file()
        ):
            await route.abort()
            return
        await route.fulfill(body=path.read_bytes(), content_type=TYPES.get(path.suffix, "application/octet-stream"))

    async with playwright_driver() as driver:
        program = installed_browser(browser, driver.chromium.executable_path)
        arguments = [*FLAGS, *(["--no-sandbox"] if has_no_sandbox() else [])]
        try:
            running = await driver.chromium.launch(executable_path=program, args=arguments)
            try:
                context = await running.new_context(offline=False, color_scheme="light", service_workers="block")
                page = await context.new_page()
                await page.route("**/*", answer)
                await page.goto(f"{HOST}{name}", wait_until="load", timeout=SECONDS * 1000)
                await page.evaluate(FOR_PAPER)
                await page.pdf(
                    path=out, format="A4", tagged=True, outline=True, print_background=False,
                    margin={"top": "16mm", "bottom": "16mm", "left": "14mm", "right": "14mm"},
                    display_header_footer=True, header_template="<span></span>", footer_template=FOOTER,
                )  # fmt: skip
            finally:
                await running.close()
        except PlaywrightError as error:
            said = str(error).strip().splitlines()[0]
            raise StorageError(
                ja=f"ブラウザが PDF を作れませんでした（{said}）。jisweep doctor で確かめてください。",
                en=f"The browser could not make the PDF ({said}): run jisweep doctor.",
            ) from error


FOOTER = '<div style="font-size:8px;width:100%;text-align:center"><span class="pageNumber"></span> / <span class="totalPages"></span></div>'
