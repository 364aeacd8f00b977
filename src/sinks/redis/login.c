/*
 *   redis_url_check      the URL, and whether the files fit it; nothing is read
 *   redis_files_check    reads them, for people
 *   redis_login          the two at the start; then on_look, once a second, for the certificates
 */
#include "sinks/redis/login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "sinks/redis/secret.h"
#include "tls/store.h"

enum { LOOK_MS = 1000 };

struct redis_login {
    struct redis_url url;
    char *password_file, *sentinel_file; /* NULL: none */
    struct tls_store *store;             /* NULL: plain */
    uv_timer_t look;
};

static int64_t now_s(void)
{
    return (int64_t)(now_wall_ms() / 1000);
}

static bool given(const char *file)
{
    return file != NULL && file[0] != '\0';
}

/* ---- checks ---- */

static const char *misfit(const struct redis_url *u, const struct redis_files *f)
{
    bool cert = given(f->tls_cert), key = given(f->tls_key);
    if (u->password != NULL && given(f->password))
        return "there is a password here and one in redis.password_file: keep one of them";
    if (u->user != NULL && u->password == NULL && !given(f->password))
        return "a user needs a password: redis://user:password@host, or redis.password_file";
    if (u->master == NULL && given(f->sentinel_password))
        return "redis.sentinel_password_file is for redis+sentinel://host:26379/master";
    if (!u->tls && (given(f->tls_ca) || cert || key))
        return "redis.tls_ca_file, tls_cert_file and tls_key_file are for rediss:// (TLS)";
    if (cert != key)
        return "redis.tls_cert_file and redis.tls_key_file go together: give both, or none";
    return NULL;
}

int redis_url_check(const char *url, const struct redis_files *files, const char **ret_error)
{
    static const struct redis_files none;
    struct redis_url u;
    int rc = redis_url_parse(url, &u, ret_error);
    if (rc < 0)
        return rc;
    const char *wrong = misfit(&u, files != NULL ? files : &none);
    redis_url_release(&u);
    if (wrong == NULL)
        return 0;
    if (ret_error != NULL)
        *ret_error = wrong;
    return -EINVAL;
}

static struct tls_opts tls_opts_of(const struct redis_files *f)
{
    return (struct tls_opts){ .side = TLS_CLIENT,
                              .ca_file = given(f->tls_ca) ? f->tls_ca : NULL,
                              .cert_file = given(f->tls_cert) ? f->tls_cert : NULL,
                              .key_file = given(f->tls_key) ? f->tls_key : NULL };
}

static int check_secret(const char *path, struct buf *errors, struct buf *warnings)
{
    char *secret = NULL;
    const char *wrong;
    bool open = false;
    int rc = given(path) ? redis_secret_read(path, &secret, &open, &wrong) : 0;
    redis_secret_forget(secret);
    if (rc < 0)
        buf_printf(errors, "%s: %s\n", path, wrong);
    else if (open)
        buf_printf(warnings, "%s: every user may read or change the password: chmod 0640\n", path);
    return rc < 0 ? -EINVAL : 0;
}

/* ret_store: untouched where the URL is not of TLS. */
static int read_files(const struct redis_url *u, const struct redis_files *f,
                      struct tls_store **ret_store, struct buf *errors, struct buf *warnings)
{
    const struct tls_opts tls = tls_opts_of(f);
    int password = check_secret(f->password, errors, warnings);
    int sentinel = check_secret(f->sentinel_password, errors, warnings);
    int store = u->tls ? tls_store_open(&tls, now_s(), ret_store, errors, warnings) : 0;
    return password < 0 || sentinel < 0 || store < 0 ? -EINVAL : 0;
}

int redis_files_check(const char *url, const struct redis_files *files, struct buf *errors,
                      struct buf *warnings)
{
    struct redis_url u;
    struct tls_store *store = NULL;
    int rc = redis_url_parse(url, &u, NULL);
    if (rc < 0)
        return rc;
    rc = read_files(&u, files, &store, errors, warnings);
    tls_store_free(store);
    redis_url_release(&u);
    return rc;
}

