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

static const char *scheme_of(const struct transport *t, char room[32])
{
    snprintf(room, 32, "%s://", t->scheme);
    return room;
}

/* What a URL may be: the schemes alone, or the whole forms. */
static void say_schemes(bool alone, struct buf *error)
{
    char room[32];
    for (unsigned i = 0; i < LISTEN_TRANSPORT_COUNT; i++) {
        const struct transport *t = transport_of((enum listen_transport)i);
        buf_printf(error, "%s%s", i > 0 ? " or " : "", alone ? scheme_of(t, room) : t->form);
    }
}

/* Take scheme:// off the front of *rest.  returns  false: no scheme of ours; *error has the text */
static bool take_scheme(struct slice *rest, enum listen_transport *ret, struct buf *error)
{
    char room[32];
    for (unsigned i = 0; i < LISTEN_TRANSPORT_COUNT; i++) {
        *ret = (enum listen_transport)i;
        if (skip(rest, slice_str(scheme_of(transport_of(*ret), room))))
            return true;
    }
    bool stream =
        slice_starts(*rest, SLICE_LIT("tcp://")) || slice_starts(*rest, SLICE_LIT("unix://"));
    buf_append_str(error, stream ? "this release does not receive streams (tcp://, unix://); use "
                                 : "a socket is ");
    say_schemes(stream, error);
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
    if (where.len > 0)
        memcpy(a->name, where.ptr, where.len);
    if (!take_scheme(&where, &a->transport, error))
        return false;
    const char *wrong = transport_of(a->transport)->ops->parse(a, where);
    if (wrong != NULL) {
        buf_append_str(error, wrong);
        return false;
    }
    return socket_options_read(options, a, error);
}

int socket_url_parse(struct slice url, const struct listen_address *defaults,
                     struct listen_address *ret, struct buf *error)
{
    struct listen_address a = {
        .spread = defaults->spread,
        .gauge_sign = defaults->gauge_sign,
        .rcvbuf = defaults->rcvbuf,
        .mode = defaults->mode,
    };
    if (!parse(url, &a, error))
        return -EINVAL;
    listen_address_check(&a);
    *ret = a;
    return 0;
}
