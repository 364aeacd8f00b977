/*
 * The parts of the daemon, built in one order and taken down in the reverse of it.
 *
 * server_build
 *   choose_cpu, open_listeners, make_registry
 *   make_workers        make_worker for each, then hand_out_sockets
 *     hand_out            which worker reads which socket; accept_from for streams
 *   sink_table_open
 * server_log_listeners  log_listener for each, when the server is ready
 * server_unbuild
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/server_priv.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/core_opts.h"
#include "core/memory_bound.h"
#include "core/sink_table.h"
#include "listen/adopt.h"
#include "listen/tls_door.h"
#include "protocol/variant.h"

/* Is more than one socket read, so that samples are not read in their order of arrival? */
static bool several_sources(const struct server *s)
{
    return s->n_workers > 1 || s->n_listeners > 1 ||
           (s->n_listeners == 1 && s->listeners[0].stride > 0);
}

static void make_registry(struct server *s)
{
    struct registry_opts registry = core_registry_opts(s->config, &s->mapping, &s->limit);
    registry.on_off_page = off_page_log_note;
    registry.cookie = &s->off_page_log;
    s->registry = registry_new(&registry);
}

/*
 * In a takeover groups do not grow: the kernel would at once give datagrams to the new sockets,
 * which are lost with this process if the other one goes on.
 */
static int open_rest(struct server *s, struct buf *error)
{
    const struct config *c = s->config;
    for (size_t i = 0; i < c->n_sockets; i++)
        s->listeners[i].own = s->listeners[i].n > 0 && s->listeners[i].own && !s->taking.asked;
    int rc = listener_open_rest(c->sockets, c->n_sockets, s->n_workers, s->listeners, error);
    for (size_t i = 0; s->taking.asked && i < c->n_sockets; i++)
        s->listeners[i].own = s->listeners[i].n > 0;
    return rc;
}

static int open_listeners(struct server *s)
{
    const struct config *c = s->config;
    s->listeners = mem_zalloc((c->n_sockets + 1) * sizeof *s->listeners);
    struct buf error = { 0 };
    int rc = adopt_listeners(c->sockets, c->n_sockets, s->n_workers, &s->manager.given,
                             s->listeners, &error);
    /* What is wrong with the sockets we were given comes first: it may be why others are taken. */
    if (rc == 0 && ((rc = server_manager_adopted(s)) < 0 || (rc = server_take_check(s)) < 0))
        return rc;
    if (rc == 0)
        rc = open_rest(s, &error);
    if (rc < 0)
        LOG(LOG_ERROR, "cannot listen", F_SLICE("error", buf_slice(&error)));
    for (size_t i = 0; rc == 0 && i < c->n_sockets; i++) {
        if (s->listeners[i].n > 0)
            s->listeners[s->n_listeners++] = s->listeners[i];
        else
            LOG(LOG_INFO, "no IPv6, localhost is IPv4 alone", F_STR("addr", c->sockets[i].name));
    }
    buf_release(&error);
    return rc;
}

static void log_stream_listener(const struct listener *l)
{
    const struct listen_address *a = &l->address;
    LOG(LOG_INFO, "listening", F_STR("proto", transport_of(a->transport)->scheme),
        F_STR("addr", socket_url_where(a)),
        F_STR("framing", a->framing == FRAMING_DSD ? "dsd" : "line"),
        F_U64("max_connections", a->max_connections), F_U64("idle_timeout_ms", a->idle_timeout_ms),
        F_BOOL("tls", tls_door_wanted(a)));
}

static void log_listener(const struct listener *l)
{
    const struct transport *t = transport_of(l->address.transport);
    const char *addr = socket_url_where(&l->address);
    if (t->accepts) {
        log_stream_listener(l);
        return;
    }
    /* The kernel doubles the size that is asked for, to have room for its own data. */
    uint64_t granted = l->rcvbuf_granted / 2;
    LOG(LOG_INFO, "listening", F_STR("proto", t->scheme), F_STR("addr", addr),
        F_U64("sockets", l->n), F_U64("rcvbuf_asked_bytes", l->address.rcvbuf),
        F_U64("rcvbuf_granted_bytes", granted));
    if (t->own_queue && granted < l->address.rcvbuf)
        LOG(LOG_WARN, "receive buffer smaller than asked for", F_STR("addr", addr),
            F_STR("remedy", l->own ? "raise net.core.rmem_max, or give the process CAP_NET_ADMIN"
                                   : "say ReceiveBuffer= in the socket unit"));
}

