#include "listen/socket_url.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/address.h"
#include "base/number.h"

/* A word of a list, into *ret as its place. */
static bool word_index(struct slice s, const char *const *words, size_t n, unsigned *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(s, slice_str(words[i]))) {
            *ret = (unsigned)i;
            return true;
        }
    }
    return false;
}

static bool octal_mode(struct slice s, unsigned *ret)
{
    unsigned mode = 0;
    if (s.len < 1 || s.len > 5)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '7')
            return false;
        mode = mode * 8 + (unsigned)(s.ptr[i] - '0');
    }
    if (mode > 0777)
        return false;
    *ret = mode;
    return true;
}

/* returns  NULL, or what would be right */
static const char *query_option(struct listen_address *a, struct slice key, struct slice value)
{
    static const char *const signs[] = { "auto", "delta", "absolute" };
    static const char *const spreads[] = { "auto", "source", "payload" };
    enum { RCVBUF_MIN = 4096, RCVBUF_MAX = 1 << 30 };
    unsigned word;

    if (slice_eq(key, SLICE_LIT("gauge_sign"))) {
        if (!word_index(value, signs, ARRAY_LEN(signs), &word))
            return "gauge_sign is one of auto, delta, absolute";
        a->gauge_sign = (enum gauge_sign)word;
    } else if (slice_eq(key, SLICE_LIT("spread"))) {
        if (a->transport != LISTEN_UDP)
            return "spread is for udp:// only";
        if (!word_index(value, spreads, ARRAY_LEN(spreads), &word))
            return "spread is one of auto, source, payload";
        a->spread = (enum listen_spread)word;
    } else if (slice_eq(key, SLICE_LIT("rcvbuf"))) {
        uint64_t bytes;
        if (number_parse_size(value, &bytes) < 0 || bytes < RCVBUF_MIN || bytes > RCVBUF_MAX)
            return "rcvbuf is a size from 4KiB to 1GiB, such as 32MiB";
        a->rcvbuf = bytes;
    } else if (slice_eq(key, SLICE_LIT("mode"))) {
        if (a->transport != LISTEN_UNIXGRAM || ((struct sockaddr_un *)&a->addr)->sun_path[0] == '\0')
            return "mode is for unixgram:// with a path only";
        if (!octal_mode(value, &a->mode))
            return "mode is octal permissions, such as 0666";
    } else {
        return "the options of a socket are gauge_sign, rcvbuf, spread, mode";
    }
    return NULL;
}

static const char *query(struct listen_address *a, struct slice rest)
{
    unsigned seen = 0;
    while (rest.len > 0) {
        struct slice pair = rest, key;
        if (!slice_cut(&rest, '&', &pair))
            rest.len = 0;
        if (!slice_cut(&pair, '=', &key))
            return "after '?' come options as key=value, joined by '&'";
        const char *wrong = query_option(a, key, pair);
        if (wrong != NULL)
            return wrong;
        /* The four keys begin with different letters. */
        unsigned bit = 1u << (key.ptr[0] - 'a');
        if (seen & bit)
            return "an option of the socket is given twice";
        seen |= bit;
    }
    return NULL;
}

static const char *udp(struct listen_address *a, struct slice host_port)
{
    int rc = address_parse(host_port, LISTEN_PORT_DEFAULT, &a->addr, &a->addr_len);
    if (rc < 0)
        return address_error(rc);
    a->localhost = slice_starts(host_port, SLICE_LIT("localhost"));
    const struct sockaddr_in6 in6 = *(const struct sockaddr_in6 *)&a->addr;
    if (in6.sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = in6.sin6_port };
        memcpy(&in.sin_addr, &in6.sin6_addr.s6_addr[12], sizeof in.sin_addr);
        a->addr = (struct sockaddr_storage){ 0 };
        memcpy(&a->addr, &in, sizeof in);
        a->addr_len = sizeof in;
    }
    return NULL;
}

static const char *unixgram(struct listen_address *a, struct slice path)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&a->addr;
    bool abstract = path.len > 0 && path.ptr[0] == '@';
    size_t room = sizeof un->sun_path;

    if (!abstract && (path.len < 2 || path.ptr[0] != '/' || path.ptr[path.len - 1] == '/'))
        return "a unix socket is unixgram:///ABSOLUTE/PATH or unixgram://@NAME";
    if (abstract && path.len < 2)
        return "the name of an abstract socket is empty";
    if (path.len >= room)
        return "the path of a unix socket has at most 107 bytes";
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.ptr, path.len);
    if (abstract)
        un->sun_path[0] = '\0';   /* an abstract name has no NUL behind it: the length is all */
    a->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + (abstract ? 0 : 1));
    return NULL;
}

bool socket_url_twin(const struct listen_address *a, struct listen_address *ret)
{
    char text[ADDRESS_TEXT_MAX];
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
    memset(twin.name, 0, sizeof twin.name);
    snprintf(twin.name, sizeof twin.name, "udp://%s", text);
    *ret = twin;
    return true;
}

bool socket_url_includes(const struct listen_address *a, const struct listen_address *b)
{
    const struct sockaddr *at = (const struct sockaddr *)&a->addr, *bt = (const struct sockaddr *)&b->addr;
    bool same = a->addr_len == b->addr_len && memcmp(&a->addr, &b->addr, a->addr_len) == 0;
    if (a->transport != LISTEN_UDP || b->transport != LISTEN_UDP)
        return same;
    if (address_port(at) == 0 || address_port(at) != address_port(bt))
        return false;
    return same || (address_is_any(at) && (at->sa_family == AF_INET6 || bt->sa_family == AF_INET));
}

static bool has_blank_or_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7f)
            return true;
    }
    return false;
}

static const char *parse(struct slice url, struct listen_address *a)
{
    struct slice where = url, options = { NULL, 0 }, head;
    if (has_blank_or_control(url))
        return "a socket's URL has no blanks or control bytes";
    if (slice_cut(&where, '?', &head)) {
        options = where;
        where = head;
    }
    struct slice name = where;
    const char *wrong;
    if (name.len >= sizeof a->name)
        return "a socket's address is longer than 127 bytes";
    if (slice_starts(where, SLICE_LIT("udp://"))) {
        a->transport = LISTEN_UDP;
        wrong = udp(a, slice_of(where.ptr + 6, where.len - 6));
    } else if (slice_starts(where, SLICE_LIT("unixgram://"))) {
        a->transport = LISTEN_UNIXGRAM;
        wrong = unixgram(a, slice_of(where.ptr + 11, where.len - 11));
    } else if (slice_starts(where, SLICE_LIT("tcp://")) || slice_starts(where, SLICE_LIT("unix://"))) {
        wrong = "this release does not receive streams (tcp://, unix://); use udp:// or unixgram://";
    } else {
        wrong = "a socket is udp://HOST:PORT or unixgram:///PATH";
    }
    if (wrong == NULL)
        wrong = query(a, options);
    if (wrong == NULL) {
        memcpy(a->name, name.ptr, name.len);
    }
    return wrong;
}

int socket_url_parse(struct slice url, const struct listen_address *defaults, struct listen_address *ret, struct buf *error)
{
    struct listen_address a = {
        .spread = defaults->spread,
        .gauge_sign = defaults->gauge_sign,
        .rcvbuf = defaults->rcvbuf,
        .mode = defaults->mode,
    };
    const char *wrong = parse(url, &a);
    if (wrong != NULL) {
        buf_append_str(error, wrong);
        return -EINVAL;
    }
    *ret = a;
    return 0;
}
