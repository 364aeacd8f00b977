#include "mirror/opts.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

/* An IPv4 address in an IPv6 one (::ffff:a.b.c.d) as the IPv4 address that it is. */
static struct sockaddr_storage plain(const struct sockaddr_storage *a)
{
    struct sockaddr_storage r = *a;
    struct sockaddr_in6 in6;
    memcpy(&in6, a, sizeof in6);
    if (a->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = in6.sin6_port };
        memcpy(&in.sin_addr, &in6.sin6_addr.s6_addr[12], sizeof in.sin_addr);
        memcpy(&r, &in, sizeof in);
    }
    return r;
}

/* port: network order */
static struct slice host_of(const struct sockaddr_storage *a, in_port_t *port)
{
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)a;
        *port = in->sin_port;
        return slice_of((const char *)&in->sin_addr, sizeof in->sin_addr);
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;
    *port = in6->sin6_port;
    return slice_of((const char *)&in6->sin6_addr, sizeof in6->sin6_addr);
}

static bool is_any(struct slice host)
{
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] != 0)
            return false;
    return true;
}

/* A listener on [::] may take IPv4 as well; sending to 0.0.0.0 goes to this machine. */
static bool inet_is_own(const struct target *t, const struct mirror_own *own)
{
    const struct sockaddr_storage to = plain(&t->addr), at = plain(&own->addr);
    in_port_t to_port, at_port;
    const struct slice to_host = host_of(&to, &to_port), at_host = host_of(&at, &at_port);
    if (to_port != at_port)
        return false;
    if (is_any(at_host) && (t->here || is_any(to_host)))
        return at.ss_family == to.ss_family || at.ss_family == AF_INET6;
    return to.ss_family == at.ss_family && (is_any(to_host) || slice_eq(to_host, at_host));
}

/* Paths that lead to one file, as a symlink does, are one. */
static bool unix_is_own(const struct target *t, const struct mirror_own *own)
{
    const struct sockaddr_un *to = (const struct sockaddr_un *)&t->addr;
    const struct sockaddr_un *at = (const struct sockaddr_un *)&own->addr;
    struct stat a, b;
    if (to->sun_path[0] == '\0' || at->sun_path[0] == '\0')
        return t->addr_len == own->addr_len && memcmp(to, at, t->addr_len) == 0;
    if (strcmp(to->sun_path, at->sun_path) == 0)
        return true;
    return stat(to->sun_path, &a) == 0 && stat(at->sun_path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

bool mirror_is_own(const struct target *t, const struct mirror_own *own, size_t n_own)
{
    const bool local = t->addr.ss_family == AF_UNIX;
    for (size_t i = 0; i < n_own; i++) {
        if (own[i].stream != t->kind->stream || local != (own[i].addr.ss_family == AF_UNIX))
            continue;
        if (local ? unix_is_own(t, &own[i]) : inet_is_own(t, &own[i]))
            return true;
    }
    return false;
}

int mirror_to_check(const char *to, const struct mirror_own *own, size_t n_own, struct buf *why)
{
    struct target t;
    int rc = target_parse_numeric(to, &t);
    if (rc == -EINVAL)
        buf_printf(why,
                   "%s is no address to send to; give udp://HOST:PORT, tcp://HOST:PORT, "
                   "unixgram:///PATH or unix:///PATH",
                   to);
    else if (rc == 0 && mirror_is_own(&t, own, n_own))
        buf_printf(why,
                   "%s is a socket of this server (listen.socket), which would mirror to "
                   "itself; give the address of another one",
                   to);
    else
        return 0;
    return -EINVAL;
}
