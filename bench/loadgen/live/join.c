#include "join.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/err.h"
#include "base/now.h"

/* A master whose host is gone says no goodbye: a worker's reports that nobody acknowledges for so
 * long end it, rather than after the quarter of an hour of TCP, in which it would send on. */
enum { SILENT_MS = 15000 };

static const char *text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static int refuse(struct wire *w, const char *why)
{
    (void)wire_put(w, json_pack("{s:s}", "error", why));
    return -EACCES;
}

static int welcome(struct join *j, struct wire *w, const struct token *t, const json_t *said)
{
    char mine[CHALLENGE_TEXT], proof[PROOF_TEXT];
    const char *challenge = text(said, "challenge"), *name = text(said, "name"),
               *hello = text(said, "hello");
    if (hello == NULL || strcmp(hello, "statsd-bench") != 0 || challenge == NULL ||
        strlen(challenge) != CHALLENGE_TEXT - 1 || name == NULL || strlen(name) >= JOIN_NAME_MAX ||
        *name == '\0')
        return refuse(w, "this is no hello of a statsd-bench --worker");
    if (json_integer_value(json_object_get(said, "version")) != JOIN_VERSION)
        return refuse(w, "another version of statsd-bench: master and workers have to be the same");
    wire_text(said, "name", j->name, sizeof j->name);
    challenge_make(mine);
    proof_make(t, "master", challenge, mine, proof);
    proof_make(t, "worker", challenge, mine, j->proof);
    j->welcomed = true;
    return wire_put(w, json_pack("{s:s, s:s}", "challenge", mine, "proof", proof));
}

int join_hear(struct join *j, struct wire *w, const struct token *t, const json_t *said)
{
    if (!j->welcomed)
        return welcome(j, w, t, said);
    if (!proof_holds(j->proof, text(said, "proof")))
        return refuse(w, "the token is not the master's: --token-file");
    return 1;
}

/* returns  0; -errno */
static int connect_to(const char *master, struct wire *w, struct buf *error)
{
    struct sockaddr_storage a;
    socklen_t len;
    int rc = address_parse(slice_str(master), JOIN_PORT, &a, &len);
    if (rc < 0) {
        buf_printf(error, "--master %s: %s", master, address_error(rc));
        return rc;
    }
    const unsigned silent_ms = SILENT_MS;
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
    rc = fd < 0 || connect(fd, (struct sockaddr *)&a, len) < 0 ? -errno : 0;
    if (rc == 0) {
        wire_open(w, fd);
        return 0;
    }
    if (fd >= 0)
        close(fd);
    buf_printf(error, "--master %s: %s.  Is it running, with --listen-workers?", master,
               err_text(rc));
    return rc;
}

/* The next object of the master, owned; NULL: none within JOIN_MS. */
static json_t *hear(struct wire *w)
{
    json_t *o = NULL;
    int rc = 0;
    for (uint64_t until_ms = now_mono_ms() + JOIN_MS, now_ms;
         rc == 0 && o == NULL && (now_ms = now_mono_ms()) < until_ms;) {
        struct pollfd p = { .fd = w->fd, .events = POLLIN };
        if (poll(&p, 1, (int)(until_ms - now_ms)) > 0)
            rc = wire_fill(w);
        if (rc == 0)
            rc = wire_next(w, &o);
    }
    return o;
}

static int shake_hands(const char *master, const struct token *t, struct wire *w, struct buf *error)
{
    char mine[CHALLENGE_TEXT], proof[PROOF_TEXT], host[40] = "", name[JOIN_NAME_MAX];
    char why[128];
    (void)gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "%s:%d", host, (int)getpid());
    challenge_make(mine);
    (void)wire_put(w, json_pack("{s:s, s:i, s:s, s:s}", "hello", "statsd-bench", "version",
                                JOIN_VERSION, "name", name, "challenge", mine));
    json_t *said = hear(w);
    const char *theirs = text(said, "challenge");
    wire_text(said, "error", why, sizeof why);
    if (theirs != NULL)
        proof_make(t, "master", mine, theirs, proof);
    int rc = theirs != NULL && proof_holds(proof, text(said, "proof")) ? 0 : -EACCES;
    if (rc == 0) {
        proof_make(t, "worker", mine, theirs, proof);
        rc = wire_put(w, json_pack("{s:s}", "proof", proof));
    } else {
        buf_printf(error, "--master %s: %s", master,
                   why[0] != '\0'   ? why
                   : theirs != NULL ? "its token is not ours: --token-file"
                                    : "no answer of a statsd-bench --listen-workers");
    }
    json_decref(said);
    return rc;
}

int join_master(const char *master, const struct token *t, struct wire *w, struct buf *error)
{
    int rc = connect_to(master, w, error);
    if (rc < 0)
        return rc;
    rc = shake_hands(master, t, w, error);
    if (rc < 0)
        wire_close(w);
    return rc;
}
