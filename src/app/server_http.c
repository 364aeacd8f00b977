/* The daemon's HTTP routes.  Callbacks named in the table run on the HTTP thread. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/server_priv.h"
#include "base/err.h"
#include "base/networks.h"

static unsigned healthy(void *server, const char **ret_text)
{
    (void)server;
    *ret_text = "statsd is healthy";
    return 200;
}

/* A server that takes over serves only when all has been loaded, and its workers read. */
static bool is_starting(const struct server *s)
{
    return server_state(s) == STARTING && !s->taking.asked;
}

static unsigned ready(void *server, const char **ret_text)
{
    enum server_state state = server_state(server);
    bool yes = state < DRAINING && !is_starting(server);
    const struct server *s = server;
    *ret_text = "statsd is starting or stopping";
    if (yes && server_web_refused(&s->web))
        *ret_text = "statsd is ready; http.web_config is refused (see the log), the one before is "
                    "in force";
    else if (yes)
        *ret_text = "statsd is ready";
    return yes ? 200 : 503;
}

static unsigned no_cluster(void *unused, const char **ret_text)
{
    (void)unused;
    *ret_text = "redis.url is not set: this server writes to no Redis in which the totals of all "
                "would be";
    return 404;
}

static enum http_guarded metrics_guarded(const struct server *s)
{
    return s->config->http_guard_metrics ? HTTP_GUARDED : HTTP_UNGUARDED;
}

static struct http_route metrics_route(const struct server *s)
{
    return (struct http_route){ .path = "/metrics",
                                .guarded = metrics_guarded(s),
                                .ask = http_mailbox_ask,
                                .cookie = scrape_mailbox(s->scrape) };
}

static struct http_route cluster_route(const struct server *s)
{
    struct http_route r = { .path = "/cluster/metrics", .guarded = metrics_guarded(s) };
    if (s->cluster == NULL) {
        r.probe = no_cluster;
    } else {
        r.ask = http_mailbox_ask;
        r.cookie = cluster_page_mailbox(s->cluster);
    }
    return r;
}

/* HTTP thread: note it for on_lifecycle on the control thread. */
static unsigned ask_for(struct server *s, enum lifecycle what, const char *done,
                        const char **ret_text)
{
    if (!s->config->http_lifecycle) {
        *ret_text = "not allowed; http.lifecycle = on allows it";
        return 403;
    }
    /* Asked for twice before control looks: carried out once. */
    atomic_fetch_or(&s->lifecycle_asked, (unsigned)what);
    uv_async_send(&s->lifecycle);
    *ret_text = done;
    return 200;
}

static unsigned post_quit(void *server, const char **ret_text)
{
    return ask_for(server, LIFECYCLE_QUIT, "stopping", ret_text);
}

static unsigned post_reload(void *server, const char **ret_text)
{
    return ask_for(server, LIFECYCLE_RELOAD, "reloading; the log has the result", ret_text);
}

static struct http_route lifecycle_route(struct server *s, const char *path,
                                         unsigned (*post)(void *server, const char **ret_text))
{
    return (struct http_route){ .path = path,
                                .probe = post,
                                .cookie = s,
                                .methods = HTTP_POST,
                                .guarded = HTTP_GUARDED_FROM_PAGES };
}

/* returns  0, or -errno: no descriptor is left */
int server_http_spare(struct server *s)
{
    struct manager *m = &s->manager;
    if (m->http_fd >= 0 && m->http_spare < 0)
        m->http_spare = fcntl(m->http_fd, F_DUPFD_CLOEXEC, 0);
    return m->http_fd >= 0 && m->http_spare < 0 ? -errno : 0;
}

/* On failure the given socket is gone, and its copy takes its place. */
static int start(struct server *s, const struct http_opts *o, const char **ret_error)
{
    struct manager *m = &s->manager;
    int rc = server_http_spare(s);
    *ret_error = err_text(rc);
    if (rc < 0)
        return rc;
    m->http_fd = -1; /* taken */
    rc = http_start(o, &s->http, ret_error);
    if (rc < 0)
        m->http_fd = m->http_spare;
    else if (m->http_spare >= 0)
        (void)close(m->http_spare);
    m->http_spare = -1;
    s->self.http = s->http;
    return rc;
}

