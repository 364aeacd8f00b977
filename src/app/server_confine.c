/*
 * The process gives up what it needs no more: between the last socket and the first thread.
 *
 *   server_user_open     server.user, before anything is opened
 *   server_confine       give_sockets -> become -> no new privileges -> limit_files -> limit_calls
 *     limit_files          allow_read, allow_sockets, allow_state, allow_capture
 *   server_confine_explain   why a file cannot be read again
 *
 * Rules of files come before the filter of calls, which has no call for them.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/server_priv.h"
#include "base/err.h"
#include "sandbox/calls.h"
#include "sandbox/files.h"
#include "sandbox/process.h"

/* ---- who it is ---- */

static int refuse_user(const struct server *s, const char *why, const char *remedy)
{
    LOG(LOG_ERROR, "cannot become server.user", F_STR("user", s->config->server_user),
        F_STR("error", why), F_STR("remedy", remedy));
    return -EPERM;
}

int server_user_open(struct server *s)
{
    const char *why = "";
    if (sandbox_user_find(s->config->server_user, &s->user, &why) < 0)
        return refuse_user(s, why, "NAME, UID, or one of them and :GROUP");
    if (s->user.set && geteuid() != 0 && geteuid() != s->user.uid)
        return refuse_user(s, "the process is another user, and not root",
                           "start it as root, or leave server.user empty");
    if (!s->user.set && geteuid() == 0)
        LOG(LOG_WARN, "running as root",
            F_STR("risk", "who takes over the process has the machine"),
            F_STR("remedy", "set server.user (docs/sandbox.md)"));
    return 0;
}

uid_t server_user_uid(const struct server *s)
{
    return s->user.set ? s->user.uid : geteuid();
}

int server_user_become(struct server *s)
{
    const char *why = "";
    if (sandbox_user_become(&s->user, &why) < 0)
        return refuse_user(s, why, "see docs/sandbox.md");
    return 0;
}

static void give(struct server *s, const char *path, uint64_t dev, uint64_t ino)
{
    int rc = sandbox_user_give(&s->user, path, dev, ino);
    if (rc < 0)
        LOG(LOG_WARN, "cannot give a socket to server.user", F_STR("path", path),
            F_STR("error", err_text(rc)));
}

/* What root has made; who a socket's URL gives it to stays its owner. */
static void give_sockets(struct server *s)
{
    if (!s->user.set || geteuid() != 0)
        return;
    for (size_t i = 0; i < s->n_listeners; i++) {
        const struct listener *l = &s->listeners[i];
        if (l->file_ino != 0 && l->own && l->address.uid == LISTEN_OWNER_SELF)
            give(s, socket_url_where(&l->address), l->file_dev, l->file_ino);
    }
    if (s->hand_on.giver != NULL)
        give(s, s->config->server_control_socket, 0, 0);
}

/* ---- files ---- */

static void judge(int rc, const char *path)
{
    if (rc < 0 && rc != -ENOENT)
        LOG(LOG_WARN, "cannot be opened again, once the sandbox is on", F_STR("path", path),
            F_STR("error", err_text(rc)));
}

/* What is read again while the server runs: call(path) for each; an empty one is none. */
static void each_read(const struct server *s, void (*call)(void *cookie, const char *path),
                      void *cookie)
{
    const struct config *c = s->config;
    call(cookie, s->source->file != NULL ? s->source->file : "");
    call(cookie, c->prometheus_mapping);
    for (size_t i = 0; i < c->n_sockets; i++) {
        call(cookie, c->sockets[i].tls_cert);
        call(cookie, c->sockets[i].tls_key);
        call(cookie, c->sockets[i].tls_client_ca);
    }
    call(cookie, c->redis_password_file);
    call(cookie, c->redis_sentinel_password_file);
    call(cookie, c->redis_tls_ca_file);
    call(cookie, c->redis_tls_cert_file);
    call(cookie, c->redis_tls_key_file);
    server_web_each_file(&s->web, call, cookie);
}

static void allow_read(void *files, const char *path)
{
    if (path[0] != '\0')
        judge(sandbox_files_allow_folder_of(files, path, SANDBOX_READ), path);
}

static void allow_socket(struct sandbox_files *f, const char *path)
{
    judge(sandbox_files_allow_socket(f, path), path);
}

