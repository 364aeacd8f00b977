/*
 * Another server takes over from this one:
 *
 *   offer        why_not, put_all
 *   pause        HTTP accepts no more, and its answers end
 *     quiet        .. they have, events are delivered, no gauges are being written: the last turn
 *   server_hand_on_turned
 *     hand_on      .. its events are delivered too: the interval goes to the sinks, the state into
 *                  memory: giver_paused
 *   leave        all of it is the other one's; exit
 *   failed, resume          it came to nothing: go on
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/server_priv.h"
#include "app/server_state.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/now.h"

enum {
    CHECK_MS = 5,
    IDLE_MS = 250, /* HTTP connections without a request have so long to be used once more */
    EVENTS_MS = 1000,
    LAST_EVENTS_MS = 250, /* those of the last turn, while nothing is read */
    DELIVERED_MS = 1,     /* how often that is looked at */
    ANSWER_MS = 5000      /* scrapes under way may take so long */
};

/* ---- offer ---- */

static const char *why_not(const struct server *s, const struct takeover_hello *h)
{
    if (server_state(s) != RUNNING || s->leaving)
        return "it is starting or stopping";
    if (s->reload_turn != 0)
        return "it is reading its config again: try again";
    if (notify_there(&s->manager.to) || server_others_keep(s))
        return "a service manager has its sockets: restart it there, which loses nothing either";
    if (h->state_version != STATE_TAKEOVER_VERSION)
        return "the new server reads states of another version";
    return NULL;
}

static void put(struct hand_on *h, const char *name, int fd)
{
    h->fds[h->n++] = (struct takeover_fd){ .name = name, .fd = fd };
}

static void put_all(struct server *s)
{
    struct hand_on *h = &s->hand_on;
    size_t n = 2;
    for (size_t i = 0; i < s->n_listeners; i++)
        n += s->listeners[i].n;
    h->fds = mem_alloc(n * sizeof *h->fds);
    h->n = 0;
    for (size_t i = 0; i < s->n_listeners; i++)
        for (unsigned k = 0; k < s->listeners[i].n; k++)
            put(h, s->listeners[i].kept_as, s->listeners[i].fds[k]);
    if (h->http_fd >= 0)
        put(h, h->http_name, h->http_fd);
    if (s->state_file.dir >= 0)
        put(h, TAKEOVER_STATE_DIR, s->state_file.dir);
}

static void forget_offer(struct hand_on *h)
{
    free(h->fds);
    h->fds = NULL;
    h->n = 0;
    if (h->http_fd >= 0)
        close(h->http_fd);
    h->http_fd = -1;
}

static const char *offer(void *server, const struct takeover_hello *hello,
                         struct takeover_offer *ret)
{
    struct server *s = server;
    struct hand_on *h = &s->hand_on;
    const char *why = why_not(s, hello);
    LOG(LOG_INFO, "another server wants to take over", F_SLICE("version", hello->version));
    if (why != NULL)
        return why;
    forget_offer(h);
    if (s->http != NULL) {
        server_manager_http_name(s, h->http_name);
        h->http_fd = fcntl(http_listens(s->http), F_DUPFD_CLOEXEC, 0);
        if (h->http_fd < 0)
            return "it has no descriptor left";
    }
    put_all(s);
    *ret = (struct takeover_offer){ .fds = h->fds, .n = h->n };
    return NULL;
}

bool server_hand_on_offers(const struct server *s)
{
    return s->hand_on.fds != NULL;
}

/* ---- pause ---- */

/* late: who still reads is cut off */
static bool pages_are_read(struct server *s, bool late)
{
    if (late)
        scrape_cut(s->scrape);
    if (late && s->cluster != NULL)
        cluster_page_cut(s->cluster);
    return scrape_idle(s->scrape) && (s->cluster == NULL || cluster_page_idle(s->cluster));
}

static bool answered(struct server *s, uint64_t waited_ms)
{
    struct http_stats http = { .connections = 0 };
    bool late = waited_ms >= ANSWER_MS;
    if (s->http != NULL)
        http_stats(s->http, &http);
    if (s->http != NULL && waited_ms < HTTP_LEAVE_MS)
        return false;
    return pages_are_read(s, late) && (http.waiting == 0 || late) &&
           (http.connections == 0 || waited_ms >= IDLE_MS);
}

