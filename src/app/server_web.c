/*
 *   server_web_open     core_web_load, then the parts that outlive each load: auth and rate
 *   server_web_look     a file that is another one, and the same at two looks: load; else the
 *                       certificates alone, which tls_store looks after
 *   server_web_reload   load
 *     load
 *       take              of what was loaded: users, limit, headers, TLS
 *       keep_tls          whether there is TLS does not change before the next start
 */
#include "app/server_web.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "config/web_config.h"
#include "http/settings.h"

static int64_t now_s(void)
{
    return now_wall_ms() / 1000;
}

static void log_lines(enum log_level level, const char *msg, const char *key, const struct buf *of)
{
    struct slice rest = buf_slice(of), line;
    while (slice_cut(&rest, '\n', &line))
        LOG(level, msg, F_SLICE(key, line));
}

enum { FILES = ARRAY_LEN(((struct server_web *)NULL)->seen) };

static void stamps_take(const struct server_web *w, struct file_stamp ret[FILES])
{
    ret[0] = file_stamp(w->path);
    ret[1] = file_stamp(w->tried.cert.file);
    ret[2] = file_stamp(w->tried.key.file);
    ret[3] = file_stamp(w->tried.client_ca.file);
}

static bool stamps_eq(const struct file_stamp a[FILES], const struct file_stamp b[FILES])
{
    bool same = true;
    for (int i = 0; i < FILES; i++)
        same = same && file_stamp_eq(&a[i], &b[i]);
    return same;
}

static int read_file(struct server_web *w, const char *refused, struct core_web *ret)
{
    struct buf errors = { 0 }, warnings = { 0 };
    /* Stamp first: a file that changes while it is read is another one at the next look. */
    struct file_stamp before = file_stamp(w->path);
    int rc = core_web_load(w->path, now_s(), ret, &errors, &warnings);
    web_config_release(&w->tried);
    if (rc < 0)
        w->tried = ret->config;
    stamps_take(w, w->loaded);
    w->loaded[0] = before;
    memcpy(w->seen, w->loaded, sizeof w->seen);
    log_lines(LOG_ERROR, refused, "error", &errors);
    if (rc == 0)
        log_lines(LOG_WARN, "web config", "warning", &warnings);
    buf_release(&errors);
    buf_release(&warnings);
    return rc;
}

/* What is in force, to auth and rate. */
static void show_users(struct server_web *w)
{
    const struct web_config *c = &w->in_force.config;
    struct http_user *users = mem_alloc((c->users.n + 1) * sizeof *users);
    for (size_t i = 0; i < c->users.n; i++)
        users[i] = (struct http_user){ c->users.at[i].name, c->users.at[i].value };
    http_auth_set(w->auth, users, c->users.n);
    http_rate_set(&w->rate, c->rate_interval_ms, c->rate_burst);
    free(users);
}

static void show_headers(const struct server_web *w, struct http_server *http)
{
    struct http_header headers[8];
    const struct web_pairs *from = &w->in_force.config.headers;
    size_t n =
        from->n < ARRAY_LEN(headers) ? from->n : ARRAY_LEN(headers); /* five names there are */
    for (size_t i = 0; i < n; i++)
        headers[i] = (struct http_header){ from->at[i].name, from->at[i].value };
    http_set_headers(http, headers, n);
}

static void show_tls(const struct server_web *w, struct http_server *http)
{
    if (http != NULL && w->in_force.tls != NULL)
        http_set_tls(http, tls_store_current(w->in_force.tls));
}

static void each_named(const struct web_config *c, void (*call)(void *cookie, const char *path),
                       void *cookie)
{
    const char *const files[] = { c->cert.file, c->key.file, c->client_ca.file };
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (files[i] != NULL)
            call(cookie, files[i]);
}

int server_web_open(struct server_web *w, const char *path, struct server_stats *stats)
{
    *w = (struct server_web){ .path = path, .stats = stats };
    if (path[0] == '\0') {
        w->path = NULL;
        return 0;
    }
    http_rate_init(&w->rate);
    struct core_web read = { 0 };
    int rc = read_file(w, "cannot start", &read);
    if (rc < 0)
        return rc; /* w->tried has what was read */
    w->in_force = read;
    rc = http_auth_new(&w->auth);
    if (rc == 0)
        show_users(w);
    else
        LOG(LOG_ERROR, "cannot check passwords", F_STR("error", err_text(rc)));
    return rc;
}

int server_web_start(struct server_web *w)
{
    int rc = w->path != NULL ? http_auth_start(w->auth) : 0;
    if (rc < 0)
        LOG(LOG_ERROR, "cannot start the thread that checks passwords",
            F_STR("error", err_text(rc)));
    return rc;
}

