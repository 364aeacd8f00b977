/**
 * web: the page on `/`, and what it is made of below /web/.  docs/web.md is its users' side.
 *
 * The files of src/web/page/ and Debian's libjs-dygraphs are compressed when the server is built,
 * and are part of the binary.  A client that does not accept gzip gets a copy that was inflated for
 * the first such client.  A browser asks each time whether what it has is still so: ETag, 304.
 *
 * All that the page shows it asks of /api/v1/ and of no other host.  Its answers have headers that
 * hold a browser to that (Content-Security-Policy and others), where the web config has none of
 * that name.
 *
 *   thread   new, free: any but HTTP, while no server has the routes; the rest is on HTTP
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "http/http.h"

enum { WEB_ROUTES = 2 };

struct web;

struct web *web_new(void);

/* Another page, served the same way: the load generator's. */
struct web_file {
    const char *path, *type; /* "/", or below "/web/"; Content-Type */
    struct slice gzip;       /* one member */
};

/* files: copied, but for what they point to */
struct web *web_new_of(const struct web_file *files, size_t n);

/* To be given to a server: valid until web_free. */
void web_routes(struct web *w, struct http_route ret[WEB_ROUTES]);

/* NULL is fine. */
void web_free(struct web *w);

#endif
