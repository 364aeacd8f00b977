/*
 * The daemon under a service manager: what manager.h says.
 *
 *     start    open -> read_watchdog;  adopted: take_http
 *     run      ready -> store_all -> (on_answer, on_patience) -> settle
 *              on_watchdog -> (a turn) -> turned
 *     end      stopping -> on_extend;  saving;  close
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/core_opts.h"
#include "app/leftover.h"
#include "app/server_priv.h"
#include "base/err.h"
#include "base/now.h"

enum {
    TEXT_BYTES = 512,
    EXTEND_MS = 1000,    /* how often a long stop asks for more time ... */
    EXTEND_US = 5000000, /* ... and for how much */
    SAVE_SERIES_US = 20  /* in which one series is saved and freed, on a slow disk too */
};

/* ---- start ---- */

/* 0: there is no watchdog, or it is another process'. */
static uint64_t read_watchdog(const char *usec, const char *pid)
{
    char *end;
    if (usec == NULL || usec[0] < '0' || usec[0] > '9')
        return 0;
    if (pid != NULL && strtol(pid, NULL, 10) != getpid())
        return 0;
    uint64_t us = strtoull(usec, &end, 10);
    if (*end != '\0' || us == 0)
        return 0;
    uint64_t half_ms = us / 2000;
    return half_ms > 0 ? half_ms : 1;
}

/* No thread runs yet that could read the environment. */
/* NOLINTBEGIN(concurrency-mt-unsafe) */
int server_manager_open(struct server *s)
{
    struct manager *m = &s->manager;
    struct buf error = { 0 };
    m->http_fd = m->http_spare = -1;
    const char *where = getenv("NOTIFY_SOCKET");
    int rc = notify_open(&m->to, where);
    if (rc < 0)
        LOG(LOG_WARN, "cannot tell the manager", F_STR("notify_socket", where != NULL ? where : ""),
            F_STR("error", err_text(rc)));
    m->watchdog_ms = read_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    rc = inherited_from_env(&m->given, &error);
    if (rc < 0)
        LOG(LOG_ERROR, "cannot take sockets from the environment",
            F_SLICE("error", buf_slice(&error)));
    buf_release(&error);
    return rc;
}
/* NOLINTEND(concurrency-mt-unsafe) */

void server_manager_http_name(const struct server *s, char out[INHERITED_NAME_MAX])
{
    char url[TEXT_BYTES];
    snprintf(url, sizeof url, "http://%s", s->config->http_listen);
    inherited_own_name(url, out);
}

/* returns  0, or -E2BIG, logged */
static int take_http(struct server *s)
{
    struct manager *m = &s->manager;
    struct sockaddr_storage addr;
    socklen_t len;
    char name[INHERITED_NAME_MAX];
    struct inherited_fd got;
    const char *where = s->config->http_listen;
    if (where[0] == '\0' || address_parse(slice_str(where), HTTP_PORT_DEFAULT, &addr, &len) < 0)
        return 0; /* a mistake in it is told by the HTTP server */
    server_manager_http_name(s, name);
    const struct inherited_want want = {
        .type = SOCK_STREAM, .addr = (const struct sockaddr *)&addr, .addr_len = len, .name = name
    };
    int n = inherited_take(&m->given, &want, &got, 1);
    if (n < 0) {
        LOG(LOG_ERROR, "cannot serve http", F_STR("addr", where),
            F_STR("error", "its socket was given more than once"),
            F_STR("remedy", "its ListenStream= stands in the socket unit once"));
        return n;
    }
    if (n == 1) {
        m->http_fd = got.fd;
        m->http_kept = got.kept;
    }
    return 0;
}

int server_manager_adopted(struct server *s)
{
    int rc = take_http(s);
    if (rc == 0 && leftover_refused(&s->manager.given))
        rc = -EINVAL;
    return rc;
}

/* ---- its store ---- */

static void remove_stored(struct manager *m, const char *name)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
    (void)notify_say(&m->to, text);
}

