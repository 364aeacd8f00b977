/*
 * A step calls GnuTLS, which calls the guard and push for the bytes; result_of makes a result of
 * ours of what it says, with words for the log.
 *
 * The file's parts: making, results, handshake, data.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <gnutls/gnutls.h>

#include "base/mem.h"
#include "base/slice.h"
#include "tls/bundle_priv.h"
#include "tls/guard.h"
#include "tls/session.h"

/* Records without data (alerts that are no error, keys that change) that one read steps over. */
enum { EMPTY_RECORDS_MAX = 16 };

struct tls_session {
    struct guard guard; /* its thread is the session's */
    gnutls_session_t tls;
    bool answered; /* something was sent */
    bool unsent;   /* GnuTLS holds a record that the socket did not take */
};

static void session_check(const struct tls_session *s)
{
    const struct guard *g = &s->guard;
    assert(s->tls != NULL && g->bundle != NULL && g->fd >= 0);
    assert(g->unfinished == 0 || g->spoke_tls); /* GnuTLS gets no byte before the first is known */
    assert(s->answered || !s->unsent);
}

/* The socket, as GnuTLS sees it. */
static ssize_t push(gnutls_transport_ptr_t ptr, const giovec_t *iov, int n)
{
    struct tls_session *s = ptr;
    struct iovec copy[8];
    struct msghdr m = { .msg_iov = copy };
    for (; m.msg_iovlen < (size_t)n && m.msg_iovlen < ARRAY_LEN(copy); m.msg_iovlen++)
        copy[m.msg_iovlen] = iov[m.msg_iovlen];
    s->answered = true;
    return sendmsg(s->guard.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* --- making --- */

static int setup(struct tls_session *s)
{
    gnutls_transport_set_ptr(s->tls, s);
    gnutls_transport_set_vec_push_function(s->tls, push);
    return guard_attach(&s->guard, s->tls);
}

struct tls_session *tls_session_new(struct tls_bundle *b, int fd, const char *server_name)
{
    /* FORCE: a client sends its certificate whichever CAs the server names, as OpenSSL does. */
    unsigned flags =
        GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS | GNUTLS_FORCE_CLIENT_CERT;
    struct tls_session *s = mem_zalloc(sizeof *s);
    assert(server_name == NULL || b->side == TLS_CLIENT);
    guard_begin(&s->guard, b, fd, server_name);
    if (gnutls_init(&s->tls, flags | (b->side == TLS_SERVER ? GNUTLS_SERVER : GNUTLS_CLIENT)) ==
        0) {
        if (setup(s) == 0)
            return s;
    } else {
        s->tls = NULL;
    }
    tls_session_free(s);
    return NULL;
}

void tls_session_free(struct tls_session *s)
{
    if (s == NULL)
        return;
    if (s->tls != NULL)
        gnutls_deinit(s->tls);
    guard_end(&s->guard);
    free(s);
}

bool tls_session_answered(const struct tls_session *s)
{
    return s->answered &&
           gnutls_handshake_get_last_out(s->tls) != GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST;
}

const char *tls_session_error(const struct tls_session *s)
{
    return s->guard.error != NULL ? s->guard.error : "";
}

/* --- results --- */

/* What the peer said when it refused us. */
static const char *alert_text(gnutls_alert_description_t alert)
{
    switch (alert) {
    case GNUTLS_A_UNKNOWN_CA:
        return "the peer does not know the CA of our certificate";
    case GNUTLS_A_BAD_CERTIFICATE:
    case GNUTLS_A_CERTIFICATE_UNKNOWN:
    case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
        return "the peer refused our certificate";
    case GNUTLS_A_CERTIFICATE_EXPIRED:
        return "the peer says that our certificate has expired";
    case GNUTLS_A_CERTIFICATE_REQUIRED:
        return "the peer wants a certificate from us";
    case GNUTLS_A_PROTOCOL_VERSION:
        return "the peer has no TLS version in common";
    case GNUTLS_A_HANDSHAKE_FAILURE:
    case GNUTLS_A_INSUFFICIENT_SECURITY:
        return "the peer has no cipher in common, or refused our certificate";
    default:
        return "the peer refused by an alert";
    }
}

/* clang-format off */
static const struct { int error; const char *text; } errors[] = {
    { GNUTLS_E_NO_CIPHER_SUITES,          "no cipher in common" },
    { GNUTLS_E_UNSUPPORTED_VERSION_PACKET, "no TLS version in common" },
    { GNUTLS_E_NO_COMMON_KEY_SHARE,       "no curve in common" },
    { GNUTLS_E_UNWANTED_ALGORITHM,        "no signature algorithm in common" },
    { GNUTLS_E_INCOMPATIBLE_SIG_WITH_KEY, "no signature algorithm in common" },
    { GNUTLS_E_NO_CERTIFICATE_FOUND,      "the peer sent no certificate" },
    { GNUTLS_E_CERTIFICATE_REQUIRED,      "the peer sent no certificate" },
    { GNUTLS_E_CERTIFICATE_ERROR,         "the peer's certificate does not verify" },
    { GNUTLS_E_PREMATURE_TERMINATION,     "the peer closed the connection in the handshake" },
    { GNUTLS_E_PULL_ERROR,                "the connection was reset" },
    { GNUTLS_E_PUSH_ERROR,                "the connection was reset" },
    { GNUTLS_E_SESSION_EOF,               "the peer closed the connection in the handshake" },
    { GNUTLS_E_UNEXPECTED_PACKET_LENGTH,  "broken TLS record" },
    { GNUTLS_E_RECORD_OVERFLOW,           "broken TLS record" },
    { GNUTLS_E_DECRYPTION_FAILED,         "a record was changed on its way" },
    { GNUTLS_E_HANDSHAKE_TOO_LARGE,       "a handshake message is too large" },
    { GNUTLS_E_REHANDSHAKE,               "the peer wants another handshake" },
    { GNUTLS_E_MEMORY_ERROR,              "out of memory" },
};
/* clang-format on */

/* GnuTLS says "no cipher" also where the version in the hello is one that we do not take. */
static bool is_version_of_ours(const struct tls_session *s)
{
    const unsigned *list;
    int n = gnutls_priority_protocol_list(s->guard.bundle->priority, &list);
    for (int i = 0; i < n; i++) {
        if (list[i] == (unsigned)gnutls_protocol_get_version(s->tls))
            return true;
    }
    return false;
}

/* What GnuTLS puts less precisely. */
static int precisely(const struct tls_session *s, int rc)
{
    if (rc == GNUTLS_E_UNEXPECTED_PACKET_LENGTH && s->guard.ended)
        return GNUTLS_E_PREMATURE_TERMINATION;
    if (rc == GNUTLS_E_NO_CIPHER_SUITES && !is_version_of_ours(s))
        return GNUTLS_E_UNSUPPORTED_VERSION_PACKET;
    return rc;
}

static const char *text_of(const struct tls_session *s, int rc)
{
    if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return alert_text(gnutls_alert_get(s->tls));
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (errors[i].error == rc)
            return errors[i].text;
    }
    return gnutls_strerror(rc);
}

/* rc is less than 0. */
static enum tls_result result_of(struct tls_session *s, int rc)
{
    if (rc == GNUTLS_E_AGAIN)
        return gnutls_record_get_direction(s->tls) == 1 ? TLS_WANT_WRITE : TLS_WANT_READ;
    if (s->guard.error == NULL) /* else the guard knew better */
        s->guard.error = text_of(s, rc);
    return TLS_FAILED;
}

/* Does GnuTLS want to be called again at once? */
static bool goes_on(int rc)
{
    return rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED;
}

/* --- handshake --- */

enum tls_result tls_session_handshake(struct tls_session *s)
{
    int rc = GNUTLS_E_INTERRUPTED;
    session_check(s);
    for (int i = 0; goes_on(rc) && i < EMPTY_RECORDS_MAX; i++)
        rc = gnutls_handshake(s->tls);
    if (rc == 0 && guard_lacks_certificate(&s->guard, s->tls))
        rc = GNUTLS_E_CERTIFICATE_REQUIRED;
    if (rc == 0) {
        guard_opened(&s->guard);
        return TLS_DONE;
    }
    rc = precisely(s, rc);
    if (rc == GNUTLS_E_PREMATURE_TERMINATION && !s->guard.spoke_tls)
        return TLS_CUT;
    enum tls_result result = result_of(s, rc);
    if (result == TLS_FAILED && s->guard.spoke_tls && rc != GNUTLS_E_FATAL_ALERT_RECEIVED)
        (void)gnutls_alert_send_appropriate(s->tls, rc);
    return result;
}

/* --- data --- */

enum tls_result tls_session_read(struct tls_session *s, void *p, size_t room, size_t *ret_n)
{
    ssize_t rc = GNUTLS_E_INTERRUPTED;
    session_check(s);
    assert(room > 0);
    for (int i = 0; goes_on((int)rc) && i < EMPTY_RECORDS_MAX; i++)
        rc = gnutls_record_recv(s->tls, p, room);
    if (rc > 0) {
        assert((size_t)rc <= room);
        *ret_n = (size_t)rc;
        guard_opened(&s->guard);
        return TLS_DONE;
    }
    if (rc == 0)
        return TLS_CLOSED;
    if (precisely(s, (int)rc) == GNUTLS_E_PREMATURE_TERMINATION)
        return TLS_CUT;
    return result_of(s, (int)rc);
}

enum tls_result tls_session_write(struct tls_session *s, const void *p, size_t n, size_t *ret_n)
{
    ssize_t rc;
    session_check(s);
    assert(n > 0);
    do
        rc = s->unsent ? gnutls_record_send(s->tls, NULL, 0) : gnutls_record_send(s->tls, p, n);
    while (rc == GNUTLS_E_INTERRUPTED);
    s->unsent = rc == GNUTLS_E_AGAIN;
    if (rc < 0)
        return result_of(s, (int)rc);
    *ret_n = (size_t)rc;
    return TLS_DONE;
}

size_t tls_session_pending(const struct tls_session *s)
{
    return gnutls_record_check_pending(s->tls);
}

enum tls_result tls_session_bye(struct tls_session *s)
{
    int rc = gnutls_bye(s->tls, GNUTLS_SHUT_WR);
    return rc == 0 ? TLS_DONE : rc == GNUTLS_E_INTERRUPTED ? TLS_WANT_WRITE : result_of(s, rc);
}
