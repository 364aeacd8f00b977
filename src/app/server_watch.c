/*
 * Files of Unix sockets.  A socket's file may be removed (by a cleaner of /tmp, or a volume that is
 * mounted again), or another program may put its own in its place: clients that connect from then
 * on reach nobody, or that program.  Our socket is bound again as soon as the path is free, or
 * nobody answers there.  While another program does, that is logged once, and tried again.
 */
#include <assert.h>

#include "app/server_priv.h"
#include "base/err.h"

enum { WATCH_MS = 500 };

static void look_after(struct server *s, size_t listener)
{
    struct listener *l = &s->listeners[listener];
    struct worker *w = s->workers[l->reader]; /* of datagrams, a Unix socket is read by one */
    const char *path = socket_url_where(&l->address);
    enum listener_file file = listener_look(l);
    if (file == LISTENER_FILE_THERE) {
        if (l->lost < 0)
            LOG(LOG_INFO, "unix socket is back", F_STR("path", path));
        l->lost = 0;
        return;
    }
    const bool accepts = transport_of(l->address.transport)->accepts;
    if (!accepts && !worker_may_renew(w, l->places[0]))
        return;
    const char *happened = "its file was replaced";
    if (file == LISTENER_FILE_GONE)
        happened = "its file was removed";
    struct buf error = { 0 };
    assert(l->n > 0);
    int was = l->lost, rc = listener_bind_again(l, &error);
    if (rc == 0) {
        if (!accepts)
            worker_renew_socket(w, l->places[0], l->fds[0]);
        else if ((rc = acceptor_renew(s->acceptor, l)) < 0)
            LOG(LOG_ERROR, "cannot accept", F_STR("path", path), F_STR("error", err_text(rc)));
        server_manager_bound_again(s, l);
        s->self.bound_again++;
        LOG(LOG_WARN, "unix socket bound again", F_STR("path", path), F_STR("happened", happened));
    } else if (rc != was) {
        LOG(LOG_WARN, "unix socket lost, trying again", F_STR("path", path),
            F_STR("happened", happened), F_SLICE("error", buf_slice(&error)));
    }
    buf_release(&error);
}

static void on_watch(uv_timer_t *timer)
{
    struct server *s = timer->data;
    if (server_state(s) != RUNNING || server_hand_on_offers(s))
        return; /* they are offered as they are */
    for (size_t i = 0; i < s->n_listeners; i++)
        look_after(s, i);
}

void server_watch_start(struct server *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n_listeners; i++)
        any = any || s->listeners[i].file_ino != 0;
    uv_timer_init(&s->loop, &s->watch_timer);
    s->watch_timer.data = s;
    if (any)
        uv_timer_start(&s->watch_timer, on_watch, WATCH_MS, WATCH_MS);
}