static void store(struct manager *m, const char *name, const int *fds, size_t n)
{
    char text[TEXT_BYTES];
    /* FDPOLL=0: else it would drop a socket with an error pending, as after a refused datagram. */
    snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
    (void)notify_say_with(&m->to, text, fds, n);
}

/* The first that the manager has not got.  What was taken over was open before, and it has none. */
static unsigned first_new(const struct listener *l)
{
    return l->kept ? l->n_before : 0;
}

static bool is_new(const struct listener *l)
{
    return l->own && l->n > first_new(l);
}

static bool http_is_new(const struct server *s)
{
    return s->http != NULL && !s->manager.http_kept;
}

static void store_new(struct server *s)
{
    struct manager *m = &s->manager;
    char name[INHERITED_NAME_MAX];
    for (size_t i = 0; i < s->n_listeners; i++) {
        const struct listener *l = &s->listeners[i];
        if (is_new(l))
            store(m, l->kept_as, &l->fds[first_new(l)], l->n - first_new(l));
    }
    server_manager_http_name(s, name);
    if (http_is_new(s))
        store(m, name, (const int[]){ http_listens(s->http) }, 1);
}

/* Everything new, or nothing of it: half of a group would lose what the other half holds. */
static void settle(struct server *s, bool stores)
{
    struct manager *m = &s->manager;
    char name[INHERITED_NAME_MAX];
    size_t n = s->http != NULL;
    bool any = http_is_new(s);
    m->asking = false;
    m->stores = stores;
    for (size_t i = 0; i < s->n_listeners; i++) {
        struct listener *l = &s->listeners[i];
        n += l->own ? l->n : 0;
        any |= l->own;
        if (!is_new(l))
            continue;
        l->kept = stores;
        if (!stores)
            remove_stored(m, l->kept_as);
    }
    if (http_is_new(s)) {
        server_manager_http_name(s, name);
        m->http_kept = stores;
        if (!stores)
            remove_stored(m, name);
    }
    if (!stores && any)
        LOG(LOG_WARN, "the manager does not keep our sockets: a restart loses what they hold",
            F_STR("remedy", "FileDescriptorStoreMax= in the unit, at least the number of sockets "
                            "and one more"),
            F_U64("sockets", n));
}

static void stop_asking(struct server *s)
{
    struct manager *m = &s->manager;
    uv_close((uv_handle_t *)&m->answer, NULL); /* before its descriptor is */
    uv_close((uv_handle_t *)&m->patience, NULL);
    settle(s, notify_probe_end(&m->to, &m->probe));
}

static void on_answer(uv_poll_t *answer, int status, int events)
{
    (void)status;
    (void)events;
    stop_asking(answer->data);
}

static void on_patience(uv_timer_t *patience)
{
    stop_asking(patience->data);
}

/* It may be busy: all goes on until it answers. */
static void store_all(struct server *s)
{
    struct manager *m = &s->manager;
    store_new(s);
    if (!notify_probe_begin(&m->to, &m->probe)) {
        settle(s, false);
        return;
    }
    if (notify_probe_answered(&m->probe, NOTIFY_HOLD_MS) ||
        uv_poll_init(&s->loop, &m->answer, m->probe.done) < 0) {
        settle(s, notify_probe_end(&m->to, &m->probe));
        return;
    }
    m->asking = true;
    uv_timer_init(&s->loop, &m->patience);
    m->answer.data = m->patience.data = s;
    uv_poll_start(&m->answer, UV_READABLE, on_answer);
    uv_timer_start(&m->patience, on_patience, NOTIFY_WAIT_MS, 0);
}

void server_manager_bound_again(struct server *s, struct listener *l)
{
    struct manager *m = &s->manager;
    if (!m->stores && !m->asking)
        return;
    remove_stored(m, l->kept_as);
    store(m, l->kept_as, &l->fds[0], 1);
    l->kept = m->stores;
}

/* ---- run ---- */

