/*
 *     on_pending ──> giver_accept ──> a link, if it is of the same user and the first
 *     on_message, on_closed, on_deadline, giver_paused, giver_cannot, giver_cancel
 *                └─> happen: giver_step says what; act does it, in the order of the bits
 *                       ├─> send_offer   all descriptors, in messages of at most WIRE_FDS_MAX
 *                       ├─> look         whose is the byte: happens again
 *                       └─> the daemon's pause, resume, leave
 */
#include "takeover/giver.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "takeover/control_socket.h"
#include "takeover/link.h"
#include "takeover/names.h"
#include "takeover/steps.h"
#include "takeover/token.h"

enum { HELLO_MS = 5000, PREPARED_MS = 30000, BYTE_MS = 5000, ACCEPT_MAX = 8, WAIT_MS = 100 };

struct giver {
    struct giver_opts opts;
    uv_poll_t pending;
    uv_timer_t deadline, wait; /* wait: until it accepts again */
    unsigned handles;
    int fd; /* listens */
    enum giver_state state;
    bool cancelled;
    struct link *link; /* from CONNECTED on, but in ABANDONED and GONE */
    struct token token;
    int state_fd; /* from PAUSED until the link is closed; else -1 */
    struct takeover_offer offer;
    char why[WIRE_TEXT_MAX + 1]; /* of the REFUSE and the failure at hand */
};

static void giver_check(const struct giver *g)
{
    bool linked = g->state != GIVER_IDLE && g->state != GIVER_ABANDONED && g->state != GIVER_GONE;
    assert(linked == (g->link != NULL));
    assert(g->token.read_fd < 0 || linked);
    assert(g->state_fd < 0 || g->state == GIVER_WAITING);
    assert(g->state != GIVER_WAITING || g->token.read_fd >= 0);
}

/* why: empty where nothing new is to be said */
static void happen(struct giver *g, enum giver_event event, struct slice why);

static uint64_t ms_or(uint32_t ms, uint64_t otherwise)
{
    return ms > 0 ? ms : otherwise;
}

static void on_deadline(uv_timer_t *t)
{
    happen(t->data, GIVER_DEADLINE, SLICE_LIT("the deadline has passed"));
}

static void arm(struct giver *g, uint64_t ms)
{
    (void)uv_timer_start(&g->deadline, on_deadline, ms, 0);
}

/* ---- actions ---- */

static int send_fds(struct giver *g, const struct takeover_fd *all, size_t n, bool more)
{
    struct wire_message m = { .type = WIRE_FDS, .more = more, .n_texts = n };
    int fds[WIRE_FDS_MAX];
    for (size_t i = 0; i < n; i++) {
        m.texts[i] = slice_str(all[i].name);
        fds[i] = all[i].fd;
    }
    return link_send(g->link, &m, fds, n);
}

static int send_offer(struct giver *g)
{
    const struct takeover_fd own[] = { { NAME_TOKEN, g->token.read_fd }, { NAME_CONTROL, g->fd } };
    const struct takeover_offer *o = &g->offer;
    int rc = send_fds(g, own, g->fd >= 0 ? 2 : 1, o->n > 0);
    for (size_t i = 0, n; rc == 0 && i < o->n; i += n) {
        n = o->n - i < WIRE_FDS_MAX ? o->n - i : WIRE_FDS_MAX;
        rc = send_fds(g, o->fds + i, n, i + n < o->n);
    }
    return rc;
}

static void send_refuse(struct giver *g)
{
    const struct wire_message m = { .type = WIRE_REFUSE, .text = slice_str(g->why) };
    (void)link_send(g->link, &m, NULL, 0);
}

static void send_state(struct giver *g)
{
    struct stat st;
    struct wire_message m = { .type = WIRE_STATE };
    if (fstat(g->state_fd, &st) == 0)
        m.bytes = (uint64_t)st.st_size;
    (void)link_send(g->link, &m, &g->state_fd, 1);
}

static void close_link(struct giver *g)
{
    (void)uv_timer_stop(&g->deadline);
    link_close(g->link);
    g->link = NULL;
    token_close(&g->token);
    if (g->state_fd >= 0)
        close(g->state_fd);
    g->state_fd = -1;
}

static void arm_all(struct giver *g, unsigned actions)
{
    const struct takeover_deadlines *w = &g->opts.waits;
    if (actions & GIVER_ARM_HELLO)
        arm(g, ms_or(w->hello_ms, HELLO_MS));
    if (actions & GIVER_ARM_PREPARED)
        arm(g, ms_or(w->prepared_ms, PREPARED_MS));
    if (actions & GIVER_ARM_BYTE)
        arm(g, ms_or(w->byte_ms, BYTE_MS));
    if (actions & GIVER_DISARM)
        (void)uv_timer_stop(&g->deadline);
}

