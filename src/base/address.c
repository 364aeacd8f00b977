/*
 *     address_parse   splits host, [host] and port, then
 *                       parse_port, and parse_v6 (parse_scope: the interface after %) or parse_v4
 *     address_print   and what is read off an address: address_port, address_is_any
 *
 * Addresses are copied out of and into sockaddr_storage with memcpy, which needs no alignment and
 * breaks no aliasing rule.
 */
#include "base/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/number.h"

/* A C string of s in out; false when it does not fit or holds a NUL. */
static bool to_string(struct slice s, char *out, size_t cap)
{
    if (s.len >= cap || (s.len > 0 && memchr(s.ptr, '\0', s.len) != NULL))
        return false;
    if (s.len > 0)
        memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return true;
}

/* "" or ":PORT" */
static int parse_port(struct slice s, uint16_t default_port, uint16_t *ret)
{
    int64_t port;
    if (s.len == 0) {
        *ret = default_port;
        return 0;
    }
    if (s.ptr[0] != ':')
        return -EINVAL;
    if (!number_parse_int(slice_of(s.ptr + 1, s.len - 1), &port) || port > UINT16_MAX)
        return -ERANGE;
    *ret = (uint16_t)port;
    return 0;
}

/* An interface by name, or by number as address_print writes it. */
static int parse_scope(struct slice s, uint32_t *ret)
{
    char name[IF_NAMESIZE];
    int64_t index;
    if (number_parse_int(s, &index) && index > 0 && index <= UINT32_MAX) {
        *ret = (uint32_t)index;
        return 0;
    }
    if (!to_string(s, name, sizeof name))
        return -ENODEV;
    *ret = if_nametoindex(name);
    return *ret ? 0 : -ENODEV;
}

/* host: the text between the brackets */
static int parse_v6(struct slice host, uint16_t port, struct sockaddr_storage *ret,
                    socklen_t *ret_len)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    char text[INET6_ADDRSTRLEN];
    struct slice number = host;
    if (slice_cut(&host, '%', &number)) {
        int rc = parse_scope(host, &in6.sin6_scope_id);
        if (rc < 0)
            return rc;
    }
    if (!to_string(number, text, sizeof text) || inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        return -EINVAL;
    memset(ret, 0, sizeof *ret);
    memcpy(ret, &in6, sizeof in6);
    *ret_len = sizeof in6;
    return 0;
}

static int parse_v4(struct slice host, uint16_t port, struct sockaddr_storage *ret,
                    socklen_t *ret_len)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    char text[INET_ADDRSTRLEN];
    if (slice_eq(host, SLICE_LIT("localhost")))
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (slice_eq(host, SLICE_LIT("*")))
        in.sin_addr.s_addr = htonl(INADDR_ANY);
    else if (!to_string(host, text, sizeof text) || inet_pton(AF_INET, text, &in.sin_addr) != 1)
        return -EINVAL;
    memset(ret, 0, sizeof *ret);
    memcpy(ret, &in, sizeof in);
    *ret_len = sizeof in;
    return 0;
}

int address_parse(struct slice text, uint16_t default_port, struct sockaddr_storage *ret,
                  socklen_t *ret_len)
{
    struct slice host, rest = text;
    bool brackets = text.len > 0 && text.ptr[0] == '[';
    if (brackets) {
        rest = slice_of(text.ptr + 1, text.len - 1);
        if (!slice_cut(&rest, ']', &host))
            return -EINVAL;
    } else {
        const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
        size_t n = colon ? (size_t)(colon - text.ptr) : text.len;
        host = slice_of(text.ptr, n);
        rest = n < text.len ? slice_of(text.ptr + n, text.len - n) : (struct slice){ 0 };
        /* "::1:8125": the last part may be a port or not; brackets say which. */
        if (rest.len > 1 && memchr(rest.ptr + 1, ':', rest.len - 1) != NULL)
            return -EINVAL;
    }
    if (host.len == 0)
        return -EDESTADDRREQ;
    uint16_t port;
    int rc = parse_port(rest, default_port, &port);
    if (rc < 0)
        return rc;
    return brackets ? parse_v6(host, port, ret, ret_len) : parse_v4(host, port, ret, ret_len);
}

const char *address_error(int error)
{
    switch (error) {
    case -EDESTADDRREQ:
        return "the host is missing: say 127.0.0.1 for this machine only, or * for every interface";
    case -ERANGE:
        return "the port must be a number from 0 to 65535";
    case -ENODEV:
        return "no such network interface behind the %";
    default:
        return "expected HOST:PORT with a numeric IPv4 address, an IPv6 address in [brackets], "
               "localhost or *";
    }
}

void address_print(const struct sockaddr *addr, char out[ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN];
    if (addr->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
        snprintf(out, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(in.sin_port));
        return;
    }
    if (addr->sa_family != AF_INET6) {
        snprintf(out, ADDRESS_TEXT_MAX, "?");
        return;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, addr, sizeof in6);
    unsigned port = ntohs(in6.sin6_port);
    uint32_t scope = in6.sin6_scope_id;
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], host, sizeof host);
        snprintf(out, ADDRESS_TEXT_MAX, "%s:%u", host, port);
        return;
    }
    inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
    int n;
    if (scope != 0)
        n = snprintf(out, ADDRESS_TEXT_MAX, "[%.39s%%%" PRIu32 "]:%u", host, scope, port);
    else
        n = snprintf(out, ADDRESS_TEXT_MAX, "[%s]:%u", host, port);
    assert(n < ADDRESS_TEXT_MAX); /* every address fits */
    (void)n;
}

unsigned address_port(const struct sockaddr *addr)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (addr->sa_family == AF_INET) {
        memcpy(&in, addr, sizeof in);
        return ntohs(in.sin_port);
    }
    if (addr->sa_family != AF_INET6)
        return 0;
    memcpy(&in6, addr, sizeof in6);
    return ntohs(in6.sin6_port);
}

bool address_is_any(const struct sockaddr *addr)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (addr->sa_family == AF_INET) {
        memcpy(&in, addr, sizeof in);
        return in.sin_addr.s_addr == htonl(INADDR_ANY);
    }
    if (addr->sa_family != AF_INET6)
        return false;
    memcpy(&in6, addr, sizeof in6);
    return IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
}