/* ---- certificates that change ---- */

static void log_lines(enum log_level level, const char *msg, const char *key, const struct buf *of)
{
    struct slice rest = buf_slice(of), line;
    while (slice_cut(&rest, '\n', &line))
        LOG(level, msg, F_SLICE(key, line));
}

static void on_look(uv_timer_t *t)
{
    struct redis_login *l = t->data;
    struct buf errors = { 0 }, warnings = { 0 };
    enum tls_loaded loaded = tls_store_look(l->store, now_s(), &errors, &warnings);
    if (loaded == TLS_LOADED) {
        LOG(LOG_INFO, "certificates of redis loaded",
            F_U64("reloads", tls_store_reloads(l->store).ok));
        log_lines(LOG_WARN, "certificates of redis", "warning", &warnings);
    } else if (loaded == TLS_NOT_LOADED) {
        log_lines(LOG_ERROR, "certificates of redis not loaded, the old ones stay", "error",
                  &errors);
    }
    buf_release(&errors);
    buf_release(&warnings);
}

/* ---- the login ---- */

static void release(struct redis_login *l)
{
    tls_store_free(l->store);
    redis_url_release(&l->url);
    free(l->password_file);
    free(l->sentinel_file);
    free(l);
}

static char *copy(const char *file)
{
    return given(file) ? mem_strdup(file) : NULL;
}

int redis_login_new(uv_loop_t *loop, const char *url, const struct redis_files *files,
                    struct redis_login **ret)
{
    static const struct redis_files none;
    const char *wrong = NULL;
    struct buf errors = { 0 }, warnings = { 0 };
    if (redis_url_check(url, files, &wrong) < 0) {
        LOG(LOG_ERROR, "redis.url is wrong", F_STR("error", wrong));
        return -EINVAL;
    }
    files = files != NULL ? files : &none;
    struct redis_login *l = mem_zalloc(sizeof *l);
    (void)redis_url_parse(url, &l->url, NULL); /* as it was checked */
    int rc = read_files(&l->url, files, &l->store, &errors, &warnings);
    log_lines(LOG_WARN, "files of redis", "warning", &warnings);
    log_lines(LOG_ERROR, "files of redis", "error", &errors);
    buf_release(&errors);
    buf_release(&warnings);
    if (rc < 0) {
        release(l);
        return rc;
    }
    l->password_file = copy(files->password);
    l->sentinel_file = copy(files->sentinel_password);
    uv_timer_init(loop, &l->look);
    l->look.data = l;
    if (l->store != NULL)
        uv_timer_start(&l->look, on_look, LOOK_MS, LOOK_MS);
    uv_unref((uv_handle_t *)&l->look); /* it keeps no loop running */
    *ret = l;
    return 0;
}

const struct redis_url *redis_login_url(const struct redis_login *l)
{
    return &l->url;
}

int redis_login_password(const struct redis_login *l, const struct redis_url *u, bool sentinel,
                         char **ret, char *why, size_t n)
{
    const char *file = l == NULL ? NULL : sentinel ? l->sentinel_file : l->password_file;
    const char *of_url = sentinel ? NULL : u->password, *wrong = NULL;
    *ret = file == NULL && of_url != NULL ? mem_strdup(of_url) : NULL;
    int rc = file != NULL ? redis_secret_read(file, ret, NULL, &wrong) : 0;
    if (rc < 0)
        snprintf(why, n, "%s: %s",
                 sentinel ? "redis.sentinel_password_file" : "redis.password_file", wrong);
    return rc;
}

struct tls_bundle *redis_login_tls(const struct redis_login *l)
{
    return l != NULL && l->store != NULL ? tls_store_current(l->store) : NULL;
}

static void on_closed(uv_handle_t *h)
{
    release(h->data);
}

void redis_login_free(struct redis_login *l)
{
    if (l == NULL)
        return;
    uv_close((uv_handle_t *)&l->look, on_closed);
}
