#include "http/sites.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static bool is(const char *value, const char *word)
{
    return value != NULL && strcasecmp(value, word) == 0;
}

/* Its own origin is the host that it asks, by either scheme: TLS may end before us. */
static bool is_own_origin(const char *origin, const char *host)
{
    const char *at = strstr(origin, "://");
    return at != NULL && host != NULL && strcasecmp(at + 3, host) == 0;
}

static bool is_followed_link(const struct http_request *r)
{
    return r->method == HTTP_GET && is(http_request_header(r, "Sec-Fetch-Mode"), "navigate") &&
           is(http_request_header(r, "Sec-Fetch-Dest"), "document");
}

/* A client of HTTP/1.0 may leave Host out; browsers never do. */
enum http_guard_reason http_guard_look(const struct http_request *r)
{
    struct http_server *s = r->server;
    const char *host = http_request_header(r, MHD_HTTP_HEADER_HOST);
    const char *origin = http_request_header(r, MHD_HTTP_HEADER_ORIGIN);
    const char *site = http_request_header(r, "Sec-Fetch-Site");
    bool from_page = origin != NULL || site != NULL;
    bool passwords = s->auth != NULL && http_auth_asks(s->auth);
    if (r->found->guarded == HTTP_GUARDED_FROM_PAGES && !from_page)
        return HTTP_GUARD_REASON_COUNT;
    if (host != NULL && !passwords && !http_guard_names(s->name, s->hosts, slice_str(host)))
        return HTTP_GUARD_HOST;
    if (origin != NULL && !is_own_origin(origin, host))
        return HTTP_GUARD_ORIGIN;
    if (is(site, "cross-site") && !is_followed_link(r))
        return HTTP_GUARD_CROSS_SITE;
    return HTTP_GUARD_REASON_COUNT;
}

unsigned http_guard_status(enum http_guard_reason why)
{
    return why == HTTP_GUARD_HOST ? MHD_HTTP_MISDIRECTED_REQUEST : MHD_HTTP_FORBIDDEN;
}

const char *http_guard_text(enum http_guard_reason why)
{
    static const char *const texts[] = {
        [HTTP_GUARD_HOST] = "the host that is asked is not known as a name of this server; ask by "
                            "its address, or set http.hosts to that name",
        [HTTP_GUARD_ORIGIN] = "scripts of other sites may not ask here",
        [HTTP_GUARD_CROSS_SITE] = "other sites may link here, and no more",
    };
    assert(why < HTTP_GUARD_REASON_COUNT);
    return texts[why];
}