/* Events are no part of the state: they have a while to be delivered. */
static bool delivered(const struct server *s, uint64_t waited_ms, uint64_t most_ms)
{
    struct sink_amount left = { .entries = 0 };
    for (size_t i = 0; !s->is_giving && i < s->sinks.n; i++)
        s->sinks.at[i]->left(s->sinks.at[i], &left);
    return !s->is_giving && (left.entries == 0 || waited_ms >= most_ms);
}

static bool is_quiet(struct server *s)
{
    uint64_t waited_ms = now_mono_ms() - s->hand_on.paused_ms;
    events_take(&s->events); /* nobody else does, but for turns: their room is for a second */
    return answered(s, waited_ms) && delivered(s, waited_ms, EVENTS_MS) && server_state_quiet(s);
}

/* What is kept is neither shut nor removed, and what is pending there not accepted. */
static void keep_all(struct server *s, bool kept)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        s->listeners[i].kept = kept;
    if (s->acceptor != NULL && kept)
        acceptor_leave(s->acceptor);
    else if (s->acceptor != NULL)
        acceptor_stay(s->acceptor);
}

static void quiet(uv_timer_t *timer)
{
    struct server *s = timer->data;
    struct hand_on *h = &s->hand_on;
    assert(server_state(s) == HANDING_ON && h->turn == 0);
    if (h->signum == 0 && !is_quiet(s))
        return;
    uv_timer_stop(timer);
    if (h->signum != 0) {
        giver_cannot(h->giver, "it is stopping");
        return;
    }
    h->last_events_ms = delivered(s, 0, EVENTS_MS) ? LAST_EVENTS_MS : 0;
    server_http_stop(s);
    keep_all(s, true);
    h->turn = turn_ask_pause(&s->turn);
}

static void pause_all(void *server)
{
    struct server *s = server;
    assert(server_state(s) == RUNNING);
    server_set_state(s, HANDING_ON);
    s->hand_on.paused_ms = now_mono_ms();
    uv_timer_stop(&s->interval_timer);
    if (s->http != NULL)
        server_http_leave(s);
    uv_timer_start(&s->stop_timer, quiet, 0, CHECK_MS);
}

/* returns  a descriptor of *ret_bytes, or -errno */
static int write_state(struct server *s, uint64_t *ret_bytes)
{
    struct state_file f = { .dir = -1, .fd = memfd_create("statsd-state", MFD_CLOEXEC) };
    if (f.fd < 0)
        return -errno;
    socket_notes_gather(&s->sockets, s->listeners, s->n_listeners);
    int rc = server_state_write(s, &f);
    if (rc < 0) {
        state_file_close(&f);
        return rc;
    }
    *ret_bytes = f.bytes;
    return f.fd;
}

/* ---- connections ---- */

struct of_worker {
    struct server *server;
    unsigned worker;
    size_t given, kept_back;
};

static void give_stream(void *of_worker, unsigned at, int fd, struct slice begun)
{
    struct of_worker *of = of_worker;
    struct server *s = of->server;
    const struct listener *l = listener_at(s->listeners, s->n_listeners, of->worker, (uint16_t)at);
    bool given = l != NULL && giver_stream(s->hand_on.giver, fd, slice_str(l->kept_as), begun) == 0;
    of->given += given;
    of->kept_back += !given;
}

static void give_streams(struct server *s)
{
    struct of_worker of = { .server = s };
    for (of.worker = 0; of.worker < s->n_workers; of.worker++)
        worker_each_stream(s->workers[of.worker], give_stream, &of);
    if (of.given + of.kept_back > 0)
        LOG(of.kept_back > 0 ? LOG_WARN : LOG_INFO, "connections are handed on",
            F_U64("connections", of.given), F_U64("not_handed_on", of.kept_back));
}

