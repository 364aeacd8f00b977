#include "config/config_cross.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/address.h"
#include "base/mem.h"
#include "base/networks.h"
#include "config/escape.h"
#include "config/rules.h"

static void check_rising(struct config_loader *l, enum option_id id, const struct doubles *list,
                         size_t most)
{
    if (list->n > most)
        config_mistake(l, id, "%zu numbers are too many; give at most %zu", list->n, most);
    for (size_t i = 1; i < list->n; i++) {
        if (list->at[i] <= list->at[i - 1]) {
            config_mistake(
                l, id, "the numbers do not rise: %g comes after %g; sort them and keep each once",
                list->at[i], list->at[i - 1]);
            return;
        }
    }
}

static void check_lists(struct config_loader *l)
{
    check_rising(l, OPTION_aggregate_quantiles, &l->c.aggregate_quantiles, OPTION_QUANTILES_MAX);
    check_rising(l, OPTION_prometheus_buckets, &l->c.prometheus_buckets, OPTION_BUCKETS_MAX);
    if (l->c.prometheus_buckets.n == 0)
        config_mistake(l, OPTION_prometheus_buckets, "the list is empty; give at least one bound");
}

static void check_factor(struct config_loader *l)
{
    double factor = l->c.prometheus_native_histogram_factor;
    if (factor > 0 && factor <= 1)
        config_mistake(
            l, OPTION_prometheus_native_histogram_factor,
            "buckets cannot grow by %g; give a factor above 1, such as 1.1, or 0 for off", factor);
}

static void check_times(struct config_loader *l)
{
    const struct config *c = &l->c;
    if (c->server_interval_ms > 1000 && c->server_interval_ms % 1000 != 0)
        config_mistake(l, OPTION_server_interval, "above 1s it must be whole seconds");
    bool interval_known = !config_refused(l, OPTION_server_interval);
    if (interval_known && c->aggregate_ttl_ms != 0 && c->aggregate_ttl_ms < c->server_interval_ms)
        config_mistake(l, OPTION_aggregate_ttl,
                       "shorter than server.interval; raise it, or 0 for never");
    const struct {
        enum option_id id;
        uint64_t ms;
    } whole_seconds[] = { { OPTION_http_timeout, c->http_timeout_ms },
                          { OPTION_redis_retention, c->redis_retention_ms },
                          { OPTION_redis_totals_ttl, c->redis_totals_ttl_ms },
                          { OPTION_aggregate_ttl, c->aggregate_ttl_ms } };
    for (size_t i = 0; i < ARRAY_LEN(whole_seconds); i++) {
        if (whole_seconds[i].ms % 1000 != 0)
            config_mistake(l, whole_seconds[i].id, "must be whole seconds");
    }
    if (interval_known && c->redis_retention_ms < c->server_interval_ms)
        config_mistake(l, OPTION_redis_retention, "shorter than server.interval; raise it");
    if (interval_known && c->redis_instance_ttl_ms != 0 &&
        c->redis_instance_ttl_ms < c->server_interval_ms)
        config_mistake(l, OPTION_redis_instance_ttl,
                       "shorter than server.interval; raise it, or 0 for five");
}

/* Whether s may be part of a key of Redis.  A cluster hashes only what stands in braces, so braces
 * would move the key to another slot. */
static bool key_part(const char *s)
{
    return *s != '\0' && s[strcspn(s, " \t{}")] == '\0';
}

static void check_prefix(struct config_loader *l)
{
    const struct config *c = &l->c;
    if (!key_part(c->redis_prefix))
        config_mistake(l, OPTION_redis_prefix,
                       "must not be empty nor hold blanks or braces; such as sd");
    if (strlen(c->redis_prefix) > 64)
        config_mistake(l, OPTION_redis_prefix, "longer than 64 bytes");
}

static void check_instance(struct config_loader *l)
{
    struct config *c = &l->c;
    assert(c->server_instance != NULL);
    if (c->server_instance[0] == '\0') { /* becomes the host name */
        char host[256] = "";
        if (gethostname(host, sizeof host - 1) < 0 || host[0] == '\0')
            snprintf(host, sizeof host, "localhost");
        free(c->server_instance);
        c->server_instance = mem_strdup(host);
    }
    if (!key_part(c->server_instance) || strlen(c->server_instance) > 255)
        config_mistake(l, OPTION_server_instance,
                       "must hold no blanks or braces and at most 255 bytes; such as web-1");
}

/* A mistake about a text of the user's, which is shown. */
static void mistake_with_value(struct config_loader *l, enum option_id id, const char *value,
                               const char *wrong)
{
    struct buf shown = { 0 };
    escape_short(slice_str(value), &shown);
    config_mistake(l, id, "'%.*s' %s", (int)shown.len, shown.ptr, wrong);
    buf_release(&shown);
}

static void check_allow(struct config_loader *l)
{
    struct networks allow;
    struct buf wrong = { 0 };
    if (l->c.http_allow[0] != '\0' && !networks_parse(slice_str(l->c.http_allow), &allow, &wrong))
        config_mistake(l, OPTION_http_allow, "%.*s", (int)wrong.len, wrong.ptr);
    buf_release(&wrong);
}

static void check_http(struct config_loader *l)
{
    struct sockaddr_storage addr;
    socklen_t len;
    const char *text = l->c.http_listen;
    const char *port = strrchr(text, ':'), *bracket = strrchr(text, ']');
    if (text[0] == '\0')
        return;
    /* The port has to be written, unlike that of a socket: there is no well-known one. */
    if (port == NULL || (bracket != NULL && port < bracket) ||
        address_parse(slice_str(text), 0, &addr, &len) < 0)
        mistake_with_value(
            l, OPTION_http_listen, text,
            "is not ADDRESS:PORT; such as 127.0.0.1:9102, [::1]:9102, or empty for none");
}

void config_cross_check(struct config_loader *l)
{
    config_loader_check(l);
    assert(l->line == 0 && "every file is read");
    check_instance(l);
    config_rules.whole(l, &l->c);
    check_lists(l);
    check_factor(l);
    check_times(l);
    check_prefix(l);
    check_http(l);
    check_allow(l);
}
