/*
 *     networks_parse   cuts at commas; parse_one: parse_prefix, parse_host, then whether bits are
 *                      set behind the prefix
 *     networks_have    read_address, and covers for each of the list
 *
 * Addresses are copied out of sockaddr with memcpy, which needs no alignment and breaks no aliasing
 * rule.
 */
#include "base/networks.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>

enum { V4_BITS = 32, V6_BITS = 128, MAPPED_BITS = 96 };

#define FORM "an address or a network, such as 192.0.2.1, 10.0.0.0/8 or fd00::/8"

static uint64_t big_endian(const unsigned char *bytes, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)bytes[i] << (56 - 8 * i);
    return v;
}

static struct network whole_v4(const unsigned char *bytes)
{
    return (struct network){ .hi = big_endian(bytes, 4), .bits = V4_BITS };
}

/* Where it holds an IPv4 address, that one. */
static struct network whole_v6(const struct in6_addr *in6)
{
    if (IN6_IS_ADDR_V4MAPPED(in6))
        return whole_v4(&in6->s6_addr[12]);
    return (struct network){ .hi = big_endian(in6->s6_addr, 8),
                             .lo = big_endian(in6->s6_addr + 8, 8),
                             .v6 = true,
                             .bits = V6_BITS };
}

/* The upper `bits` of 64. */
static uint64_t mask64(unsigned bits)
{
    return bits == 0 ? 0 : ~UINT64_C(0) << (64 - (bits < 64 ? bits : 64));
}

/* n with a prefix of that many bits.  Bits behind it are left. */
static void set_prefix(struct network *n, unsigned bits)
{
    assert(bits <= (n->v6 ? V6_BITS : V4_BITS));
    n->bits = (uint8_t)bits;
    n->mask_hi = mask64(bits);
    n->mask_lo = mask64(bits > 64 ? bits - 64 : 0);
}

static void clear_rest(struct network *n)
{
    n->hi &= n->mask_hi;
    n->lo &= n->mask_lo;
}

/* ---- reading ---- */