static void say_ready(struct server *s, const char *text)
{
    char line[TEXT_BYTES], where[TEXT_BYTES] = "";
    const char *first = s->n_listeners > 0 ? s->listeners[0].address.name : "nothing";
    if (s->http != NULL)
        snprintf(where, sizeof where, ", metrics at %s://%s/metrics", http_scheme(s->http),
                 http_address(s->http));
    if (text == NULL && s->n_listeners > 1)
        snprintf(line, sizeof line, "READY=1\nSTATUS=reading %s and %zu more%s", first,
                 s->n_listeners - 1, where);
    else if (text == NULL)
        snprintf(line, sizeof line, "READY=1\nSTATUS=reading %s%s", first, where);
    else
        snprintf(line, sizeof line, "READY=1\nSTATUS=%s", text);
    (void)notify_say(&s->manager.to, line);
}

/*
 * While it runs, a turn shows whether every worker goes on.  Once they have had their last turn,
 * this timer shows that the control thread does.
 */
static void on_watchdog(uv_timer_t *timer)
{
    struct server *s = timer->data;
    struct manager *m = &s->manager;
    if (server_state(s) == RUNNING && m->turn == 0)
        m->turn = turn_ask(&s->turn, false);
    else if (server_state(s) == DRAINING && s->last_turn == 0)
        (void)notify_try(&m->to, "WATCHDOG=1");
}

void server_manager_turned(struct server *s)
{
    struct manager *m = &s->manager;
    if (m->turn == 0 || s->turn.done < m->turn)
        return;
    m->turn = 0;
    (void)notify_try(&m->to, "WATCHDOG=1");
}

void server_manager_ready(struct server *s)
{
    struct manager *m = &s->manager;
    struct lane_opts lane = core_lane_opts(s->config, &s->mapping, &s->limit);
    if (inherited_left(&m->given) != NULL)
        lane.taps = events_further_taps(&s->events);
    leftover_end(&m->given, &lane, s->registry, &m->to);
    if (!notify_there(&m->to))
        return;
    store_all(s);
    uv_timer_init(&s->loop, &m->watchdog);
    uv_timer_init(&s->loop, &m->extend);
    m->watchdog.data = m->extend.data = s;
    if (m->watchdog_ms > 0)
        uv_timer_start(&m->watchdog, on_watchdog, 0, m->watchdog_ms);
    say_ready(s, NULL);
}

void server_manager_reloading(struct server *s)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text,
             "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=reading the config",
             now_mono_ns() / 1000);
    (void)notify_say(&s->manager.to, text);
}

void server_manager_reloaded(struct server *s, const char *text)
{
    say_ready(s, text);
}

/* ---- end ---- */

static void extend(struct manager *m, uint64_t us)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%" PRIu64, us);
    (void)notify_try(&m->to, text);
}

static void on_extend(uv_timer_t *timer)
{
    struct server *s = timer->data;
    extend(&s->manager, EXTEND_US);
}

void server_manager_saving(struct server *s)
{
    uint64_t series = 0;
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        series += registry_count(s->registry, (enum series_kind)k);
    extend(&s->manager, EXTEND_US + series * SAVE_SERIES_US);
}

void server_manager_stopping(struct server *s)
{
    struct manager *m = &s->manager;
    if (!notify_there(&m->to))
        return;
    if (m->asking) {
        (void)notify_probe_answered(&m->probe, NOTIFY_HOLD_MS);
        stop_asking(s);
    }
    (void)notify_say(&m->to, "STOPPING=1\nSTATUS=stopping: handing on what was received");
    uv_timer_start(&m->extend, on_extend, EXTEND_MS, EXTEND_MS);
}

void server_manager_close(struct server *s)
{
    struct manager *m = &s->manager;
    inherited_release(&m->given);
    if (m->http_fd >= 0)
        close(m->http_fd);
    if (m->http_spare >= 0)
        close(m->http_spare);
    if (notify_there(&m->to))
        (void)notify_barrier(&m->to, NOTIFY_SEND_MS);
    notify_close(&m->to);
}
