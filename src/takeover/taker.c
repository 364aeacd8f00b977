/*
 *     on_message, on_closed, on_deadline, taker_ready, taker_loaded, taker_refuse
 *                └─> happen: taker_step says what; act does it, in the order of the bits
 *                       ├─> keep      descriptors and their names; take_ours: those that are not
 *                       │             the daemon's
 *                       ├─> look      is the byte there: happens again
 *                       └─> the daemon's prepare, adopt, load, own, give_up
 */
#include "takeover/taker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "takeover/control_socket.h"
#include "takeover/link.h"
#include "takeover/names.h"
#include "takeover/steps.h"
#include "takeover/token.h"

enum { FDS_MS = 5000, STATE_MS = 30000 };

struct taker {
    struct taker_opts opts;
    uv_timer_t deadline;
    enum taker_state state;
    struct link *link;       /* NULL: closed */
    struct takeover_fd *fds; /* n of them; owned until prepare */
    size_t n, cap;
    char **names; /* of all descriptors that came; fds[i].name is one of them */
    size_t n_names, cap_names;
    bool handed; /* prepare was called */
    int token_fd, control_fd;
    const struct wire_message *message; /* at hand, and its descriptors */
    const int *message_fds;
    char why[WIRE_TEXT_MAX + 1];
};

static void taker_check(const struct taker *t)
{
    assert(t->n <= TAKEOVER_FDS_MAX && t->n <= t->cap);
    assert(t->link != NULL || t->state == TAKER_LOADING || t->state >= TAKER_MINE);
    assert(t->state != TAKER_LOADING || t->token_fd >= 0);
}

static void happen(struct taker *t, enum taker_event event, struct slice why);

static uint64_t ms_or(uint32_t ms, uint64_t otherwise)
{
    return ms > 0 ? ms : otherwise;
}

static void on_deadline(uv_timer_t *timer)
{
    happen(timer->data, TAKER_DEADLINE, SLICE_LIT("the running server did not answer in time"));
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- actions ---- */

static void keep(struct taker *t)
{
    const struct wire_message *m = t->message;
    t->fds = mem_grow(t->fds, &t->cap, t->n + m->n_texts, sizeof *t->fds);
    t->names = mem_grow(t->names, &t->cap_names, t->n_names + m->n_texts, sizeof *t->names);
    for (size_t i = 0; i < m->n_texts; i++) {
        char *name = mem_strndup(m->texts[i].ptr, m->texts[i].len);
        t->names[t->n_names++] = name;
        t->fds[t->n++] = (struct takeover_fd){ .name = name, .fd = t->message_fds[i] };
    }
}

/* Out of the list that the daemon gets.  Of two of one name, or an unknown one, none is used. */
static void take_ours(struct taker *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct takeover_fd f = t->fds[i];
        if (f.name[0] != NAME_OURS) {
            t->fds[n++] = f;
            continue;
        }
        int *to = strcmp(f.name, NAME_TOKEN) == 0     ? &t->token_fd
                  : strcmp(f.name, NAME_CONTROL) == 0 ? &t->control_fd
                                                      : NULL;
        if (to != NULL && *to < 0)
            *to = f.fd;
        else
            close(f.fd);
    }
    t->n = n;
}

static void send_word(struct taker *t, enum wire_type type)
{
    const struct wire_message m = { .type = type, .text = slice_str(t->why) };
    if (t->link != NULL)
        (void)link_send(t->link, &m, NULL, 0);
}

static void close_link(struct taker *t)
{
    (void)uv_timer_stop(&t->deadline);
    link_close(t->link);
    t->link = NULL;
    close_fd(&t->token_fd);
}

static void hand_over(struct taker *t)
{
    take_ours(t);
    if (t->token_fd < 0) {
        happen(t, TAKER_REFUSED, SLICE_LIT("the running server sent no pipe"));
        return;
    }
    t->handed = true;
    t->opts.prepare(t->opts.cookie, t->fds, t->n);
}

static void look(struct taker *t)
{
    bool mine = token_take(t->token_fd);
    happen(t, mine ? TAKER_BYTE_MINE : TAKER_BYTE_GONE,
           SLICE_LIT("the running server has taken the sockets back"));
}

/* At most one of them, and the last: it may lead back here. */
static void call(struct taker *t, unsigned actions)
{
    const struct wire_message *m = t->message;
    void *cookie = t->opts.cookie;
    if (actions & TAKER_PREPARE)
        hand_over(t);
    if (actions & TAKER_ADOPT)
        t->opts.adopt(cookie, t->message_fds[0], m->text, m->begun);
    if (actions & TAKER_LOAD)
        t->opts.load(cookie, t->message_fds[0], m->bytes);
    if (actions & TAKER_OWN)
        t->opts.own(cookie);
    if (actions & TAKER_GIVE_UP)
        t->opts.give_up(cookie, t->why);
}

static void act(struct taker *t, unsigned actions)
{
    if (actions & TAKER_KEEP)
        keep(t);
    if (actions & TAKER_ARM_STATE)
        (void)uv_timer_start(&t->deadline, on_deadline, ms_or(t->opts.waits.prepared_ms, STATE_MS),
                             0);
    if (actions & TAKER_DISARM)
        (void)uv_timer_stop(&t->deadline);
    if (actions & TAKER_SEND_PREPARED)
        send_word(t, WIRE_PREPARED);
    if (actions & TAKER_SEND_REFUSE)
        send_word(t, WIRE_REFUSE);
    if (actions & TAKER_CLOSE)
        close_link(t);
    if (actions & TAKER_LOOK)
        look(t);
    else
        call(t, actions);
}

