/* Checks of values that only another room can make: sockets, tags, and the URL of Redis. */
#include "config/rules.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "core/redis_options.h"
#include "core/tag_options.h"
#include "listen/socket_url.h"
#include "mirror/opts.h"
#include "protocol/parse.h"
#include "sinks/redis.h"

/* The words of an ENUM option are numbered from 0 as these are. */
static_assert(GAUGE_SIGN_AUTO == 0 && GAUGE_SIGN_DELTA == 1 && GAUGE_SIGN_ABSOLUTE == 2,
              "protocol.gauge_sign");
static_assert(LISTEN_SPREAD_AUTO == 0 && LISTEN_SPREAD_SOURCE == 1 && LISTEN_SPREAD_PAYLOAD == 2,
              "listen.spread");
static_assert(MIRROR_BY_SERIES == 0 && MIRROR_BY_DATAGRAM == 1, "mirror.by");
static_assert(NAME_TAGS_LIBRATO == 1 && NAME_TAGS_INFLUX == 2 && NAME_TAGS_SIGNALFX == 4 &&
                  NAME_TAGS_GRAPHITE == 8,
              "protocol.name_tags");

enum { SOCKETS_MAX = 64 };

/* Checked value by value, so that a mistake is reported with its line; check_sockets parses the
 * URLs again, with the defaults of the whole config. */
static bool rule_value(enum option_id id, struct slice value, struct buf *why)
{
    static const struct listen_address defaults = { .rcvbuf = 0 };
    struct listen_address unused;
    if (id == OPTION_listen_socket)
        return socket_url_parse(value, &defaults, &unused, why) == 0;
    if (id == OPTION_mirror_share) {
        struct mirror_share share;
        const char *wrong = mirror_share_parse(value, &share);
        if (wrong != NULL)
            buf_printf(why, "%s; give a number of 0 to 1, or of 0%% to 100%%", wrong);
        return wrong == NULL;
    }
    return tag_options_value(id, value, why);
}

static void check_redis(struct config_loader *l, const struct config *c)
{
    const char *wrong = NULL;
    const struct redis_files files = core_redis_files(c);
    if (c->redis_url[0] != '\0' && redis_url_check(c->redis_url, &files, &wrong) < 0)
        config_mistake(l, OPTION_redis_url, "%s", wrong);
}

/* To itself?  What the sockets are is known by now. */
static void check_mirror(struct config_loader *l, const struct config *c)
{
    struct mirror_own *own = mem_alloc(c->n_sockets * sizeof *own);
    struct buf why = { 0 };
    for (size_t i = 0; i < c->n_sockets; i++)
        own[i] = (struct mirror_own){ .stream = transport_of(c->sockets[i].transport)->accepts,
                                      .addr = c->sockets[i].addr,
                                      .addr_len = c->sockets[i].addr_len };
    if (c->mirror_to[0] != '\0' && mirror_to_check(c->mirror_to, own, c->n_sockets, &why) < 0)
        config_mistake(l, OPTION_mirror_to, "%.*s", (int)buf_slice(&why).len, buf_slice(&why).ptr);
    buf_release(&why);
    free(own);
}

/* Would both receive the same?  [::] beside an IPv4 address is no mistake: the kernel prefers the
 * IPv4 socket. */
static void check_pair(struct config_loader *l, const struct listen_address *a,
                       const struct listen_address *b)
{
    bool a_has_b = socket_url_includes(a, b), b_has_a = socket_url_includes(b, a);
    if (a->addr.ss_family != b->addr.ss_family)
        return;
    if (a_has_b && b_has_a)
        config_mistake(l, OPTION_listen_socket, "%s is given twice; keep one of them", a->name);
    else if (a_has_b || b_has_a)
        config_mistake(l, OPTION_listen_socket, "%s receives what %s would; keep one of them",
                       a_has_b ? a->name : b->name, a_has_b ? b->name : a->name);
}

static void check_sockets(struct config_loader *l, struct config *c)
{
    const struct listen_address defaults = {
        .spread = (enum listen_spread)c->listen_spread,
        .gauge_sign = (enum gauge_sign)c->protocol_gauge_sign,
        .rcvbuf = c->listen_rcvbuf,
        .idle_timeout_ms = c->listen_idle_timeout_ms,
        .max_connections = c->limits_max_connections,
        .max_per_address = c->limits_max_connections_per_address,
        .tls_handshakes_per_second = c->limits_tls_handshakes_per_second,
        .mode = LISTEN_MODE_DEFAULT,
    };
    const struct strings *urls = &c->listen_socket;
    if (urls->n == 0 && !config_refused(l, OPTION_listen_socket))
        config_mistake(l, OPTION_listen_socket,
                       "there is none; give at least one, such as udp://127.0.0.1:8125");
    if (urls->n > SOCKETS_MAX) {
        config_mistake(l, OPTION_listen_socket, "%zu sockets are too many; give at most %d",
                       urls->n, SOCKETS_MAX);
        return;
    }
    c->sockets = mem_zalloc(2 * urls->n * sizeof *c->sockets); /* 2: localhost is two sockets */
    for (size_t i = 0; i < urls->n; i++) {
        struct buf why = { 0 };
        struct listen_address *a = &c->sockets[c->n_sockets];
        int rc = socket_url_parse(slice_str(urls->at[i]), &defaults, a, &why);
        assert(rc == 0); /* rule_value lets no other in */
        (void)rc;
        c->n_sockets++;
        c->n_sockets += socket_url_twin(a, a + 1);
        buf_release(&why);
    }
    if (c->n_sockets > SOCKETS_MAX)
        config_mistake(l, OPTION_listen_socket,
                       "%zu sockets are too many (localhost is two); give at most %d", c->n_sockets,
                       SOCKETS_MAX);
    for (size_t i = 0; i < c->n_sockets; i++) {
        for (size_t j = 0; j < i; j++)
            check_pair(l, &c->sockets[i], &c->sockets[j]);
    }
}

static void check_capture(struct config_loader *l, const struct config *c)
{
    if (c->capture_start && c->capture_dir[0] == '\0')
        config_mistake(l, OPTION_capture_start, "there is no folder for it; set capture.dir");
}

static void rule_whole(struct config_loader *l, struct config *c)
{
    check_capture(l, c);
    check_sockets(l, c);
    check_mirror(l, c);
    check_redis(l, c);
    tag_options_whole(l, c);
}

static void rule_release(struct config *c)
{
    free(c->sockets);
    free(c->tags);
}

const struct config_rules config_rules = { rule_value, rule_whole, rule_release };
