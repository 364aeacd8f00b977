#include <arpa/inet.h>
#include <assert.h>
#include <strings.h>

#include "base/mem.h"
#include "http/guard_priv.h"

/* ---- names ---- */

static bool is_same(struct slice a, struct slice b)
{
    return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* The name without its port and a dot at its end; brackets of IPv6 stay. */
static struct slice name_of(struct slice host)
{
    if (host.len > 0 && host.ptr[0] == '[') {
        const char *end = memchr(host.ptr, ']', host.len);
        return end != NULL ? slice_of(host.ptr, (size_t)(end + 1 - host.ptr)) : host;
    }
    const char *colon = host.len > 0 ? memchr(host.ptr, ':', host.len) : NULL;
    size_t n = colon != NULL ? (size_t)(colon - host.ptr) : host.len;
    return slice_of(host.ptr, n > 1 && host.ptr[n - 1] == '.' ? n - 1 : n);
}

static bool is_address(struct slice name)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char address[16];
    bool six = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    if (six)
        name = slice_of(name.ptr + 1, name.len - 2);
    if (name.len >= sizeof text)
        return false;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return inet_pton(six ? AF_INET6 : AF_INET, text, address) == 1;
}

static bool is_listed(const char *list, struct slice name)
{
    struct slice rest = slice_str(list), one;
    for (bool more = true; more;) {
        more = slice_cut(&rest, ',', &one);
        one = slice_trim(more ? one : rest, SLICE_LIT(" \t"));
        if (is_same(one, SLICE_LIT("*")) || (one.len > 0 && is_same(one, name)))
            return true;
    }
    return false;
}

bool http_guard_names(const char *own, const char *list, struct slice host)
{
    struct slice name = name_of(host);
    if (name.len == 0)
        return false;
    return is_address(name) || is_same(name, SLICE_LIT("localhost")) ||
           is_same(name, slice_str(own)) || is_listed(list, name);
}

/* ---- a request ---- */

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
    bool passwords = s->auth != NULL && http_auth_asks(s->auth);
    if (host != NULL && !passwords && !http_guard_names(s->name, s->hosts, slice_str(host)))
        return HTTP_GUARD_HOST;
    if (origin != NULL && !is_own_origin(origin, host))
        return HTTP_GUARD_ORIGIN;
    if (is(http_request_header(r, "Sec-Fetch-Site"), "cross-site") && !is_followed_link(r))
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
