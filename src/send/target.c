/*
 *     target_parse   kind_of: the row of the scheme -> its resolve: udp_resolve, tcp_resolve,
 *                    unix_resolve -> stream_options
 *
 * What the rows' other functions do is in dgram.c and stream.c.
 */
#include "send/target.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/number.h"
#include "send/dgram.h"
#include "send/stream.h"

enum {
    UNIX_DATAGRAM_MAX = 131072,
    STREAM_WRITE_MAX = 131072,
    FRAME_MAX = 65535 /* the longest that a server takes */
};

/* Only an address of this machine can be bound. */
static bool is_here(const struct addrinfo *a)
{
    struct sockaddr_storage any_port;
    memcpy(&any_port, a->ai_addr, a->ai_addrlen);
    if (a->ai_family == AF_INET)
        ((struct sockaddr_in *)&any_port)->sin_port = 0;
    else
        ((struct sockaddr_in6 *)&any_port)->sin6_port = 0;
    int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool here = fd >= 0 && bind(fd, (const struct sockaddr *)&any_port, a->ai_addrlen) == 0;
    if (fd >= 0)
        close(fd);
    return here;
}

/* host:port, [v6]:port.  The host may be a name. */
static int inet_resolve(struct target *t, const char *address, bool names, int type)
{
    char host[128];
    const char *colon = strrchr(address, ':');
    int64_t port;
    if (colon == NULL || !number_parse_int(slice_str(colon + 1), &port) || port < 1 || port > 65535)
        return -EINVAL;
    struct slice h = slice_of(address, (size_t)(colon - address));
    if (h.len >= 2 && h.ptr[0] == '[' && h.ptr[h.len - 1] == ']')
        h = slice_of(h.ptr + 1, h.len - 2);
    if (h.len == 0 || h.len >= sizeof host)
        return -EINVAL;
    memcpy(host, h.ptr, h.len);
    host[h.len] = '\0';
    const struct addrinfo hints = { .ai_socktype = type, .ai_flags = names ? 0 : AI_NUMERICHOST };
    struct addrinfo *found;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return -ENOENT;
    memcpy(&t->addr, found->ai_addr, found->ai_addrlen);
    t->addr_len = found->ai_addrlen;
    t->port = (uint16_t)port;
    t->here = is_here(found);
    freeaddrinfo(found);
    return 0;
}

static int udp_resolve(struct target *t, const char *address, bool names)
{
    return inet_resolve(t, address, names, SOCK_DGRAM);
}

static int tcp_resolve(struct target *t, const char *address, bool names)
{
    return inet_resolve(t, address, names, SOCK_STREAM);
}

static int unix_resolve(struct target *t, const char *address, bool names)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    size_t n = strlen(address);
    (void)names;
    bool abstract = address[0] == '@';
    if (n == 0 || n >= sizeof un.sun_path || (abstract && n == 1))
        return -EINVAL;
    memcpy(un.sun_path, address, n);
    if (abstract)
        un.sun_path[0] = '\0';
    memcpy(&t->addr, &un, sizeof un);
    t->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (abstract ? 0 : 1));
    t->here = true;
    return 0;
}

static const struct target_kind kinds[] = {
    { .name = "udp",
      .datagram_max = UDP_DATAGRAM_MAX,
      .gso = true,
      .kernel_drops = true,
      .resolve = udp_resolve,
      .open = udp_open,
      .send = udp_send,
      .unreachable = udp_unreachable },
    { .name = "unixgram",
      .datagram_max = UNIX_DATAGRAM_MAX,
      .resolve = unix_resolve,
      .open = dgram_open,
      .send = unixgram_send },
    { .name = "tcp",
      .datagram_max = STREAM_WRITE_MAX,
      .stream = true,
      .resolve = tcp_resolve,
      .open = stream_open,
      .send = stream_send,
      .complete = stream_complete,
      .finish = stream_finish,
      .finished = stream_finished },
    { .name = "unix",
      .datagram_max = STREAM_WRITE_MAX,
      .stream = true,
      .resolve = unix_resolve,
      .open = stream_open,
      .send = stream_send,
      .complete = stream_complete,
      .finish = stream_finish,
      .finished = stream_finished },
};

static const struct target_kind *kind_of(struct slice scheme)
{
    if (slice_eq(scheme, SLICE_LIT("unixstream")))
        scheme = SLICE_LIT("unix");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (slice_eq(scheme, slice_str(kinds[i].name)))
            return &kinds[i];
    return NULL;
}

/* What follows the '?', or "". */
static int stream_options(struct target *t, const char *query)
{
    t->framing = SEND_LINES;
    if (strcmp(query, "framing=dsd") == 0)
        t->framing = SEND_FRAMES;
    else if (query[0] != '\0' && strcmp(query, "framing=line") != 0)
        return -EINVAL;
    return 0;
}

size_t target_datagram_max(const struct target *t)
{
    return t->framing == SEND_FRAMES ? FRAME_MAX : t->kind->datagram_max;
}

static int parse(const char *text, bool names, struct target *ret)
{
    const char *end = strstr(text, "://"), *rest = end != NULL ? end + 3 : text;
    struct slice scheme = end != NULL ? slice_of(text, (size_t)(end - text)) : SLICE_LIT("udp");
    struct target t = { .kind = kind_of(scheme) };
    char address[sizeof t.text - sizeof "unixgram://"];
    if (t.kind == NULL)
        return -EINVAL;
    size_t n = t.kind->stream ? strcspn(rest, "?") : strlen(rest);
    if (n >= sizeof address)
        return -EINVAL;
    memcpy(address, rest, n);
    address[n] = '\0';
    if (t.kind->stream && stream_options(&t, rest[n] == '?' ? rest + n + 1 : "") < 0)
        return -EINVAL;
    int rc = t.kind->resolve(&t, address, names);
    snprintf(t.text, sizeof t.text, "%s://%s", t.kind->name, address);
    if (rc == 0 || (rc == -ENOENT && !names))
        *ret = t;
    return rc;
}

int target_parse(const char *text, struct target *ret)
{
    return parse(text, true, ret);
}

int target_parse_numeric(const char *text, struct target *ret)
{
    return parse(text, false, ret);
}