static void log_adopted(const struct server *s, const struct listener *l)
{
    const char *addr = l->address.name;
    if (l->n_before == 0)
        return;
    LOG(LOG_INFO, "sockets were open before", F_STR("addr", addr), F_U64("sockets", l->n_before),
        F_BOOL("opened_by_us", l->own), F_U64("kernel_drops_so_far", adopt_drops(l)));
    if (transport_of(l->address.transport)->per_worker && l->n < s->n_workers)
        LOG(LOG_WARN, "fewer sockets than workers: some have nothing to do", F_STR("addr", addr),
            F_U64("sockets", l->n), F_U64("workers", s->n_workers),
            F_STR("remedy", s->taking.asked
                                ? "a restart opens further ones"
                                : "write its ListenDatagram= once for each worker, with "
                                  "ReusePort=yes"));
}

static int make_worker(struct server *s, unsigned i)
{
    struct worker_opts o = { .index = i,
                             .lane = core_lane_opts(s->config, &s->mapping, &s->limit),
                             .order = several_sources(s) ? &s->order : NULL,
                             .notify = turn_notify,
                             .cookie = &s->turn };
    o.lane.ingest.marks = &s->mirror.marks;
    o.lane.taps = events_taps(&s->events, i);
    return worker_new(&o, &s->workers[i]);
}

static int accept_from(struct server *s, struct listener *l)
{
    if (s->acceptor == NULL)
        s->acceptor =
            acceptor_new(&s->loop, s->workers, s->n_workers, s->descriptors.stream_connections);
    if (s->taking.asked) /* until all is ours */
        acceptor_leave(s->acceptor);
    s->turn.acceptor = s->acceptor;
    struct buf error = { 0 };
    int rc = acceptor_add(s->acceptor, l, &error);
    if (rc < 0)
        LOG(LOG_ERROR, "cannot listen", F_STR("addr", l->address.name),
            F_SLICE("error", buf_slice(&error)));
    buf_release(&error);
    return rc;
}

/* *next: the worker that gets the next listener that has a single socket. */
static int hand_out(struct server *s, struct listener *l, unsigned *next)
{
    const bool accepts = transport_of(l->address.transport)->accepts;
    assert(s->n_workers > 0 && (l->n_readers <= s->n_workers || l->stride == s->n_workers));
    l->reader = l->n_readers > 1 ? 0 : (*next)++ % s->n_workers;
    if (accepts) /* it has one reader where there is one worker */
        l->reader = 0;
    for (unsigned i = 0; i < l->n_readers; i++) {
        int fd = accepts ? -1 : l->fds[i];
        struct worker *w = s->workers[(l->reader + i) % s->n_workers];
        int at = !accepts && i < l->n_before ? worker_add_inherited(w, fd, &l->address)
                                             : worker_add_socket(w, fd, &l->address);
        if (at < 0) {
            LOG(LOG_ERROR, "cannot receive", F_STR("addr", l->address.name),
                F_STR("error", err_text(at)),
                F_STR("remedy",
                      at == -E2BIG ? "raise server.workers: one reads too many sockets" : ""));
            return at;
        }
        l->places[i] = (uint16_t)at;
    }
    return accepts ? accept_from(s, l) : 0;
}

/*
 * Each worker gets its socket of a listener that has one for each, and connections of streams;
 * single sockets go round.
 */
static int hand_out_sockets(struct server *s)
{
    unsigned next = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_listeners; i++)
        rc = hand_out(s, &s->listeners[i], &next);
    return rc;
}

static void counted(const void *turn, struct ingest_totals *ret)
{
    turn_totals(turn, ret);
}