static void happen(struct taker *t, enum taker_event event, struct slice why)
{
    struct step s = taker_step(t->state, event);
    if (why.len > 0) {
        size_t n = why.len < WIRE_TEXT_MAX ? why.len : WIRE_TEXT_MAX;
        memcpy(t->why, why.ptr, n);
        t->why[n] = '\0';
    }
    t->state = (enum taker_state)s.next;
    act(t, s.actions);
    taker_check(t);
}

/* ---- the link ---- */

static size_t fds_of(const struct wire_message *m)
{
    if (m->type == WIRE_FDS)
        return m->n_texts;
    return m->type == WIRE_STREAM || m->type == WIRE_STATE;
}

/* Are the message's descriptors used in this state? */
static bool wants(const struct taker *t, const struct wire_message *m)
{
    if (m->type == WIRE_FDS)
        return t->state == TAKER_CONNECTED && t->n + m->n_texts <= TAKEOVER_FDS_MAX + 2;
    return t->state == TAKER_PREPARED;
}

static void on_message(void *cookie, const struct wire_message *m, const int *fds)
{
    struct taker *t = cookie;
    struct slice why = SLICE_LIT("a message out of turn");
    bool wanted = wants(t, m);
    for (size_t i = 0; !wanted && i < fds_of(m); i++)
        close(fds[i]);
    t->message = m;
    t->message_fds = fds;
    if (m->type == WIRE_FDS && !(wanted || t->state != TAKER_CONNECTED))
        happen(t, TAKER_REFUSED, SLICE_LIT("more descriptors than there may be"));
    else if (m->type == WIRE_FDS)
        happen(t, m->more ? TAKER_FDS : TAKER_FDS_LAST, why);
    else if (m->type == WIRE_STREAM)
        happen(t, TAKER_STREAM, why);
    else if (m->type == WIRE_STATE)
        happen(t, TAKER_STATE, why);
    else
        happen(t, TAKER_CLOSED, m->type == WIRE_REFUSE ? m->text : why);
    t->message = NULL;
    t->message_fds = NULL;
}

static const char *text_of(int why)
{
    if (why == 0)
        return "the running server has closed the link";
    return why == -EMFILE
               ? "it hands on more descriptors than this process may have: raise ulimit -n"
               : "the running server speaks another version of the takeover";
}

static void on_closed(void *cookie, int why)
{
    happen(cookie, TAKER_CLOSED, slice_str(text_of(why)));
}

/* ---- the daemon's calls ---- */

void taker_ready(struct taker *t)
{
    if (t->state != TAKER_OUT)
        happen(t, TAKER_READY, slice_str(""));
}

void taker_loaded(struct taker *t)
{
    if (t->state != TAKER_OUT)
        happen(t, TAKER_LOADED, slice_str(""));
}

void taker_refuse(struct taker *t, const char *why)
{
    if (t->state != TAKER_OUT)
        happen(t, TAKER_REFUSED, slice_str(why));
}

int taker_take_control(struct taker *t)
{
    int fd = t->control_fd;
    assert(t->state == TAKER_MINE);
    t->control_fd = -1;
    return fd;
}

/* ---- life ---- */

static int send_hello(struct taker *t)
{
    const struct takeover_hello *h = &t->opts.hello;
    struct wire_message m = { .type = WIRE_HELLO,
                              .state_version = h->state_version,
                              .text = h->version };
    if (h->n_wanted > TAKEOVER_WANTED_MAX)
        return -EMSGSIZE;
    for (; m.n_texts < h->n_wanted; m.n_texts++)
        m.texts[m.n_texts] = h->wanted[m.n_texts];
    return link_send(t->link, &m, NULL, 0);
}

int taker_start(const struct taker_opts *opts, int fd, struct taker **ret)
{
    struct taker *t = mem_zalloc(sizeof *t);
    const struct link_opts link = {
        .loop = opts->loop, .on_message = on_message, .on_closed = on_closed, .cookie = t
    };
    t->opts = *opts;
    t->token_fd = t->control_fd = -1;
    (void)uv_timer_init(opts->loop, &t->deadline);
    t->deadline.data = t;
    int rc = -EPERM;
    if (control_socket_is_of(fd, opts->uid))
        rc = link_new(&link, fd, &t->link);
    else
        close(fd);
    if (rc == 0)
        rc = send_hello(t);
    if (rc < 0) {
        taker_close(t);
        return rc;
    }
    (void)uv_timer_start(&t->deadline, on_deadline, ms_or(opts->waits.hello_ms, FDS_MS), 0);
    t->opts.hello = (struct takeover_hello){ 0 };
    *ret = t;
    return 0;
}

int taker_connect(const struct taker_opts *opts, const char *path, struct taker **ret)
{
    int fd, rc = control_socket_connect(path, &fd);
    return rc < 0 ? rc : taker_start(opts, fd, ret);
}

static void on_handle_closed(uv_handle_t *h)
{
    free(h->data);
}

void taker_close(struct taker *t)
{
    if (t == NULL)
        return;
    close_link(t);
    close_fd(&t->control_fd);
    for (size_t i = 0; !t->handed && i < t->n; i++)
        close(t->fds[i].fd);
    for (size_t i = 0; i < t->n_names; i++)
        free(t->names[i]);
    free(t->fds);
    free(t->names);
    t->fds = NULL;
    t->names = NULL;
    t->n = t->n_names = 0;
    uv_close((uv_handle_t *)&t->deadline, on_handle_closed);
}