/* What calls the daemon, or happens again, comes last: it may lead back here. */
static void act(struct giver *g, unsigned actions)
{
    bool sent = true, put = true;
    if (actions & GIVER_OFFER)
        sent = send_offer(g) == 0;
    arm_all(g, actions);
    if (actions & GIVER_PUT_BYTE)
        put = token_put(&g->token);
    if (put && (actions & GIVER_SEND_STATE))
        send_state(g);
    if (actions & GIVER_REFUSE)
        send_refuse(g);
    if (actions & GIVER_CLOSE) {
        close_link(g);
        if (!(actions & GIVER_LEAVE))
            g->opts.failed(g->opts.cookie, g->why);
    }
    giver_check(g);
    if (!sent)
        happen(g, GIVER_CANCELLED, SLICE_LIT("a name of a descriptor is too long"));
    if (!put) /* as if it had been taken back: nobody else can have it */
        happen(g, GIVER_BYTE_BACK, SLICE_LIT("the pipe takes no byte"));
    if (actions & GIVER_LOOK)
        happen(g, token_take(g->token.read_fd) ? GIVER_BYTE_BACK : GIVER_BYTE_GONE, SLICE_LIT(""));
    if (actions & GIVER_PAUSE)
        g->opts.pause(g->opts.cookie);
    if (actions & GIVER_RESUME)
        g->opts.resume(g->opts.cookie);
    if (actions & GIVER_LEAVE) {
        (void)uv_poll_stop(&g->pending); /* the control socket is not ours either */
        g->opts.leave(g->opts.cookie);
    }
}

static void say(struct giver *g, struct slice why)
{
    size_t n = why.len < WIRE_TEXT_MAX ? why.len : WIRE_TEXT_MAX;
    memcpy(g->why, why.ptr, n);
    g->why[n] = '\0';
}

static void happen(struct giver *g, enum giver_event event, struct slice why)
{
    struct step s = giver_step(g->state, event);
    if (why.len > 0)
        say(g, why);
    g->state = (enum giver_state)s.next;
    act(g, s.actions);
}

/* ---- the link ---- */

static void on_hello(struct giver *g, const struct wire_message *m)
{
    const struct takeover_hello h = { .state_version = m->state_version,
                                      .version = m->text,
                                      .wanted = m->texts,
                                      .n_wanted = m->n_texts };
    const char *why = NULL;
    if (g->state == GIVER_CONNECTED) {
        g->offer = (struct takeover_offer){ 0 };
        why = g->opts.offer(g->opts.cookie, &h, &g->offer);
        if (why == NULL && g->offer.n > TAKEOVER_FDS_MAX)
            why = "it has more descriptors than a takeover hands on: restart it";
        if (why == NULL && token_make(&g->token) < 0)
            why = "no pipe can be made";
    }
    if (why != NULL)
        happen(g, GIVER_CANCELLED, slice_str(why));
    else
        happen(g, GIVER_HELLO, SLICE_LIT("a HELLO too many"));
}

static void on_message(void *cookie, const struct wire_message *m, const int *fds)
{
    struct giver *g = cookie;
    switch (m->type) {
    case WIRE_HELLO:
        on_hello(g, m);
        return;
    case WIRE_PREPARED:
        happen(g, GIVER_READY, SLICE_LIT("PREPARED out of turn"));
        return;
    case WIRE_STREAM:
    case WIRE_STATE:
        close(fds[0]);
        break;
    case WIRE_FDS:
        for (size_t i = 0; i < m->n_texts; i++)
            close(fds[i]);
        break;
    case WIRE_REFUSE:
    case WIRE_TYPE_END:
        break;
    }
    happen(g, GIVER_CLOSED,
           m->type == WIRE_REFUSE ? m->text : SLICE_LIT("a message of the wrong end"));
}

static const char *text_of(int why)
{
    if (why == 0)
        return "the new server is gone";
    return why == -EPROTONOSUPPORT ? "the new server speaks another version of the takeover"
                                   : "no message of a takeover";
}

static void on_closed(void *cookie, int why)
{
    struct giver *g = cookie;
    if (why == -EPROTONOSUPPORT) { /* it cannot know */
        say(g, SLICE_LIT("the running server speaks another version of the takeover"));
        send_refuse(g);
    }
    happen(g, GIVER_CLOSED, slice_str(text_of(why)));
}