/* Of sockets that were taken over and the config has no more, the files are still to be removed. */
static void allow_left(const struct server *s, struct sandbox_files *f)
{
    for (size_t i = 0; i < s->manager.given.n; i++) {
        struct sockaddr_un at = { .sun_family = AF_UNSPEC };
        socklen_t len = sizeof at - 1;
        int fd = s->manager.given.at[i].fd;
        if (fd >= 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
            at.sun_family == AF_UNIX && at.sun_path[0] == '/')
            allow_socket(f, at.sun_path);
    }
}

static void allow_sockets(const struct server *s, struct sandbox_files *f)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        if (s->listeners[i].file_ino != 0)
            allow_socket(f, socket_url_where(&s->listeners[i].address));
    if (s->config->server_control_socket[0] != '\0')
        allow_socket(f, s->config->server_control_socket);
    allow_left(s, f);
}

/* By its descriptor, as all that is done there: root may keep a folder above it to itself. */
static int allow_state(const struct server *s, struct sandbox_files *f)
{
    const int dir = s->state_file.dir;
    return dir < 0 ? 0 : sandbox_files_allow_open(f, dir, SANDBOX_WRITE);
}

/* The same. */
static int allow_capture(const struct server *s, struct sandbox_files *f)
{
    const int dir = s->capturing.dir;
    return dir < 0 ? 0 : sandbox_files_allow_open(f, dir, SANDBOX_WRITE);
}

/* returns  the version of Landlock; 0: none is in force */
static int limit_files(const struct server *s)
{
    struct sandbox_files f;
    int rc = sandbox_files_begin(&f);
    if (rc == 0) {
        sandbox_files_allow_system(&f);
        each_read(s, allow_read, &f);
        allow_sockets(s, &f);
        rc = allow_state(s, &f);
        if (rc == 0)
            rc = allow_capture(s, &f);
        if (rc == 0)
            rc = sandbox_files_end(&f);
        else
            sandbox_files_drop(&f);
    }
    if (rc < 0)
        LOG(LOG_WARN, "no sandbox for files", F_STR("error", err_text(rc)),
            F_STR("remedy", "a kernel with Landlock (5.13), and a container that allows it"));
    return rc < 0 ? 0 : f.abi;
}

/* ---- all of it ---- */

static void confine(struct server *s, enum sandbox_mode mode)
{
    size_t calls = 0;
    /* The kernel's log has what a filter of calls would refuse; of files there is no such mode. */
    int landlock = mode == SANDBOX_LOG ? 0 : limit_files(s);
    int rc = mode == SANDBOX_LOG ? 0 : sandbox_no_core();
    if (rc < 0)
        LOG(LOG_WARN, "cannot forbid a core", F_STR("error", err_text(rc)));
    rc = sandbox_calls_limit(mode, &calls);
    if (rc < 0)
        LOG(LOG_WARN, "no sandbox for system calls", F_STR("error", err_text(rc)),
            F_STR("remedy", "a kernel with seccomp, and a container that allows it"));
    LOG(LOG_INFO, "sandbox",
        F_STR("mode", mode == SANDBOX_LOG  ? "log"
                      : mode == SANDBOX_ON ? "on"
                                           : "kill"),
        F_I64("landlock", landlock), F_U64("system_calls", calls));
}

int server_confine(struct server *s)
{
    enum sandbox_mode mode = (enum sandbox_mode)s->config->server_sandbox;
    give_sockets(s);
    int rc = server_user_become(s);
    if (s->hand_on.giver != NULL)
        giver_show_user(s->hand_on.giver);
    if (rc == 0)
        rc = server_state_usable(s);
    if (rc == 0)
        rc = capturing_usable(&s->capturing);
    if (rc < 0)
        return rc;
    rc = sandbox_no_new_privileges();
    if (rc < 0)
        LOG(LOG_WARN, "cannot give up new privileges", F_STR("error", err_text(rc)));
    if (mode != SANDBOX_OFF && !sandbox_fits())
        LOG(LOG_DEBUG, "no sandbox", F_STR("reason", "a build with a sanitizer cannot have one"));
    else if (mode != SANDBOX_OFF)
        confine(s, mode);
    return 0;
}

static void explain(void *unused, const char *path)
{
    (void)unused;
    reload_explain(path);
}

void server_confine_explain(const struct server *s)
{
    each_read(s, explain, NULL);
}
