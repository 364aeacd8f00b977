/*
 *     fleet_init     fork_local for each -> the child is worker_run and nothing else
 *     fleet_step     poll: accept_one, hear (join_hear, take_report), wake_fd
 *     a run          load_fleet: begin sends `start` to all; rebalance does when one comes or goes
 */
#include "fleet.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/now.h"
#include "count.h"
#include "http/http.h"
#include "status.h"
#include "worker.h"

enum { JOINING_MAX = 16, JOIN_END_MS = 15000, PREPARE_MS = 30000 };
#define STRETCH_MIN_S 0.2

const char *const fleet_state_name[] = {
#define X(state) #state,
    FLEET_STATES(X)
#undef X
};

static void begin_stretch(struct fleet *f, double from_s);
static double elapsed_s(const void *fleet);

/* Is enough left of the duration for another stretch? */
static bool goes_on(const struct fleet *f)
{
    return f->sending && elapsed_s(f) < f->duration_s - STRETCH_MIN_S && fleet_ready(f) > 0;
}

static bool is_there(const struct fleet_worker *w)
{
    return w->state == FLEET_ready || w->state == FLEET_sending;
}

/* One of this machine is ended, however stuck it is: its share is no longer its own.  It stays a
 * zombie, so that its pid is nobody else's, until fleet_forget or fleet_end. */
static void mark_lost(struct fleet_worker *w, const char *why)
{
    w->state = FLEET_lost;
    w->lines_per_s = 0;
    snprintf(w->why, sizeof w->why, "%s", why);
    wire_close(&w->wire);
    if (w->pid > 0)
        (void)kill(w->pid, SIGKILL);
}

static void lose(struct fleet *f, struct fleet_worker *w, const char *why)
{
    bool sent = w->state == FLEET_sending;
    mark_lost(w, why);
    if (sent && goes_on(f))
        begin_stretch(f, elapsed_s(f));
}

/* The child of its worker: the others' sockets are not its business. */
static _Noreturn void be_worker(struct fleet *f, int fd, unsigned i, unsigned of)
{
    struct wire w;
    cpu_set_t all, one;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Ctrl-C is for the master, which then ends it. */
    (void)signal(SIGINT, SIG_IGN);
    for (unsigned k = 0; k < f->n; k++)
        wire_close(&f->at[k].wire);
    if (of > 1 && sched_getaffinity(0, sizeof all, &all) == 0) {
        unsigned left = i % (unsigned)CPU_COUNT(&all);
        size_t cpu = 0;
        while (!CPU_ISSET(cpu, &all) || left-- > 0)
            cpu++;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        (void)sched_setaffinity(0, sizeof one, &one);
    }
    wire_open(&w, fd);
    _exit(worker_run(&w, true) == 0 ? 0 : 1);
}

static int fork_local(struct fleet *f, unsigned i)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid < 0) {
        int rc = -errno;
        close(pair[0]);
        close(pair[1]);
        return rc;
    }
    if (pid == 0) {
        close(pair[0]);
        be_worker(f, pair[1], i, f->opts.local);
    }
    close(pair[1]);
    struct fleet_worker *w = &f->at[f->n++];
    *w = (struct fleet_worker){ .state = FLEET_ready, .pid = pid, .heard_ms = now_mono_ms() };
    snprintf(w->name, sizeof w->name, "local %u", i + 1);
    wire_open(&w->wire, pair[0]);
    return 0;
}

int fleet_init(struct fleet *f, const struct fleet_opts *o, struct buf *error)
{
    *f = (struct fleet){ .opts = *o, .listen_fd = -1, .wake_fd = -1 };
    const char *why = NULL;
    if (o->listen != NULL && o->token.text[0] == '\0' && !token_is_optional(o->listen)) {
        buf_printf(error,
                   "--listen-workers %s is not of this machine alone: a --token-file is needed",
                   o->listen);
        return -EINVAL;
    }
    for (unsigned i = 0; i < o->local; i++) {
        int rc = fork_local(f, i);
        if (rc < 0) {
            buf_printf(error, "--workers: cannot start one: %s", err_text(rc));
            return rc;
        }
    }
    if (o->listen != NULL) {
        char listen[ADDRESS_TEXT_MAX];
        wire_address(o->listen, JOIN_PORT, listen);
        f->listen_fd = http_bind(listen, &why);
        if (f->listen_fd < 0)
            buf_printf(error, "--listen-workers %s: %s", o->listen, why);
    }
    return o->listen != NULL && f->listen_fd < 0 ? f->listen_fd : 0;
}