static int make_workers(struct server *s, void (*on_turned)(void *server))
{
    for (unsigned i = 0; i < s->n_workers; i++) {
        int rc = make_worker(s, i);
        if (rc < 0) {
            LOG(LOG_ERROR, "cannot make a worker", F_STR("error", err_text(rc)));
            return rc;
        }
    }
    s->turn.workers = s->workers;
    s->turn.n_workers = s->n_workers;
    s->turn.listeners = s->listeners;
    s->turn.n_listeners = s->n_listeners;
    s->turn.registry = s->registry;
    s->turn.on_turned = on_turned;
    s->turn.cookie = s;
    s->refused = (struct refused_log){ .workers = s->workers,
                                       .n_workers = s->n_workers,
                                       .listeners = s->listeners,
                                       .n_listeners = s->n_listeners,
                                       .totals = counted,
                                       .counted = &s->turn };
    refused_log_lines(&s->refused, s->config->protocol_log_rejected);
    s->mirror.workers = s->workers;
    s->mirror.n_workers = s->n_workers;
    s->mirror.listeners = s->listeners;
    s->mirror.n_listeners = s->n_listeners;
    return hand_out_sockets(s);
}

void server_log_listeners(const struct server *s)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        log_listener(&s->listeners[i]);
        log_adopted(s, &s->listeners[i]);
    }
}

static void on_entry(void *server, const struct event_entry *e)
{
    const struct server *s = server;
    sink_list_entry(&s->sinks, e);
}

/* Before the first parser is made. */
static int choose_cpu(const struct config *c)
{
    /* In the order of the option's words. */
    static const char *const words[] = { "auto", "avx512", "avx2", "sse2", "portable", "neon" };
    const char *name = words[c->protocol_cpu];
    if (c->protocol_cpu == 0 || variant_choose(name))
        return 0;
    LOG(LOG_ERROR, "cannot start", F_STR("error", "this CPU has not what protocol.cpu says"),
        F_STR("protocol.cpu", name), F_STR("remedy", "say auto"));
    return -ENOTSUP;
}

int server_build(struct server *s, void (*on_turned)(void *server))
{
    int rc = choose_cpu(s->config);
    if (rc < 0)
        return rc;
    const struct limit_opts limits = core_limit_opts(s->config);
    rc = series_limit_init(&s->limit, s->config->limits_max_series);
    if (rc == 0)
        rc = series_limit_shares(&s->limit, &limits);
    if (rc < 0) {
        LOG(LOG_ERROR, "cannot start", F_STR("error", err_text(rc)));
        return rc;
    }
    s->n_workers = memory_bound_workers(s->config);
    assert(s->n_workers > 0 && s->n_workers <= LISTEN_WORKERS_MAX);
    descriptors_prepare(s->config, s->n_workers, &s->descriptors);
    if ((rc = open_listeners(s)) < 0)
        return rc;
    make_registry(s);
    server_mirror_init(&s->mirror);
    events_init(&s->events, s->n_workers, s->config->prometheus_service_checks);
    if ((rc = make_workers(s, on_turned)) < 0)
        return rc;
    event_log_tell(s->events.log, on_entry, s);
    s->capturing.taps.workers = s->workers;
    s->capturing.taps.n_workers = s->n_workers;
    s->capturing.taps.listeners = s->listeners;
    s->capturing.taps.n_listeners = s->n_listeners;
    return capturing_begin(&s->capturing, &s->loop);
}

int server_open_sinks(struct server *s)
{
    return sink_table_open(s->config, &s->loop, s->state_file.dir, &s->sinks);
}

void server_unbuild(struct server *s)
{
    assert(s->http == NULL); /* nobody asks any more */
    for (unsigned i = 0; i < s->n_workers; i++)
        worker_join(s->workers[i]);
    server_mirror_close(&s->mirror);
    capturing_end(&s->capturing);
    acceptor_close(s->acceptor);
    for (size_t i = 0; i < s->n_listeners; i++)
        listener_close(&s->listeners[i]);
    sink_list_close(&s->sinks);
    free(s->listeners);
    events_release(&s->events);
    registry_free(s->registry);
    core_mapping_release(&s->fresh.cluster_mapping);
    core_mapping_release(&s->fresh.mapping); /* of a reload that no turn put in force */
    core_mapping_release(&s->mapping);
    series_limit_release(&s->limit);
}
