"""What a phone's camera sees: the QR codes in a picture of a page, read by a decoder that has nothing to do with ours."""

import base64

import zxingcpp
from playwright.sync_api import Browser, Page

_GREY = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (sign) => sign.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const { data } = canvas.getImageData(0, 0, image.width, image.height);
  let grey = "";
  for (let at = 0; at < data.length; at += 4) grey += String.fromCharCode((data[at] + data[at + 1] + data[at + 2]) / 3);
  return [image.width, image.height, btoa(grey)];
}"""


def seen_codes(browser: Browser, page: Page) -> list[str]:
    """The texts of the QR codes on the whole page, as it looks now."""
    picture = base64.b64encode(page.screenshot(full_page=True)).decode()
    with browser.new_context() as context:
        width, height, grey = context.new_page().evaluate(_GREY, picture)
    pixels = memoryview(base64.b64decode(grey)).cast("B", shape=(height, width))
    return [code.text for code in zxingcpp.read_barcodes(pixels)]


def pages_of(pdf: bytes) -> int:
    """How many sheets of paper a PDF of Chromium takes."""
    return pdf.count(b"/Type /Page\n")