void fleet_plan(struct fleet *f, const struct args *args)
{
    args_release(&f->args);
    args_copy(&f->args, args);
}

unsigned fleet_ready(const struct fleet *f)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->n; i++)
        n += is_there(&f->at[i]);
    return n;
}

void fleet_forget(struct fleet *f)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < f->n; i++)
        if (f->at[i].state != FLEET_lost)
            f->at[kept++] = f->at[i];
        else if (f->at[i].pid > 0)
            (void)waitpid(f->at[i].pid, NULL, 0); /* killed when it was lost */
    f->n = kept;
}

static double elapsed_s(const void *fleet)
{
    return (double)(now_mono_ns() - ((const struct fleet *)fleet)->start_ns) * 1e-9;
}

static double wished(const void *fleet, double at_s)
{
    const struct fleet *f = fleet;
    if (f->shape == NULL)
        return NAN;
    return f->wished_before + shape_total(f->shape, fmin(at_s, f->duration_s)) -
           shape_total(f->shape, fmin(f->from_s, f->duration_s));
}

/* returns  false: one was lost, so that the others' shares are too small */
static bool tell_shares(struct fleet *f, double from_s)
{
    unsigned n = fleet_ready(f);
    f->epoch++;
    for (unsigned i = 0; i < f->n; i++) {
        struct fleet_worker *w = &f->at[i];
        if (!is_there(w))
            continue;
        w->state = FLEET_sending;
        w->ended = false;
        w->why[0] = '\0';
        json_t *o =
            json_pack("{s:I, s:o, s:f, s:f, s:b}", "start", f->epoch, "args", args_json(&f->args),
                      "share", 1.0 / n, "from_s", from_s, "fresh", !w->begun);
        if (wire_put(&w->wire, o) < 0) {
            mark_lost(w, "it does not read what it is told");
            return false;
        }
        w->begun = true;
    }
    return true;
}

/* All that are there send their share from this second on. */
static void begin_stretch(struct fleet *f, double from_s)
{
    while (!tell_shares(f, from_s))
        from_s = elapsed_s(f);
}

void fleet_change(struct fleet *f, const struct args *args, const struct sender_opts *o)
{
    double now_s = elapsed_s(f);
    assert(f->sending);
    f->wished_before = wished(f, now_s);
    f->from_s = now_s;
    f->shape = o->shape;
    f->duration_s = o->duration_s;
    fleet_plan(f, args);
    begin_stretch(f, now_s);
}

static void take_report(struct fleet *f, struct fleet_worker *w, const json_t *o)
{
    uint64_t now_ms = now_mono_ms();
    w->epoch = json_integer_value(json_object_get(o, "epoch"));
    if (w->epoch != f->epoch || w->state != FLEET_sending)
        return;
    count_read(json_object_get(o, "sent"), &w->sent);
    w->lasted_s = fmin(json_number_value(json_object_get(o, "lasted_s")), elapsed_s(f));
    w->ended = json_is_true(json_object_get(o, "ended"));
    if (json_is_string(json_object_get(o, "error")))
        wire_text(o, "error", w->why, sizeof w->why);
    if (now_ms >= w->rate_ms + 1000 || w->sent.lines < w->rate_lines) {
        double dt_s = (double)(now_ms - w->rate_ms) * 1e-3;
        bool known = w->rate_ms > 0 && w->sent.lines >= w->rate_lines;
        w->lines_per_s = known ? (double)(w->sent.lines - w->rate_lines) / dt_s : 0;
        w->rate_ms = now_ms;
        w->rate_lines = w->sent.lines;
    }
}

