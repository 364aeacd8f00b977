/**
 * What no option can know alone: order inside lists, options that depend on each other, addresses.
 */
#include "config/config_loader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/address.h"
#include "base/mem.h"
#include "sinks/redis.h"

enum { SOCKETS_MAX = 64, QUANTILES_MAX = 32, BUCKETS_MAX = 128 };

static void check_rising(struct config_loader *l, enum option_id id, const struct doubles *list, size_t most)
{
    if (list->n > most)
        config_loader_error_at(l, id, "%zu numbers are too many; give at most %zu", list->n, most);
    for (size_t i = 1; i < list->n; i++) {
        if (list->at[i] <= list->at[i - 1]) {
            config_loader_error_at(l, id, "the numbers do not rise: %g comes after %g; sort them and keep each once", list->at[i],
                                   list->at[i - 1]);
            return;
        }
    }
}

static void check_lists(struct config_loader *l)
{
    check_rising(l, OPTION_aggregate_quantiles, &l->c.aggregate_quantiles, QUANTILES_MAX);
    check_rising(l, OPTION_prometheus_buckets, &l->c.prometheus_buckets, BUCKETS_MAX);
    if (l->c.prometheus_buckets.n == 0)
        config_loader_error_at(l, OPTION_prometheus_buckets, "the list is empty; give at least one bound");
}

static void check_times(struct config_loader *l)
{
    const struct config *c = &l->c;
    if (c->server_interval_ms > 1000 && c->server_interval_ms % 1000 != 0)
        config_loader_error_at(l, OPTION_server_interval, "above 1s it must be whole seconds");
    if (c->aggregate_ttl_ms != 0 && c->aggregate_ttl_ms < c->server_interval_ms)
        config_loader_error_at(l, OPTION_aggregate_ttl, "shorter than server.interval; raise it, or 0 for never");
    const struct {
        enum option_id id;
        uint64_t ms;
    } whole_seconds[] = { { OPTION_http_timeout, c->http_timeout_ms },
                          { OPTION_redis_retention, c->redis_retention_ms },
                          { OPTION_aggregate_ttl, c->aggregate_ttl_ms } };
    for (size_t i = 0; i < ARRAY_LEN(whole_seconds); i++) {
        if (whole_seconds[i].ms % 1000 != 0)
            config_loader_error_at(l, whole_seconds[i].id, "must be whole seconds");
    }
    if (c->redis_retention_ms < c->server_interval_ms)
        config_loader_error_at(l, OPTION_redis_retention, "shorter than server.interval; raise it");
}

/* What stands in a key of Redis: braces would move it to another slot of a cluster. */
static bool key_part(const char *s)
{
    return *s != '\0' && s[strcspn(s, " \t{}")] == '\0';
}

static void check_redis(struct config_loader *l)
{
    const struct config *c = &l->c;
    const char *wrong = NULL;
    if (c->redis_url[0] != '\0' && redis_url_check(c->redis_url, &wrong) < 0)
        config_loader_error_at(l, OPTION_redis_url, "%s", wrong);
    if (!key_part(c->redis_prefix))
        config_loader_error_at(l, OPTION_redis_prefix, "must not be empty nor hold blanks or braces; such as sd");
    if (strlen(c->redis_prefix) > 64)
        config_loader_error_at(l, OPTION_redis_prefix, "longer than 64 bytes");
}

static void check_instance(struct config_loader *l)
{
    struct config *c = &l->c;
    if (c->server_instance[0] == '\0') {
        char host[256] = "";
        if (gethostname(host, sizeof host - 1) < 0 || host[0] == '\0')
            snprintf(host, sizeof host, "localhost");
        free(c->server_instance);
        c->server_instance = mem_strdup(host);
    }
    if (!key_part(c->server_instance) || strlen(c->server_instance) > 255)
        config_loader_error_at(l, OPTION_server_instance, "must hold no blanks or braces and at most 255 bytes; such as web-1");
}

static void check_http(struct config_loader *l)
{
    struct sockaddr_storage addr;
    socklen_t len;
    const char *text = l->c.http_listen;
    const char *port = strrchr(text, ':'), *bracket = strrchr(text, ']');
    if (text[0] == '\0')
        return;
    /* Without a port it would be anybody's guess which one. */
    if (port == NULL || (bracket != NULL && port < bracket) || address_parse(slice_str(text), 0, &addr, &len) < 0)
        config_loader_error_at(l, OPTION_http_listen, "'%s' is not ADDRESS:PORT; such as 127.0.0.1:9102, [::1]:9102, or empty for none", text);
}

/* Two that would receive the same.  [::] beside an IPv4 address is no mistake: the kernel prefers the IPv4 socket. */
static void check_pair(struct config_loader *l, const struct listen_address *a, const struct listen_address *b)
{
    bool a_has_b = socket_url_includes(a, b), b_has_a = socket_url_includes(b, a);
    if (a->addr.ss_family != b->addr.ss_family)
        return;
    if (a_has_b && b_has_a)
        config_loader_error_at(l, OPTION_listen_socket, "%s is given twice; keep one of them", a->name);
    else if (a_has_b || b_has_a)
        config_loader_error_at(l, OPTION_listen_socket, "%s receives what %s would; keep one of them",
                               a_has_b ? a->name : b->name, a_has_b ? b->name : a->name);
}

static void check_sockets(struct config_loader *l)
{
    struct config *c = &l->c;
    const struct listen_address defaults = {
        .spread = (enum listen_spread)c->listen_spread,
        .gauge_sign = (enum gauge_sign)c->protocol_gauge_sign,
        .rcvbuf = c->listen_rcvbuf,
        .mode = LISTEN_MODE_DEFAULT,
    };
    const struct strings *urls = &c->listen_socket;
    if (urls->n == 0 && l->bad_sockets == 0)
        config_loader_error_at(l, OPTION_listen_socket, "there is none; give at least one, such as udp://127.0.0.1:8125");
    if (urls->n > SOCKETS_MAX) {
        config_loader_error_at(l, OPTION_listen_socket, "%zu sockets are too many; give at most %d", urls->n, SOCKETS_MAX);
        return;
    }
    c->sockets = mem_zalloc(2 * urls->n * sizeof *c->sockets);
    for (size_t i = 0; i < urls->n; i++) {
        struct buf why = { 0 };
        struct listen_address *a = &c->sockets[c->n_sockets];
        int rc = socket_url_parse(slice_str(urls->at[i]), &defaults, a, &why);
        assert(rc == 0);   /* config_loader_assign lets no other in */
        (void)rc;
        c->n_sockets++;
        c->n_sockets += socket_url_twin(a, a + 1);
        buf_release(&why);
    }
    if (c->n_sockets > SOCKETS_MAX)
        config_loader_error_at(l, OPTION_listen_socket, "%zu sockets are too many (localhost is two); give at most %d",
                               c->n_sockets, SOCKETS_MAX);
    for (size_t i = 0; i < c->n_sockets; i++) {
        for (size_t j = 0; j < i; j++)
            check_pair(l, &c->sockets[i], &c->sockets[j]);
    }
}

void config_check_all(struct config_loader *l)
{
    check_instance(l);
    check_sockets(l);
    check_lists(l);
    check_times(l);
    check_redis(l);
    check_http(l);
}