/* None: everybody. */
static struct networks networks_allowed(const struct config *c)
{
    struct networks ret = { 0 };
    struct buf wrong = { 0 };
    bool good = c->http_allow[0] == '\0' || networks_parse(slice_str(c->http_allow), &ret, &wrong);
    assert(good && "the config was checked");
    buf_release(&wrong);
    return ret;
}

static int refused(const struct server *s, int rc, const char *error)
{
    LOG(LOG_ERROR, "cannot serve http", F_STR("addr", s->config->http_listen),
        F_STR("error", error),
        F_STR("remedy", rc == -EADDRINUSE
                            ? "stop it, or set http.listen to another port (0: any free one)"
                            : "see http.listen"));
    return rc;
}

int server_http_bind(struct server *s)
{
    const char *where = s->config->http_listen, *error = "";
    if (where[0] == '\0' || s->manager.http_fd >= 0)
        return 0;
    int fd = http_bind(where, &error);
    if (fd < 0)
        return refused(s, fd, error);
    s->manager.http_fd = fd;
    return 0;
}

int server_http_start(struct server *s)
{
    const struct config *c = s->config;
    if (c->http_listen[0] == '\0')
        return 0;
    if (s->page == NULL) /* else a try has failed */
        s->page = web_new();
    struct http_route page[WEB_ROUTES];
    web_routes(s->page, page);
    const struct http_route routes[] = {
        page[0],
        page[1],
        /* Asked before the saved state is loaded, it waits: the loop does not run until then. */
        metrics_route(s),
        cluster_route(s),
        api_route(s->api),
        api_tails_route(s->tails),
        api_live_route(s->view->live),
        { .path = "/-/healthy", .probe = healthy, .cookie = s },
        { .path = "/-/ready", .probe = ready, .cookie = s },
        lifecycle_route(s, "/-/quit", post_quit),
        lifecycle_route(s, "/-/reload", post_reload),
    };
    assert(s->http == NULL);
    static_assert(sizeof routes == sizeof s->routes, "every route has its place");
    memcpy(s->routes, routes, sizeof routes);
    struct networks allow = networks_allowed(c);
    struct http_opts o = { .listen = c->http_listen,
                           .given = s->manager.http_fd >= 0,
                           .fd = s->manager.http_fd,
                           .routes = s->routes,
                           .n_routes = ARRAY_LEN(s->routes),
                           .max_connections = s->descriptors.http_connections,
                           .max_per_ip = c->http_max_per_ip,
                           .max_streams = c->http_max_streams,
                           .max_streams_per_ip = c->http_max_streams_per_ip,
                           .timeout_s = (uint32_t)(c->http_timeout_ms / 1000),
                           .allow = &allow,
                           .hosts = c->http_hosts,
                           .access_log = c->http_access_log,
                           .tls_handshakes_per_second = c->limits_tls_handshakes_per_second };
    const char *error = "";
    api_tails_start(s->tails);
    int rc = server_web_start(&s->web);
    if (rc < 0)
        return rc;
    server_web_opts(&s->web, &o);
    server_api_enter(s);
    rc = start(s, &o, &error);
    if (rc < 0 && s->manager.http_late)
        return rc;
    if (rc < 0)
        (void)refused(s, rc, error);
    else
        LOG(LOG_INFO, "listening", F_STR("proto", http_scheme(s->http)),
            F_STR("addr", http_address(s->http)));
    if (rc == 0)
        server_web_started(&s->web, s->http);
    s->manager.http_late = rc < 0;
    return rc;
}

void server_http_again(struct server *s)
{
    if (s->http == NULL && s->manager.http_fd >= 0)
        (void)server_http_start(s);
}

void server_http_leave(struct server *s)
{
    server_api_leave(s);
    api_tails_stop(s->tails);
    http_leave(s->http);
}

void server_http_stop(struct server *s)
{
    api_tails_stop(s->tails);
    server_api_leave(s);
    if (s->http != NULL) {
        http_stats(s->http, &s->self.http_ended); /* the state is saved when nobody can scrape */
        http_stop(s->http);
    }
    s->http = NULL;
    s->self.http = NULL;
    web_free(s->page);
    s->page = NULL;
}
