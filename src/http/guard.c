#include "http/guard.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

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