static void hand_on(uv_timer_t *timer)
{
    struct server *s = timer->data;
    struct hand_on *h = &s->hand_on;
    assert(server_state(s) == HANDING_ON && h->turn == 0);
    if (h->signum == 0 && !delivered(s, now_mono_ms() - h->turned_ms, h->last_events_ms))
        return;
    uv_timer_stop(timer);
    give_streams(s);
    server_close_interval(s, INTERVAL_HANDED_ON);
    uint64_t bytes = 0;
    int fd = write_state(s, &bytes);
    if (fd < 0) {
        giver_cannot(h->giver, err_text(fd));
        return;
    }
    giver_paused(h->giver, fd);
    LOG(LOG_INFO, "paused for another server", F_U64("state_bytes", bytes),
        F_U64("after_ms", now_mono_ms() - h->paused_ms));
}

void server_hand_on_turned(struct server *s)
{
    struct hand_on *h = &s->hand_on;
    if (h->turn == 0 || s->turn.done < h->turn)
        return;
    h->turn = 0;
    h->turned_ms = now_mono_ms();
    uv_timer_start(&s->stop_timer, hand_on, 0, DELIVERED_MS);
}

/* ---- the end ---- */

/* The sockets, the state and what waits for the sinks are another process'. */
static void leave(void *server)
{
    struct server *s = server;
    LOG(LOG_INFO, "another server has taken over",
        F_U64("after_ms", now_mono_ms() - s->hand_on.paused_ms));
    sink_list_saved(&s->sinks);
    server_give_up(s);                    /* of what no state has: events */
    state_file_close_dir(&s->state_file); /* nothing is saved; the lock went along */
    server_set_state(s, STOPPING);
    uv_stop(&s->loop);
}

static void failed(void *server, const char *why)
{
    struct server *s = server;
    LOG(LOG_WARN, "no other server takes over", F_STR("reason", why));
    if (server_state(s) == RUNNING)
        forget_offer(&s->hand_on);
}

static void serve_again(struct server *s)
{
    struct hand_on *h = &s->hand_on;
    if (h->http_fd >= 0) {
        server_http_stop(s); /* it may not have been */
        s->manager.http_fd = h->http_fd;
        h->http_fd = -1;
        (void)server_http_start(s); /* or later */
    }
    forget_offer(h);
}

static void resume(void *server)
{
    struct server *s = server;
    struct hand_on *h = &s->hand_on;
    assert(server_state(s) == HANDING_ON);
    uv_timer_stop(&s->stop_timer);
    keep_all(s, false);
    if (s->turn.pauses)
        turn_go_on(&s->turn);
    server_set_state(s, RUNNING);
    server_resume_interval(s);
    serve_again(s);
    if (s->snapshot == NULL)
        server_state_start(s);
    LOG(LOG_INFO, "goes on", F_U64("paused_ms", now_mono_ms() - h->paused_ms));
    int signum = h->signum;
    bool reload = h->reload;
    h->signum = 0;
    h->reload = false;
    if (signum != 0)
        server_drain(s, signum);
    else if (reload)
        server_reload(s);
}

bool server_hand_on_cancel(struct server *s, int signum)
{
    struct hand_on *h = &s->hand_on;
    if (h->giver == NULL || (server_state(s) != RUNNING && server_state(s) != HANDING_ON))
        return true;
    if (giver_cancel(h->giver))
        return !giver_left(h->giver);
    h->signum = signum;
    return false;
}

int server_hand_on_open(struct server *s, int fd)
{
    const char *path = s->config->server_control_socket;
    const struct giver_opts o = { .loop = &s->loop,
                                  .uid = server_user_uid(s),
                                  .offer = offer,
                                  .pause = pause_all,
                                  .resume = resume,
                                  .leave = leave,
                                  .failed = failed,
                                  .cookie = s };
    s->hand_on.http_fd = -1;
    if (fd < 0 && path[0] == '\0')
        return 0;
    int rc = fd >= 0 ? giver_adopt(&o, fd, &s->hand_on.giver)
                     : giver_listen(&o, path, &s->hand_on.giver);
    if (rc < 0)
        LOG(LOG_ERROR, "cannot listen at server.control_socket", F_STR("path", path),
            F_STR("error", err_text(rc)),
            F_STR("remedy", rc == -EADDRINUSE ? "another server has it: give each its own"
                                              : "see server.control_socket"));
    return rc;
}

void server_hand_on_close(struct server *s)
{
    giver_close(s->hand_on.giver);
    socket_notes_release(&s->sockets);
    s->hand_on.giver = NULL;
    forget_offer(&s->hand_on);
}
