/*
 *     server_start   open_all -> confined -> sinks -> go -> the saved state -> ready
 *       open_all       make, HTTP listens, the control socket
 *       server_make    listeners -> registry -> workers (server_build.c) -> scrapes -> the loop
 *       server_go      HTTP -> the workers run
 *       server_ready
 *
 * A server that takes over (server_take.c) goes the same way, in other steps, and its workers run
 * before HTTP.
 */
#include <string.h>
#include <time.h>

#include "app/server_priv.h"
#include "app/version.h"
#include "base/backing.h"
#include "base/err.h"
#include "base/now.h"
#include "core/core_opts.h"
#include "protocol/variant.h"

enum { RETRY_MS = 10, RETRY_MOST_MS = 5000 };

static void prepare_self(struct server *s)
{
    s->self = (struct selfmetrics_sources){ .turn = &s->turn,
                                            .registry = s->registry,
                                            .limit = &s->limit,
                                            .listeners = s->listeners,
                                            .n_listeners = s->n_listeners,
                                            .events = &s->events,
                                            .mirror = &s->mirror,
                                            .capturing = &s->capturing,
                                            .sinks = &s->sinks };
    s->self.server = (struct server_stats){
        .series_limit = s->limit.max,
        .interval_seconds = (double)server_interval_ms(s) / 1000,
        .start_seconds = (double)now_wall_ms() / 1000,
        .reload_seconds = (double)now_wall_ms() / 1000,
        .mapping_rules = core_mapping_rules(&s->mapping),
        .version = version_text,
        .commit = version_commit,
    };
}

static uint64_t ask_turn(void *turn)
{
    return turn_ask(turn, false);
}

static int open_scrape(struct server *s)
{
    const struct scrape_opts o = {
        .loop = &s->loop,
        .registry = s->registry,
        .stats = &s->self.expose,
        .put_own = selfmetrics_render,
        .own = &s->self,
        .ask_turn = ask_turn,
        .turn = &s->turn,
    };
    return scrape_new(&o, &s->scrape);
}

static int open_cluster(struct server *s)
{
    const struct config *c = s->config;
    bool any = c->http_listen[0] != '\0' && c->redis_url[0] != '\0';
    int rc = any ? cluster_page_new(c, &s->cluster) : 0;
    s->self.cluster = s->cluster;
    return rc;
}

/*
 * After a takeover the sockets are ours whatever happens, and the server that ends has threads for
 * a while: a thread is asked for again.
 */
static int start_thread(struct server *s, int (*start)(void *of), void *of, const char *what)
{
    const struct timespec retry = { .tv_nsec = RETRY_MS * 1000000L };
    struct buf text = { 0 };
    int rc = start(of);
    buf_printf(&text, "cannot start %s, trying again%c", what, '\0');
    if (rc < 0 && s->taking.asked)
        LOG(LOG_WARN, text.ptr, F_STR("error", err_text(rc)));
    for (int ms = 0; rc < 0 && s->taking.asked && ms < RETRY_MOST_MS; ms += RETRY_MS) {
        (void)nanosleep(&retry, NULL);
        rc = start(of);
    }
    buf_clear(&text);
    buf_printf(&text, "cannot start %s%c", what, '\0');
    if (rc < 0)
        LOG(LOG_ERROR, text.ptr, F_STR("error", err_text(rc)));
    buf_release(&text);
    return rc;
}

static int start_worker(void *worker)
{
    return worker_start(worker);
}

static int start_workers(struct server *s)
{
    int rc = 0;
    for (unsigned i = 0; i < s->n_workers && rc == 0; i++)
        rc = start_thread(s, start_worker, s->workers[i], "a worker");
    return rc;
}

static int start_page(void *cluster)
{
    return cluster_page_start(cluster);
}

/* Before HTTP, whose requests it answers. */
static int start_cluster(struct server *s)
{
    return s->cluster == NULL
               ? 0
               : start_thread(s, start_page, s->cluster, "a thread for cluster metrics");
}

int server_make(struct server *s)
{
    int rc = server_build(s, server_turned);
    if (rc < 0)
        return rc;
    prepare_self(s);
    if ((rc = server_web_open(&s->web, s->config->http_web_config, &s->self.server)) < 0)
        return rc;
    if ((rc = server_sampling_open(s)) < 0)
        return rc;
    if ((rc = open_scrape(s)) < 0 || (rc = server_api_open(s)) < 0 || (rc = open_cluster(s)) < 0)
        return rc;
    server_start_loop(s);
    return 0;
}

/* What may fail comes before anything is read: a manager's sockets have it for the next start. */
static int go_from_nothing(struct server *s)
{
    int rc = start_cluster(s);
    if (rc == 0)
        rc = server_http_start(s);
    return rc == 0 ? start_workers(s) : rc;
}

/* All is ours already: what comes is read, and HTTP served, as soon as may be. */
static int go_from_another(struct server *s)
{
    int rc = start_workers(s);
    if (rc == 0)
        rc = start_cluster(s);
    if (rc == 0)
        (void)server_http_start(s); /* or later */
    return rc;
}

int server_go(struct server *s)
{
    return s->taking.asked ? go_from_another(s) : go_from_nothing(s);
}

void server_ready(struct server *s)
{
    const struct mirror_opts mirror = core_mirror_opts(s->config, s->config);
    server_state_start(s);
    server_set_state(s, RUNNING);
    server_mirror_set(&s->mirror, &mirror);
    capturing_ready(&s->capturing);
    server_log_listeners(s);
    LOG(LOG_INFO, "ready", F_STR("version", version_text), F_STR("commit", version_commit),
        F_STR("cpu", variant_name()), F_U64("workers", s->n_workers),
        F_I64("interval_ms", server_interval_ms(s)),
        F_BOOL("redis", s->config->redis_url[0] != '\0'));
    server_manager_ready(s);
}

/* Everything that needs a right of root's, or a file. */
static int open_all(struct server *s)
{
    int rc = server_manager_open(s);
    if (rc < 0 || (rc = server_state_open(s)) < 0 ||
        (rc = capturing_open(&s->capturing, s->config)) < 0)
        return rc;
    if ((rc = server_make(s)) < 0 || (rc = server_http_bind(s)) < 0)
        return rc;
    return server_hand_on_open(s, -1);
}

void server_start_memory(void)
{
    int rc = backing_start();
    if (rc < 0)
        LOG(LOG_WARN, "no thread for memory, workers make their own pages",
            F_STR("error", err_text(rc)));
}

int server_start(struct server *s)
{
    int rc = open_all(s);
    if (rc < 0 || (rc = server_confine(s)) < 0)
        return rc;
    server_start_memory();
    /* The state is read once only: what can fail comes before it. */
    if ((rc = server_open_sinks(s)) < 0 || (rc = server_go(s)) < 0)
        return rc;
    server_state_load(s);
    server_ready(s);
    return 0;
}