static void admit(struct fleet *f, struct fleet_worker *w)
{
    memcpy(w->name, w->join.name, sizeof w->name);
    w->state = FLEET_ready;
    if (goes_on(f))
        begin_stretch(f, elapsed_s(f));
}

static void hear(struct fleet *f, struct fleet_worker *w)
{
    json_t *o = NULL;
    int rc = wire_fill(&w->wire), more = 0;
    w->heard_ms = rc == 0 && w->state != FLEET_joining ? now_mono_ms() : w->heard_ms;
    while (rc == 0 && (rc = wire_next(&w->wire, &o)) == 0 && o != NULL) {
        if (w->state != FLEET_joining)
            take_report(f, w, o);
        else if ((more = join_hear(&w->join, &w->wire, &f->opts.token, o)) > 0)
            admit(f, w);
        rc = more < 0 ? more : 0;
        json_decref(o);
        if (w->state == FLEET_lost)
            return;
    }
    if (rc < 0)
        lose(f, w,
             rc == -EPIPE || rc == -ECONNRESET ? "its process has ended"
             : rc == -EACCES                   ? "it did not show the token"
                                               : err_text(rc));
}

static void accept_one(struct fleet *f)
{
    int fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    unsigned joining = 0;
    if (fd < 0)
        return;
    for (unsigned i = 0; i < f->n; i++)
        joining += f->at[i].state == FLEET_joining;
    if (f->n == FLEET_MAX || joining >= JOINING_MAX) {
        f->refused++;
        close(fd);
        return;
    }
    struct fleet_worker *w = &f->at[f->n++];
    *w = (struct fleet_worker){ .state = FLEET_joining, .heard_ms = now_mono_ms() };
    wire_open(&w->wire, fd);
}

/* Who said nothing for too long; and who never was a worker is forgotten. */
static void sweep(struct fleet *f)
{
    uint64_t now_ms = now_mono_ms();
    for (unsigned i = 0; i < f->n; i++) {
        struct fleet_worker *w = &f->at[i];
        uint64_t most = w->state == FLEET_joining ? JOIN_MS : FLEET_SILENT_MS;
        if (w->state != FLEET_lost && now_ms > w->heard_ms + most)
            lose(f, w, "it says nothing any more");
    }
    for (unsigned i = f->n; i-- > 0;)
        if (f->at[i].state == FLEET_lost && f->at[i].name[0] == '\0') {
            memmove(&f->at[i], &f->at[i + 1], (f->n - i - 1) * sizeof f->at[i]);
            f->n--;
            f->refused++;
        }
}