void giver_accept(struct giver *g, int fd)
{
    const struct link_opts opts = {
        .loop = g->opts.loop, .on_message = on_message, .on_closed = on_closed, .cookie = g
    };
    giver_check(g);
    if (!control_socket_is_of(fd, g->opts.uid))
        link_turn_away(fd, "the running server is another user's");
    else if (g->cancelled)
        link_turn_away(fd, "the running server is stopping");
    else if (g->state != GIVER_IDLE)
        link_turn_away(fd, "another takeover is under way");
    else if (link_new(&opts, fd, &g->link) == 0)
        happen(g, GIVER_ACCEPTED, SLICE_LIT("it came to nothing"));
}

static void on_pending(uv_poll_t *poll, int status, int events);

static void on_wait_over(uv_timer_t *timer)
{
    struct giver *g = timer->data;
    if (g->state != GIVER_GONE)
        (void)uv_poll_start(&g->pending, UV_READABLE, on_pending);
}

static void on_pending(uv_poll_t *poll, int status, int events)
{
    struct giver *g = poll->data;
    (void)events;
    for (unsigned i = 0; status == 0 && g->state != GIVER_GONE && i < ACCEPT_MAX; i++) {
        int fd = accept4(g->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            status = errno == EAGAIN || errno == ECONNABORTED || errno == EINTR ? 0 : -errno;
            break;
        }
        giver_accept(g, fd);
    }
    if (status == 0)
        return;
    /* No descriptor is left, say: what is pending keeps the socket readable, and is tried later. */
    (void)uv_poll_stop(&g->pending);
    (void)uv_timer_start(&g->wait, on_wait_over, WAIT_MS, 0);
}

/* ---- the daemon's calls ---- */

int giver_stream(struct giver *g, int fd, struct slice listener, struct slice begun)
{
    const struct wire_message m = { .type = WIRE_STREAM, .text = listener, .begun = begun };
    assert(g->state == GIVER_PAUSING || g->state == GIVER_ABANDONED);
    return g->link == NULL ? 0 : link_send(g->link, &m, &fd, 1);
}

void giver_paused(struct giver *g, int state_fd)
{
    assert(g->state == GIVER_PAUSING || g->state == GIVER_ABANDONED);
    if (g->link != NULL)
        g->state_fd = state_fd;
    else
        close(state_fd);
    happen(g, GIVER_PAUSED, SLICE_LIT(""));
}

void giver_cannot(struct giver *g, const char *why)
{
    assert(g->state == GIVER_PAUSING || g->state == GIVER_ABANDONED);
    happen(g, GIVER_UNPAUSED, slice_str(why));
}

bool giver_cancel(struct giver *g)
{
    g->cancelled = true;
    happen(g, GIVER_CANCELLED, SLICE_LIT("the running server is stopping"));
    return g->state != GIVER_ABANDONED;
}

bool giver_left(const struct giver *g)
{
    return g->state == GIVER_GONE;
}

/* ---- life ---- */

static int make(const struct giver_opts *opts, int fd, struct giver **ret)
{
    struct giver *g = mem_zalloc(sizeof *g);
    g->opts = *opts;
    g->fd = fd;
    g->token = TOKEN_CLOSED;
    g->state_fd = -1;
    (void)uv_timer_init(opts->loop, &g->deadline);
    (void)uv_timer_init(opts->loop, &g->wait);
    g->deadline.data = g->wait.data = g;
    g->handles = 2;
    int rc = uv_poll_init(opts->loop, &g->pending, fd);
    if (rc == 0) {
        g->pending.data = g;
        g->handles = 3;
        rc = uv_poll_start(&g->pending, UV_READABLE, on_pending);
    }
    if (rc < 0)
        giver_close(g);
    else
        *ret = g;
    return rc;
}

int giver_listen(const struct giver_opts *opts, const char *path, struct giver **ret)
{
    int fd, rc = control_socket_listen(path, &fd);
    return rc < 0 ? rc : make(opts, fd, ret);
}

int giver_adopt(const struct giver_opts *opts, int fd, struct giver **ret)
{
    return make(opts, fd, ret);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct giver *g = h->data;
    if (--g->handles > 0)
        return;
    close(g->fd);
    free(g);
}

void giver_show_user(struct giver *g)
{
    control_socket_show_user(g->fd);
}

void giver_close(struct giver *g)
{
    if (g == NULL)
        return;
    assert(g->state != GIVER_PAUSING && g->state != GIVER_WAITING);
    if (g->link != NULL)
        close_link(g);
    if (g->state != GIVER_GONE)
        control_socket_remove(g->fd);
    if (g->handles == 3)
        uv_close((uv_handle_t *)&g->pending, on_handle_closed);
    uv_close((uv_handle_t *)&g->wait, on_handle_closed);
    uv_close((uv_handle_t *)&g->deadline, on_handle_closed);
}