static bool parse_host(struct slice text, struct network *ret)
{
    char host[INET6_ADDRSTRLEN];
    struct in6_addr in6;
    unsigned char in[4];
    if (text.len == 0 || text.len >= sizeof host || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(host, text.ptr, text.len);
    host[text.len] = '\0';
    if (inet_pton(AF_INET, host, in) == 1)
        *ret = whole_v4(in);
    else if (inet_pton(AF_INET6, host, &in6) == 1)
        *ret = whole_v6(&in6);
    else
        return false;
    return true;
}

/* One to three digits, without a leading zero. */
static bool parse_prefix(struct slice s, unsigned *ret)
{
    unsigned n = 0;
    if (s.len < 1 || s.len > 3 || (s.len > 1 && s.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        n = n * 10 + (unsigned)(s.ptr[i] - '0');
    }
    *ret = n;
    return true;
}

static void say_host_bits(struct slice text, const struct network *n, struct buf *error)
{
    char net[NETWORK_TEXT_MAX], host[NETWORK_TEXT_MAX];
    struct network one = *n, all = *n;
    set_prefix(&one, n->v6 ? V6_BITS : V4_BITS);
    clear_rest(&all);
    network_print(&one, host);
    network_print(&all, net);
    buf_printf(error,
               "%.*s has bits set behind its prefix: say %s for the network or %s for the "
               "one address",
               (int)text.len, text.ptr, net, host);
}

/* What is no address, shortened: an entry may be as long as a config file. */
static void say_form(struct slice text, struct buf *error)
{
    int shown = text.len < NETWORK_TEXT_MAX ? (int)text.len : NETWORK_TEXT_MAX;
    buf_printf(error,
               "%.*s%s is not " FORM " (without brackets, port, or %%INTERFACE; names are "
               "not looked up)",
               shown, text.ptr, (size_t)shown < text.len ? "..." : "");
}

static bool parse_one(struct slice text, struct network *ret, struct buf *error)
{
    struct slice prefix = text, host = text;
    unsigned bits = 0;
    bool has_prefix = slice_cut(&prefix, '/', &host);
    if (text.len == 0) {
        buf_append_str(error, "an entry is empty: between commas stands " FORM);
        return false;
    }
    if (!parse_host(host, ret)) {
        say_form(text, error);
        return false;
    }
    bool mapped = !ret->v6 && memchr(host.ptr, ':', host.len) != NULL;
    unsigned least = mapped ? MAPPED_BITS : 0, most = ret->v6 || mapped ? V6_BITS : V4_BITS;
    if (!has_prefix)
        bits = most;
    else if (!parse_prefix(prefix, &bits) || bits < least || bits > most) {
        char shown[NETWORK_TEXT_MAX];
        set_prefix(ret, ret->bits);
        network_print(ret, shown);
        buf_printf(error, "behind the / of %s stands how many bits the network has: %u to %u",
                   shown, least, most);
        return false;
    }
    set_prefix(ret, bits - least);
    struct network net = *ret;
    clear_rest(&net);
    if (net.hi != ret->hi || net.lo != ret->lo) {
        say_host_bits(text, ret, error);
        return false;
    }
    return true;
}

bool networks_parse(struct slice text, struct networks *ret, struct buf *error)
{
    struct networks list = { 0 };
    struct slice one;
    for (bool more = true; more;) {
        more = slice_cut(&text, ',', &one);
        if (!more)
            one = text;
        if (list.n == NETWORKS_MAX) {
            buf_printf(error, "at most %d networks may be listed: join some to larger ones",
                       NETWORKS_MAX);
            return false;
        }
        if (!parse_one(slice_trim(one, SLICE_LIT(" \t")), &list.at[list.n], error))
            return false;
        list.n++;
    }
    *ret = list;
    return true;
}

/* ---- writing ---- */

size_t network_print(const struct network *n, char out[NETWORK_TEXT_MAX])
{
    unsigned char bytes[16];
    char host[INET6_ADDRSTRLEN];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(n->hi >> (56 - 8 * i));
        bytes[8 + i] = (unsigned char)(n->lo >> (56 - 8 * i));
    }
    inet_ntop(n->v6 ? AF_INET6 : AF_INET, bytes, host, sizeof host);
    bool one = n->bits == (n->v6 ? V6_BITS : V4_BITS);
    int len = one ? snprintf(out, NETWORK_TEXT_MAX, "%s", host)
                  : snprintf(out, NETWORK_TEXT_MAX, "%s/%u", host, n->bits);
    assert(len > 0 && len < NETWORK_TEXT_MAX); /* every network fits */
    return (size_t)len;
}

void networks_print(const struct networks *n, struct buf *out)
{
    for (uint32_t i = 0; i < n->n; i++) {
        char text[NETWORK_TEXT_MAX];
        size_t len = network_print(&n->at[i], text);
        if (i > 0)
            buf_append_char(out, ',');
        buf_append(out, text, len);
    }
}

/* ---- asking ---- */

static bool read_address(const struct sockaddr *addr, struct network *ret)
{
    if (addr->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof in);
        *ret = whole_v4((const unsigned char *)&in.sin_addr);
        return true;
    }
    if (addr->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 in6;
    memcpy(&in6, addr, sizeof in6);
    *ret = whole_v6(&in6.sin6_addr);
    return true;
}

static bool covers(const struct network *n, const struct network *addr)
{
    return n->v6 == addr->v6 && ((addr->hi ^ n->hi) & n->mask_hi) == 0 &&
           ((addr->lo ^ n->lo) & n->mask_lo) == 0;
}

bool networks_have(const struct networks *n, const struct sockaddr *addr)
{
    struct network one;
    if (!read_address(addr, &one))
        return false;
    for (uint32_t i = 0; i < n->n; i++)
        if (covers(&n->at[i], &one))
            return true;
    return false;
}

bool network_of(const struct sockaddr *addr, unsigned v4_bits, unsigned v6_bits,
                struct network *ret)
{
    struct network n;
    if (!read_address(addr, &n))
        return false;
    set_prefix(&n, n.v6 ? v6_bits : v4_bits);
    clear_rest(&n);
    *ret = n;
    return true;
}

bool networks_equal(const struct networks *a, const struct networks *b)
{
    bool same = a->n == b->n;
    for (uint32_t i = 0; same && i < a->n; i++) {
        const struct network *x = &a->at[i], *y = &b->at[i];
        same = x->v6 == y->v6 && x->bits == y->bits && x->hi == y->hi && x->lo == y->lo;
    }
    return same;
}
