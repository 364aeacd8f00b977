/**
 * files: what the page is made of, as gzip, in the binary.
 *
 * To add one: put it into src/web/page/, and a row here.
 *   thread   any: constants
 */
#ifndef WEB_FILES_H
#define WEB_FILES_H

#include "base/slice.h"

/* X(id, where it is served, its file, Content-Type) */
#define WEB_FILES(X)                                                                               \
    X(index, "/", "index.html", "text/html; charset=utf-8")                                        \
    X(css, "/web/page.css", "page.css", "text/css; charset=utf-8")                                 \
    X(icon, "/web/icon.svg", "icon.svg", "image/svg+xml")                                          \
    X(licenses, "/web/licenses", "licenses.txt", "text/plain; charset=utf-8")                      \
    X(dygraph, "/web/dygraph.js", "dygraph.js", "text/javascript; charset=utf-8")                  \
    X(main, "/web/main.js", "main.js", "text/javascript; charset=utf-8")                           \
    X(api, "/web/api.js", "api.js", "text/javascript; charset=utf-8")                              \
    X(dom, "/web/dom.js", "dom.js", "text/javascript; charset=utf-8")                              \
    X(format, "/web/format.js", "format.js", "text/javascript; charset=utf-8")                     \
    X(live, "/web/live.js", "live.js", "text/javascript; charset=utf-8")                           \
    X(flow, "/web/flow.js", "flow.js", "text/javascript; charset=utf-8")                           \
    X(chart, "/web/chart.js", "chart.js", "text/javascript; charset=utf-8")                        \
    X(charts, "/web/charts.js", "charts.js", "text/javascript; charset=utf-8")                     \
    X(top, "/web/top.js", "top.js", "text/javascript; charset=utf-8")                              \
    X(series, "/web/series.js", "series.js", "text/javascript; charset=utf-8")                     \
    X(rejected, "/web/rejected.js", "rejected.js", "text/javascript; charset=utf-8")               \
    X(explain, "/web/explain.js", "explain.js", "text/javascript; charset=utf-8")                  \
    X(tail, "/web/tail.js", "tail.js", "text/javascript; charset=utf-8")                           \
    X(server, "/web/server.js", "server.js", "text/javascript; charset=utf-8")

enum web_own_file {
#define X(id, path, file, type) WEB_##id,
    WEB_FILES(X)
#undef X
        WEB_FILE_COUNT
};

/* One gzip member. */
struct slice web_packed(enum web_own_file f);

#endif
