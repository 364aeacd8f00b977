/**
 * server_web: the web config (http.web_config), read at start and again when it changes.  Private
 * to app/.
 *
 * It is looked at once a second, with the certificates that it names, and read on HUP and POST
 * /-/reload.  One that has mistakes changes nothing: the last good one stays in force.
 *   thread   control, but for what says otherwise
 */
#ifndef APP_SERVER_WEB_H
#define APP_SERVER_WEB_H

#include <stdatomic.h>

#include "base/file_stamp.h"
#include "core/server_counters.h"
#include "core/web.h"
#include "http/auth.h"
#include "http/http.h"
#include "http/rate.h"

struct server_web {
    const char *path;         /* NULL: there is none, and the rest is zero */
    struct core_web in_force; /* its tls is of the start, if it was there then, and renewed */
    struct http_auth *auth;   /* its users */
    struct http_rate rate;    /* its rate_limit */
    struct web_config tried;  /* refused because of the files that it names */
    /* The file, and what `tried` names (what is in force is looked after by its tls). */
    struct file_stamp loaded[4]; /* at the last load, failed or not */
    struct file_stamp seen[4];   /* at the last look */
    bool file_bad, tls_bad;      /* when last loaded */
    _Atomic bool refused;        /* either, for /-/ready */
    struct server_stats *stats;  /* where reloads are counted */
};

/* path: "" is none.  returns  0; -errno, logged, with w to be closed in both cases */
int server_web_open(struct server_web *w, const char *path, struct server_stats *stats);

/* Its thread.  After the sandbox, and before the HTTP server.  returns  0; -errno, logged */
int server_web_start(struct server_web *w);

/* The file, and those that it names: call(cookie, path) for each. */
void server_web_each_file(const struct server_web *w, void (*call)(void *cookie, const char *path),
                          void *cookie);

/* What the HTTP server starts with; and what it has to be told when it has. */
void server_web_opts(struct server_web *w, struct http_opts *o);
void server_web_started(const struct server_web *w, struct http_server *http);

/* To be called once a second; and: read it now, changed or not.  http: NULL is fine */
void server_web_look(struct server_web *w, struct http_server *http);
void server_web_reload(struct server_web *w, struct http_server *http);

/* Was the last change refused?  thread  any */
bool server_web_refused(const struct server_web *w);

void server_web_close(struct server_web *w); /* after http_stop */

#endif
