/*
 * This server takes over from the one that runs:
 *
 *   server_take   connects to it
 *   prepare       sort_out: what it offers; server_make; server_confine
 *   load          the sinks, the state.  Then, without a round of the loop:
 *   own             all is ours: server_go
 *   give_up         nothing is; exit, and the other one goes on
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/server_priv.h"
#include "app/server_state.h"
#include "app/version.h"
#include "base/address.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/now.h"
#include "listen/adopt.h"

static void end(struct server *s)
{
    s->status = 1;
    uv_stop(&s->loop);
}

static void give_up(void *server, const char *why)
{
    LOG(LOG_ERROR, "cannot take over: the other server goes on", F_STR("reason", why));
    end(server);
}

/* ---- prepare ---- */

/* The lock of the folder goes along with its descriptor.  Of another folder it is not needed. */
static int open_state_dir(struct server *s, int given)
{
    const char *dir = s->config->server_state_dir;
    struct stat ours, others;
    s->state_file = (struct state_file){ .dir = -1, .fd = -1 };
    if (given >= 0 && dir[0] != '\0' && stat(dir, &ours) == 0 && fstat(given, &others) == 0 &&
        ours.st_dev == others.st_dev && ours.st_ino == others.st_ino) {
        s->state_file.dir = given;
        s->taking.same_dir = true;
        return 0;
    }
    if (given >= 0)
        (void)close(given);
    return server_state_open(s);
}

static void sort_out(struct server *s, const struct takeover_fd *fds, size_t n, int *ret_dir)
{
    struct manager *m = &s->manager;
    m->given.in_use = true;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(fds[i].name, TAKEOVER_STATE_DIR) != 0)
            inherited_add(&m->given, fds[i].fd, fds[i].name, true);
        else if (*ret_dir < 0)
            *ret_dir = fds[i].fd;
        else
            (void)close(fds[i].fd);
    }
}

static void prepare(void *server, const struct takeover_fd *fds, size_t n)
{
    struct server *s = server;
    int dir = -1;
    sort_out(s, fds, n, &dir);
    int rc = open_state_dir(s, dir);
    if (rc == 0)
        rc = capturing_open(&s->capturing, s->config);
    if (rc == 0)
        rc = server_make(s);
    if (rc == 0)
        rc = server_http_spare(s);
    if (rc == 0)
        rc = server_confine(s);
    if (rc == 0)
        server_start_memory();
    if (rc < 0)
        taker_refuse(s->taking.taker, "the new server cannot start: its log says why");
    else
        taker_ready(s->taking.taker);
}

int server_take_check(const struct server *s)
{
    const struct config *c = s->config;
    bool http = c->http_listen[0] != '\0';
    if (!s->taking.asked)
        return 0;
    if (http != (s->manager.http_fd >= 0)) {
        LOG(LOG_ERROR, "cannot take over",
            F_STR("reason", "http.listen is another than that of the server that runs"),
            F_STR("remedy", "restart, or keep http.listen"));
        return -EADDRNOTAVAIL;
    }
    return 0;
}

static void adopt(void *server, int fd, struct slice listener, struct slice begun)
{
    struct taking *t = &((struct server *)server)->taking;
    t->streams = mem_grow(t->streams, &t->cap_streams, t->n_streams + 1, sizeof *t->streams);
    struct taken_stream *one = &t->streams[t->n_streams++];
    *one = (struct taken_stream){ .fd = fd };
    buf_append_slice(&one->listener, listener);
    buf_append_slice(&one->begun, begun);
}

/* ---- load ---- */

static void load(void *server, int fd, uint64_t bytes)
{
    struct server *s = server;
    struct state_file f = { .dir = -1, .fd = fd, .bytes = bytes };
    struct state_owner owner = { 0 };
    const char *why = NULL;
    s->started_ns = now_mono_ns(); /* nothing was read before */
    server_begin_interval(s);      /* nor was one closed, though its timer may have been up */
    int rc = server_open_sinks(s);
    if (rc == 0)
        rc = state_file_rewind(&f);
    if (rc == 0)
        rc = server_state_read(s, &f, &owner, &why);
    state_file_close(&f);
    if (rc == 0)
        taker_loaded(s->taking.taker);
    else
        taker_refuse(s->taking.taker, why != NULL ? why : err_text(rc));
}