void fleet_step(struct fleet *f, double seconds)
{
    struct pollfd p[FLEET_MAX + 2];
    const unsigned n = f->n;
    for (unsigned i = 0; i < n; i++)
        p[i] = (struct pollfd){ .fd = f->at[i].wire.fd, .events = POLLIN };
    p[n] = (struct pollfd){ .fd = f->listen_fd, .events = POLLIN };
    p[n + 1] = (struct pollfd){ .fd = f->wake_fd, .events = POLLIN };
    if (poll(p, n + 2, (int)(seconds * 1e3)) <= 0) {
        sweep(f);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        if (p[i].revents != 0 && f->at[i].state != FLEET_lost)
            hear(f, &f->at[i]);
    if (p[n].revents != 0)
        accept_one(f);
    sweep(f);
    if (p[n + 1].revents != 0)
        f->on_wake(f->cookie);
}

static bool all_prepared(const struct fleet *f)
{
    for (unsigned i = 0; i < f->n; i++)
        if (is_there(&f->at[i]) && f->at[i].epoch != f->epoch)
            return false;
    return true;
}

/* Datagrams are built before the clock starts. */
static void prepare(struct fleet *f)
{
    f->epoch++;
    for (unsigned i = 0; i < f->n; i++) {
        json_t *o = json_pack("{s:I, s:o}", "prepare", f->epoch, "args", args_json(&f->args));
        if (!is_there(&f->at[i]))
            json_decref(o);
        else if (wire_put(&f->at[i].wire, o) < 0)
            lose(f, &f->at[i], "it does not read what it is told");
    }
    for (uint64_t until_ms = now_mono_ms() + PREPARE_MS;
         !all_prepared(f) && now_mono_ms() < until_ms && !status_stop_waits();)
        fleet_step(f, 0.05);
}

static int fleet_begin(void *fleet, const struct sender_opts *o, const struct payload *payload,
                       void **ret)
{
    struct fleet *f = fleet;
    (void)payload;
    fleet_forget(f);
    prepare(f);
    if (fleet_ready(f) == 0)
        return -ENOTCONN;
    for (unsigned i = 0; i < f->n; i++) {
        f->at[i].sent = (struct tally_totals){ 0 };
        f->at[i].begun = false;
        f->at[i].rate_ms = f->at[i].rate_lines = 0;
        f->at[i].lines_per_s = f->at[i].lasted_s = 0;
    }
    f->shape = o->shape;
    f->duration_s = o->duration_s;
    f->from_s = f->wished_before = 0;
    f->start_ns = now_mono_ns();
    f->sending = true;
    begin_stretch(f, 0);
    *ret = f;
    return 0;
}

static bool running(const void *fleet)
{
    const struct fleet *f = fleet;
    for (unsigned i = 0; i < f->n; i++)
        if (f->at[i].state == FLEET_sending && !f->at[i].ended)
            return true;
    return false;
}

static void totals(const void *fleet, struct tally_totals *ret)
{
    const struct fleet *f = fleet;
    *ret = (struct tally_totals){ 0 };
    for (unsigned i = 0; i < f->n; i++)
        count_add(ret, &f->at[i].sent);
}

static void stop(void *fleet)
{
    struct fleet *f = fleet;
    f->sending = false;
    for (unsigned i = 0; i < f->n; i++)
        if (f->at[i].state == FLEET_sending &&
            wire_put(&f->at[i].wire, json_pack("{s:I}", "stop", f->epoch)) < 0)
            lose(f, &f->at[i], "it does not read what it is told");
}

static double join(void *fleet)
{
    struct fleet *f = fleet;
    double lasted_s = 0;
    f->sending = false;
    for (uint64_t until_ms = now_mono_ms() + JOIN_END_MS; running(f) && now_mono_ms() < until_ms;)
        fleet_step(f, 0.05);
    for (unsigned i = 0; i < f->n; i++) {
        struct fleet_worker *w = &f->at[i];
        if (w->state == FLEET_sending && !w->ended)
            lose(f, w, "it did not stop");
        if (w->state == FLEET_sending)
            w->state = FLEET_ready;
        w->lines_per_s = 0;
        lasted_s = fmax(lasted_s, w->lasted_s);
    }
    return lasted_s > 0 ? lasted_s : elapsed_s(f);
}

/* Each worker has done so, before it said that it has ended. */
static void settle(void *fleet)
{
    (void)fleet;
}

const struct load_kind load_fleet = {
    .start = fleet_begin,
    .running = running,
    .elapsed_s = elapsed_s,
    .wished = wished,
    .totals = totals,
    .stop = stop,
    .join = join,
    .settle = settle,
    .end = settle,
};

void fleet_end(struct fleet *f)
{
    for (unsigned i = 0; i < f->n; i++)
        wire_close(&f->at[i].wire);
    for (unsigned i = 0; i < f->n; i++) {
        /* It ends when it finds its socket closed; one that cannot is not waited for. */
        for (int tries = 0; f->at[i].pid > 0 && waitpid(f->at[i].pid, NULL, WNOHANG) == 0;
             tries++) {
            if (tries == 200)
                (void)kill(f->at[i].pid, SIGKILL);
            (void)poll(NULL, 0, 10);
        }
    }
    if (f->listen_fd >= 0)
        close(f->listen_fd);
    args_release(&f->args);
}
