/**
 * page_files: what the page of the load generator is made of, as gzip, in the binary: its own files
 * (live/page/), and those that it shares with the server's page (src/web/page/).
 *   thread   any: constants
 */
#ifndef LIVE_PAGE_FILES_H
#define LIVE_PAGE_FILES_H

#include "web/web.h"

/* X(id, where it is served, its file, Content-Type) */
#define PAGE_FILES(X)                                                                              \
    X(index, "/", "bench.html", "text/html; charset=utf-8")                                        \
    X(bench, "/web/bench.js", "bench.js", "text/javascript; charset=utf-8")                        \
    X(css, "/web/page.css", "page.css", "text/css; charset=utf-8")                                 \
    X(icon, "/web/icon.svg", "icon.svg", "image/svg+xml")                                          \
    X(licenses, "/web/licenses", "licenses.txt", "text/plain; charset=utf-8")                      \
    X(dygraph, "/web/dygraph.js", "dygraph.js", "text/javascript; charset=utf-8")                  \
    X(dom, "/web/dom.js", "dom.js", "text/javascript; charset=utf-8")                              \
    X(format, "/web/format.js", "format.js", "text/javascript; charset=utf-8")                     \
    X(chart, "/web/chart.js", "chart.js", "text/javascript; charset=utf-8")

/* For web_free. */
struct web *page_files_web(void);

#endif
