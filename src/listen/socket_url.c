/*
 * socket_url_parse cuts a URL in three, and each part has its reader:
 *
 *     udp://                 scheme   take_scheme: which transport
 *     127.0.0.1:8125         where    transport_ops.parse
 *     ?rcvbuf=8MiB&...       query    socket_options_read
 *
 * Above it: what can be asked of an address that was read.
 */
#include "listen/socket_url.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/address.h"
#include "listen/socket_options.h"
#include "listen/transport_priv.h"

/* ---- addresses ---- */

void socket_url_name(struct listen_address *a, const char *where)
{
    memset(a->name, 0, sizeof a->name);
    snprintf(a->name, sizeof a->name, "%s://%s", transport_of(a->transport)->scheme, where);
}

/* An address that was read: its name is its scheme and what follows. */
static void listen_address_check(const struct listen_address *a)
{
    const char *scheme = transport_of(a->transport)->scheme;
    assert(strncmp(a->name, scheme, strlen(scheme)) == 0 && a->name[strlen(scheme)] == ':');
    assert(a->addr_len > 0 && a->addr_len <= sizeof a->addr);
    assert(!a->localhost || (!a->twin && a->addr.ss_family == AF_INET));
}

const char *socket_url_where(const struct listen_address *a)
{
    listen_address_check(a);
    return a->name + strlen(transport_of(a->transport)->scheme) + strlen("://");
}

unsigned socket_url_sockets(const struct listen_address *a, unsigned workers)
{
    return transport_of(a->transport)->per_worker ? workers : 1;
}

uint32_t socket_url_connections(const struct listen_address *a)
{
    return transport_of(a->transport)->accepts ? a->max_connections : 0;
}

uint64_t socket_url_descriptors(const struct listen_address *a, unsigned workers)
{
    enum { BOUND_AGAIN = 1 }; /* the one before, while a new one is bound */
    const struct transport *t = transport_of(a->transport);
    return socket_url_sockets(a, workers) + BOUND_AGAIN + t->reader_descriptors * workers;
}

bool socket_url_twin(const struct listen_address *a, struct listen_address *ret)
{
    char text[ADDRESS_TEXT_MAX];
    listen_address_check(a);
    if (!a->localhost)
        return false;
    const struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
                                      .sin6_port = ((const struct sockaddr_in *)&a->addr)->sin_port,
                                      .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct listen_address twin = *a;
    twin.localhost = false;
    twin.twin = true;
    twin.addr = (struct sockaddr_storage){ 0 };
    memcpy(&twin.addr, &in6, sizeof in6);
    twin.addr_len = sizeof in6;
    address_print((const struct sockaddr *)&in6, text);
    socket_url_name(&twin, text);
    *ret = twin;
    return true;
}

bool socket_url_includes(const struct listen_address *a, const struct listen_address *b)
{
    const struct sockaddr *at = (const struct sockaddr *)&a->addr;
    const struct sockaddr *bt = (const struct sockaddr *)&b->addr;
    bool same = a->addr_len == b->addr_len && memcmp(&a->addr, &b->addr, a->addr_len) == 0;
    if (at->sa_family == AF_UNIX || bt->sa_family == AF_UNIX)
        return same;
    if (a->transport != b->transport || address_port(at) == 0 ||
        address_port(at) != address_port(bt))
        return false;
    return same || (address_is_any(at) && (at->sa_family == AF_INET6 || bt->sa_family == AF_INET));
}

/* ---- the whole ---- */

static bool has_blank_or_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7f)
            return true;
    }
    return false;
}

static bool skip(struct slice *s, struct slice prefix)
{
    if (!slice_starts(*s, prefix))
        return false;
    *s = slice_of(s->ptr + prefix.len, s->len - prefix.len);
    return true;
}

/* What a URL may be. */
static void say_forms(struct buf *error)
{
    for (unsigned i = 0; i < LISTEN_TRANSPORT_COUNT; i++)
        buf_printf(error, "%s%s", i > 0 ? " or " : "",
                   transport_of((enum listen_transport)i)->form);
}

static bool skip_scheme(struct slice *rest, const char *scheme)
{
    char text[32];
    snprintf(text, sizeof text, "%s://", scheme);
    return skip(rest, slice_str(text));
}

/* Take scheme:// off the front of *rest.  returns  false: no scheme of ours; *error has the text */
static bool take_scheme(struct slice *rest, enum listen_transport *ret, struct buf *error)
{
    for (unsigned i = 0; i < LISTEN_TRANSPORT_COUNT; i++) {
        *ret = (enum listen_transport)i;
        const struct transport *t = transport_of(*ret);
        if (skip_scheme(rest, t->scheme) || (t->alias != NULL && skip_scheme(rest, t->alias)))
            return true;
    }
    buf_append_str(error, "a socket is ");
    say_forms(error);
    return false;
}

static bool parse(struct slice url, struct listen_address *a, struct buf *error)
{
    struct slice where = url, options = { NULL, 0 }, head;
    if (has_blank_or_control(url)) {
        buf_append_str(error, "a socket's URL has no blanks or control bytes");
        return false;
    }
    if (slice_cut(&where, '?', &head)) {
        options = where;
        where = head;
    }
    if (where.len >= sizeof a->name) {
        buf_printf(error, "a socket's address is longer than %zu bytes", sizeof a->name - 1);
        return false;
    }
    if (!take_scheme(&where, &a->transport, error))
        return false;
    const int len = (int)where.len;
    snprintf(a->name, sizeof a->name, "%s://%.*s", transport_of(a->transport)->scheme, len,
             where.ptr);
    const char *wrong = transport_of(a->transport)->ops->parse(a, where);
    if (wrong != NULL) {
        buf_append_str(error, wrong);
        return false;
    }
    /* Streams: the kernel sizes each connection's buffer, unless the URL says otherwise. */
    if (transport_of(a->transport)->accepts)
        a->rcvbuf = 0;
    return socket_options_read(options, a, error);
}

int socket_url_parse(struct slice url, const struct listen_address *defaults,
                     struct listen_address *ret, struct buf *error)
{
    struct listen_address a = {
        .spread = defaults->spread,
        .gauge_sign = defaults->gauge_sign,
        .rcvbuf = defaults->rcvbuf,
        .idle_timeout_ms = defaults->idle_timeout_ms,
        .max_connections = defaults->max_connections,
        .max_per_address = defaults->max_per_address,
        .mode = defaults->mode,
        .uid = LISTEN_OWNER_SELF,
        .gid = LISTEN_OWNER_SELF,
    };
    if (!parse(url, &a, error))
        return -EINVAL;
    listen_address_check(&a);
    *ret = a;
    return 0;
}