/* ---- own ---- */

/* Did l accept it, whatever its address is called in our config? */
static bool accepted(const struct listener *l, int fd)
{
    struct sockaddr_storage at = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof at;
    const struct sockaddr *addr = (const struct sockaddr *)&at, *own;
    own = (const struct sockaddr *)&l->address.addr;
    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        return false;
    if (addr->sa_family == AF_UNIX)
        return len == l->address.addr_len && memcmp(&at, own, len) == 0;
    return own->sa_family != AF_UNIX && address_port(addr) == address_port(own);
}

static struct listener *listener_of(struct server *s, const struct taken_stream *one)
{
    struct listener *found = NULL;
    for (size_t i = 0; i < s->n_listeners; i++) {
        struct listener *l = &s->listeners[i];
        if (!transport_of(l->address.transport)->accepts)
            continue;
        if (slice_eq(slice_str(l->kept_as), buf_slice(&one->listener)))
            return l;
        found = found == NULL && accepted(l, one->fd) ? l : found;
    }
    return found;
}

/* The workers do not run yet, and have them before anything else. */
static void take_streams(struct server *s)
{
    struct taking *t = &s->taking;
    size_t closed = 0;
    for (size_t i = 0; i < t->n_streams; i++) {
        struct taken_stream *one = &t->streams[i];
        struct listener *l = listener_of(s, one);
        if (l != NULL)
            acceptor_take_over(s->acceptor, l, one->fd, buf_slice(&one->begun));
        else
            closed += close(one->fd) == 0;
        one->fd = -1;
    }
    if (closed > 0)
        LOG(LOG_WARN, "closed connections of listeners that the config has no more",
            F_U64("connections", closed));
    if (s->acceptor != NULL)
        acceptor_stay(s->acceptor);
}

/*
 * What is there is older than what was taken over: gauges of the server that ran, for a crash.  In
 * another folder than its own it is not ours to remove.
 */
static void forget_file(struct server *s)
{
    char name[STATE_FILE_TEXT];
    int rc = 0;
    if (s->state_file.dir >= 0 && s->taking.same_dir)
        rc = state_file_consume(&s->state_file);
    else if (s->state_file.dir >= 0 && (rc = state_file_set_aside(&s->state_file, name)) == 0)
        LOG(LOG_WARN, "a saved state is set aside: all was taken over",
            F_STR("dir", s->config->server_state_dir), F_STR("set_aside_as", name));
    if (rc < 0 && rc != -ENOENT)
        LOG(LOG_ERROR, "cannot remove the saved state", F_STR("dir", s->config->server_state_dir),
            F_STR("error", err_text(rc)));
}

/* What the other one knew of them. */
static void take_notes(struct server *s, struct listener *l)
{
    for (unsigned k = 0; k < l->n_before; k++) {
        const struct socket_note *note = socket_notes_of(&s->sockets, l->fds[k]);
        if (note == NULL)
            continue;
        if (l->address.addr.ss_family == AF_UNIX) {
            l->file_dev = note->file_dev;
            l->file_ino = note->file_ino;
        }
        if (!transport_of(l->address.transport)->accepts)
            worker_take_over(s->workers[(l->reader + k) % s->n_workers], l->places[k], note->drops);
    }
}

/* As our config says: the other one reads them no more. */
static void own_sockets(struct server *s)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        struct listener *l = &s->listeners[i];
        take_notes(s, l);
        l->kept = false;
        if (adopt_own(l) < 0)
            LOG(LOG_WARN, "cannot spread by payload: by source from now on",
                F_STR("addr", l->address.name));
    }
    s->manager.http_kept = false;
}