void server_web_each_file(const struct server_web *w, void (*call)(void *cookie, const char *path),
                          void *cookie)
{
    if (w->path == NULL)
        return;
    call(cookie, w->path);
    each_named(&w->in_force.config, call, cookie);
    each_named(&w->tried, call, cookie);
}

void server_web_opts(struct server_web *w, struct http_opts *o)
{
    if (w->path == NULL)
        return;
    o->auth = w->auth;
    o->rate = &w->rate;
    o->tls = w->in_force.tls != NULL ? tls_store_current(w->in_force.tls) : NULL;
}

void server_web_started(const struct server_web *w, struct http_server *http)
{
    if (w->path != NULL)
        show_headers(w, http);
}

/* Whether there is TLS changes at the next start: until then its certificates stay as they are. */
static void keep_tls(const struct core_web *was, struct core_web *is)
{
    bool had = was->tls != NULL, has = is->tls != NULL;
    if (had == has)
        return;
    LOG(LOG_WARN, "TLS of http changes at the next start", F_BOOL("tls_now", had),
        F_BOOL("tls_then", has));
    tls_store_free(is->tls);
    is->tls = NULL;
}

static void take(struct server_web *w, struct core_web *fresh)
{
    struct tls_store *tls = fresh->tls;
    if (tls == NULL) {
        fresh->tls = w->in_force.tls; /* or NULL */
        w->in_force.tls = NULL;
    }
    core_web_release(&w->in_force);
    w->in_force = *fresh;
}

static void note(struct server_web *w, bool good)
{
    *(good ? &w->stats->web_reloads : &w->stats->web_reloads_failed) += 1;
    /* relaxed: a flag that guards nothing else */
    atomic_store_explicit(&w->refused, w->file_bad || w->tls_bad, memory_order_relaxed);
}

static void load(struct server_web *w, struct http_server *http)
{
    struct core_web fresh;
    size_t had = w->in_force.config.users.n;
    int rc = read_file(w, "web config refused, the one before stays in force", &fresh);
    w->file_bad = rc < 0;
    if (rc == 0) {
        w->tls_bad = false;
        keep_tls(&w->in_force, &fresh);
        take(w, &fresh);
        show_users(w);
        show_tls(w, http);
        if (http != NULL)
            show_headers(w, http);
        LOG(LOG_INFO, "web config loaded", F_STR("file", w->path),
            F_U64("users", w->in_force.config.users.n), F_BOOL("tls", w->in_force.tls != NULL));
        if (had > 0 && w->in_force.config.users.n == 0) /* meant, or the file was cut off */
            LOG(LOG_WARN, "http asks nobody for a password any more", F_STR("file", w->path));
    }
    note(w, rc == 0);
}

static void look_at_tls(struct server_web *w, struct http_server *http)
{
    struct buf errors = { 0 }, warnings = { 0 };
    struct tls_store *tls = w->in_force.tls;
    enum tls_loaded loaded = tls_store_look(tls, now_s(), &errors, &warnings);
    if (loaded == TLS_LOADED) {
        LOG(LOG_INFO, "certificate of http loaded",
            F_I64("expires_in_days",
                  (tls_bundle_expires(tls_store_current(tls)) - now_s()) / 86400));
        log_lines(LOG_WARN, "certificate of http", "warning", &warnings);
        show_tls(w, http);
    } else if (loaded == TLS_NOT_LOADED) {
        log_lines(LOG_ERROR, "certificate of http not loaded, the old one stays", "error", &errors);
    }
    if (loaded != TLS_UNCHANGED) {
        w->tls_bad = loaded == TLS_NOT_LOADED;
        note(w, !w->tls_bad);
    }
    buf_release(&errors);
    buf_release(&warnings);
}

void server_web_look(struct server_web *w, struct http_server *http)
{
    if (w->path == NULL)
        return;
    struct file_stamp there[FILES];
    stamps_take(w, there);
    bool changed = !stamps_eq(there, w->loaded), settled = stamps_eq(there, w->seen);
    memcpy(w->seen, there, sizeof w->seen);
    if (changed && settled)
        load(w, http);
    else if (w->in_force.tls != NULL)
        look_at_tls(w, http);
}

void server_web_reload(struct server_web *w, struct http_server *http)
{
    if (w->path != NULL)
        load(w, http);
}

bool server_web_refused(const struct server_web *w)
{
    return atomic_load_explicit(&w->refused, memory_order_relaxed);
}

void server_web_close(struct server_web *w)
{
    if (w->path == NULL)
        return;
    http_auth_free(w->auth);
    http_rate_release(&w->rate);
    core_web_release(&w->in_force);
    web_config_release(&w->tried);
    w->path = NULL;
}
