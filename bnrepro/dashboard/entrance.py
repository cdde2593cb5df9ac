"""The page that a browser gets first: it opens TensorBoard with the settings that suit the view.

Colours and smoothing are part of TensorBoard's address; that it loads anew by itself is kept in the
browser's storage, where a page of the same address can set it.
"""

from collections.abc import Iterable
from urllib.parse import urlencode
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# In Time Series seeds and their mean have one colour, the paper's curves another; the other tabs
# know no groups. No smoothing of curves that have few points.
_QUERY = {
    "runColorGroup": r"regex:(^paper(?=/)|^.+(?=/(?:seed|mean)))",
    "smoothing": "0",
}
_FIRST_TAB = "#custom_scalars&_smoothingWeight=0"

# Who has switched it off keeps it so.
_PAGE = f"""<!DOCTYPE html>
<title>TensorBoard</title>
<script>
const key = "_tb_global_settings";
const settings = {{autoReload: true, ...JSON.parse(localStorage.getItem(key) ?? "{{}}")}};
localStorage.setItem(key, JSON.stringify(settings));
location.replace("?{urlencode(_QUERY)}" + (location.hash || "{_FIRST_TAB}"));
</script>
"""


def with_entrance(tensorboard: WSGIApplication) -> WSGIApplication:
    """TensorBoard, with this page where its address has no query."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in ("", "/") or environ.get("QUERY_STRING"):
            return tensorboard(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [_PAGE.encode()]

    return application