/* Of a Unix socket that our config has no more the file goes as well, if it is still its own. */
static void remove_file(const struct server *s, int fd)
{
    const struct socket_note *note = socket_notes_of(&s->sockets, fd);
    struct sockaddr_un at = { .sun_family = AF_UNSPEC };
    socklen_t len = sizeof at - 1; /* a path of full length has no NUL */
    struct stat st;
    if (note == NULL || getsockname(fd, (struct sockaddr *)&at, &len) < 0 ||
        at.sun_family != AF_UNIX || at.sun_path[0] == '\0')
        return;
    if (lstat(at.sun_path, &st) == 0 && st.st_dev == note->file_dev && st.st_ino == note->file_ino)
        (void)unlink(at.sun_path);
}

static void own(void *server)
{
    struct server *s = server;
    int control = taker_take_control(s->taking.taker);
    own_sockets(s);
    for (size_t i = 0; i < s->manager.given.n; i++)
        if (s->manager.given.at[i].fd >= 0)
            remove_file(s, s->manager.given.at[i].fd);
    take_streams(s);
    forget_file(s);
    if (server_go(s) < 0) {
        server_set_state(s,
                         STOPPING); /* with a state: it is saved, and a restart goes on from it */
        end(s);
        return;
    }
    (void)server_hand_on_open(s, control); /* without it, only a restart can follow */
    server_ready(s);
    LOG(LOG_INFO, "took over from the server that ran", F_U64("listeners", s->n_listeners));
    server_take_close(s);
}

/* ---- the link ---- */

static int explain(const char *path, int rc)
{
    const char *remedy = "see server.control_socket";
    if (rc == -ENOENT || rc == -ECONNREFUSED)
        remedy = "no server runs there: start without --takeover";
    else if (rc == -EPERM || rc == -EACCES)
        remedy = "the server that runs is another user's: restart, or see server.user";
    LOG(LOG_ERROR, "cannot take over", F_STR("control_socket", path), F_STR("error", err_text(rc)),
        F_STR("remedy", remedy));
    return rc;
}

int server_take(struct server *s)
{
    const struct config *c = s->config;
    struct slice wanted[TAKEOVER_WANTED_MAX];
    size_t n = c->n_sockets < TAKEOVER_WANTED_MAX ? c->n_sockets : TAKEOVER_WANTED_MAX;
    if (c->server_control_socket[0] == '\0') {
        LOG(LOG_ERROR, "cannot take over", F_STR("error", "server.control_socket is not set"),
            F_STR("remedy", "set it, and restart once"));
        return -EINVAL;
    }
    /* It asks as the user that the other one has become. */
    int rc = server_user_become(s);
    if (rc < 0 || (rc = server_manager_open(s)) < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        wanted[i] = slice_str(c->sockets[i].name);
    const struct taker_opts o = { .loop = &s->loop,
                                  .uid = geteuid(),
                                  .hello = { .state_version = STATE_TAKEOVER_VERSION,
                                             .version = slice_str(version_text),
                                             .wanted = wanted,
                                             .n_wanted = n },
                                  .prepare = prepare,
                                  .adopt = adopt,
                                  .load = load,
                                  .own = own,
                                  .give_up = give_up,
                                  .cookie = s };
    rc = taker_connect(&o, c->server_control_socket, &s->taking.taker);
    return rc < 0 ? explain(c->server_control_socket, rc) : 0;
}

void server_take_cancel(struct server *s)
{
    if (s->taking.taker != NULL)
        taker_refuse(s->taking.taker, "the new server was told to stop");
}

void server_take_close(struct server *s)
{
    struct taking *t = &s->taking;
    taker_close(t->taker);
    t->taker = NULL;
    for (size_t i = 0; i < t->n_streams; i++) {
        if (t->streams[i].fd >= 0)
            (void)close(t->streams[i].fd);
        buf_release(&t->streams[i].listener);
        buf_release(&t->streams[i].begun);
    }
    free(t->streams);
    t->streams = NULL;
    t->n_streams = t->cap_streams = 0;
}
